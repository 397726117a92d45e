"""`dqmstream playback compare`: what it prints, and with which status it ends."""

from pathlib import Path
from typing import Final

import msgspec
import typer

from dqmstream.errors import ConfigurationError, LogError, LogOwnedError, StoreError
from dqmstream.histograms.memory import bytes_of, bytes_said
from playback.comparing.cache import Cache
from playback.comparing.command import Options, cache_folder, run_comparison
from playback.comparing.difference import UNJUDGEABLE
from playback.comparing.release import parse_release
from playback.comparing.report import Report, write_report
from services.printing import print_json
from services.saved_references import catalogue_file

__all__ = ["cache", "compare"]

_LISTED: Final = 10
"""Findings of one kind that are printed."""


def compare(
    *,
    production: str,
    candidate: str,
    recording: Path | None,
    policy: Path | None,
    report: Path | None,
    config: Path | None,
    references: str,
    run: int | None,
    repeats: int,
    memory: bool,
    minutes: float,
    again: bool,
    install: bool,
    cache: Path | None,
    cache_size: str,
    json: bool,
) -> int:
    """Compare, print what was found, write the report; status as `playback.comparing` has it."""
    folder = (cache or cache_folder()).absolute()
    if report is not None:
        _make(report)
    try:
        found = run_comparison(
            parse_release(production),
            parse_release(candidate),
            Options(
                recording=recording,
                run=run,
                policy=policy,
                configuration=config,
                catalogue=catalogue_file(references, folder) if references else None,
                cache=folder,
                cache_bytes=bytes_of(cache_size),
                repeats=repeats,
                memory=memory,
                seconds=60.0 * minutes,
                again=again,
                install=install,
            ),
            say=lambda text: typer.echo(text, err=True),
        )
        if report is not None:
            write_report(found.report, found.difference.elements, report)
    except LogOwnedError:
        raise
    except (LogError, StoreError) as error:
        return _unjudged(str(error))
    except OSError as error:
        # A full disk names no file, and who has waited too long no cause of the system.
        where = f"{error.filename or f'cache {folder}'}: " if error.errno else ""
        return _unjudged(f"{where}{error.strerror or error}")
    if json:
        print_json(found.report)
    else:
        _tell(found.report, report)
    return found.report.status


def _unjudged(why: str) -> int:
    # With status 1, as elsewhere, whoever gates on it would take it for a difference.
    typer.echo(f"dqmstream: could not be judged: {why}", err=True)
    return UNJUDGEABLE


def _make(report: Path) -> None:
    """Before anything is run: it may take an hour."""
    try:
        report.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"report {report}: no folder to write into: {error.strerror}"
        raise ConfigurationError(msg) from error


def cache(*, folder: Path | None, clear: bool, json: bool) -> int:
    """Print what the cache holds, or clear it."""
    held = Cache((folder or cache_folder()).absolute())
    before = held.entries()
    cleared = held.clear() if clear else False
    if json:
        words = msgspec.to_builtins(before, enc_hook=str)
        print_json({"folder": str(held.folder), "cleared": cleared, "entries": words})
    else:
        for kind in dict.fromkeys(one.kind for one in before):
            own = [one.size for one in before if one.kind == kind]
            typer.echo(f"{kind}: {len(own)}, {bytes_said(sum(own))}")
        typer.echo(f"{held.folder}: {bytes_said(sum(one.size for one in before))}")
    if clear and not cleared:
        typer.echo("a comparison is running: nothing was removed", err=True)
        return 1
    if clear and not json:
        typer.echo("cleared")
    return 0


def _tell(report: Report, folder: Path | None) -> None:
    wrong = [one for one in report.findings if not one.allowed]
    for kind in dict.fromkeys(one.kind for one in wrong):
        own = [one for one in wrong if one.kind is kind]
        for one in own[:_LISTED]:
            typer.echo(one.sentence())
        if len(own) > _LISTED:
            typer.echo(f"{kind.value}: {len(own) - _LISTED:,} more")
    allowed = sum(bool(one.allowed) for one in report.findings)
    if allowed:
        typer.echo(f"{allowed:,} allowed")
    for rule in report.unused:
        typer.echo(f"policy: {rule} allowed nothing", err=True)
    _tell_dependencies(report)
    compared = report.compared
    events = f"{compared['events']:,} events, " if "events" in compared else ""
    typer.echo(
        f"{report.verdict}: {compared['lumisections']:,} LSs, {events}"
        f"{compared['elements']:,} elements, {compared['verdicts']:,} verdicts compared"
    )
    if folder is not None:
        typer.echo(f"report: {folder / 'report.html'}")


def _tell_dependencies(report: Report) -> None:
    told = [
        f"{one.name} {one.production or 'none'} to {one.candidate or 'none'}"
        for one in report.dependencies[:_LISTED]
    ]
    if left := len(report.dependencies) - len(told):
        told.append(f"{left:,} more")
    if told:
        typer.echo(f"dependencies that differ: {', '.join(told)}")
