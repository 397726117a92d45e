"""What `dqmstream workspaces` does: reads a file, tries it on events, and tells a gateway what a
person decides."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.table import Table

from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking.fill import required_columns
from dqmstream.client import Client
from dqmstream.errors import BookingError
from dqmstream.histograms.memory import bytes_said, memory_of
from dqmstream.messages.booking import Booking
from dqmstream.messages.events import Chunk
from dqmstream.sources.source import EventSource, SourceChunk, SourceLumisection
from dqmstream.workspaces.trial import SampleChunk, try_workspace
from services.input_files import FileOptions, runs_of_files
from services.posting import post
from services.printing import moment, print_json
from services.startup import posted_limits, settings_in_force
from services.version_commands import say_versions, text_of, version_named
from services.version_commands import show as show_version
from services.workspaces.generation_set import posted_booking

__all__ = ["activate", "check", "dry_run", "history", "roll_back", "show"]

_ROUTE: Final = "posted-workspaces"
_SHOWN: Final = 40
_BARS: Final = " ▁▂▃▄▅▆▇█"
_WIDTH: Final = 24
_REFUSED: Final = 1


def check(*, file: Path, json: bool, config: Path | None) -> int:
    """Read a file as fillers read it, and compare it with the budgets of memory."""
    booking = _booking(file)
    posted_limits(settings_in_force({}, config)).memory.check(booking)
    cost = memory_of(booking)
    if json:
        return print_json(
            {
                "file": str(file),
                "workspace": booking.workspace,
                "elements": len(booking.elements),
                "bytes": cost.bytes,
            }
        )
    typer.echo(
        f"{file}: workspace {booking.workspace!r}, {len(booking.elements)} elements, one LS takes "
        f"{bytes_said(cost.bytes)}"
    )
    return 0


def dry_run(
    *,
    file: Path,
    events: Sequence[Path],
    options: FileOptions,
    most_events: int,
    url: str,
    token: str,
    json: bool,
    config: Path | None,
) -> int:
    """Say what a workspace would show and cost: of event files, or of the newest events of a
    running system; 1 if it could not be activated."""
    if events:
        found = _on_files(file, events, options, most_events, config)
    else:
        found = post(url, token, f"{_ROUTE}/dry-run", {"text": _checked(file)})
    if json:
        print_json(found)
    else:
        _say_tried(found)
    return _REFUSED if found["problem"] else 0


def activate(*, file: Path, why: str, unmeasured: bool, url: str, token: str, json: bool) -> int:
    """Put the workspace of a file in force, from the next run on."""
    body = {"text": _checked(file), "why": why, "unmeasured": unmeasured}
    return _told(_booking(file).workspace, post(url, token, f"{_ROUTE}/activate", body), json=json)


def roll_back(*, name: str, to: int | None, why: str, url: str, token: str, json: bool) -> int:
    """Put what was in force before in force again, from the next run on."""
    row = post(url, token, f"{_ROUTE}/{name}/rollback", {"to": to, "why": why})
    return _told(name, row, json=json)


def history(*, name: str | None, url: str, token: str, json: bool) -> int:
    """List the versions of a workspace, or all that were ever posted."""
    route = _ROUTE if name is None else f"{_ROUTE}/{name}/versions"
    with Client(url, token=token) as client:
        found = client.get(route)
    if json:
        return print_json(found)
    if name is None:
        _say_posted(found)
        return 0
    say_versions(found["versions"])
    for row in found["versions"]:
        if row["active"]:
            _say_notes(row)
    if found["active"] is None:
        typer.echo("none is in force")
    return 0


def show(*, name: str, number: int | None, url: str, token: str, json: bool) -> int:
    """Print the text of a version, by default of the one in force."""
    return show_version(route=f"{_ROUTE}/{name}", number=number, url=url, token=token, json=json)


def _booking(file: Path) -> Booking:
    return posted_booking(text_of(file), f"workspace file {file}")


def _checked(file: Path) -> str:
    """The text of a file that can be read here: a gateway says less of where it is wrong."""
    _booking(file)
    return text_of(file)


def _on_files(
    file: Path, events: Sequence[Path], options: FileOptions, most_events: int, config: Path | None
) -> dict[str, Any]:
    booking = _booking(file)
    limits = posted_limits(settings_in_force({}, config))
    limits.memory.check(booking)
    sample = _sample(booking, events, options, most_events)
    tried = try_workspace(booking, sample, clock=time.thread_time)
    problem = ""
    try:
        limits.check(tried, {}, unmeasured=False)
    except BookingError as error:
        problem = str(error)
    elements = [element._asdict() for element in tried.elements]
    return {**tried._asdict(), "elements": elements, "problem": problem}


def _sample(
    booking: Booking, files: Sequence[Path], options: FileOptions, most_events: int
) -> Iterator[SampleChunk]:
    runs = runs_of_files(files, options)
    wanted = required_columns(booking)
    runs = runs.reading(wanted, wanted)
    left = most_events
    for source in (one for of_run in runs.sources for one in of_run):
        for lumisection in source.lumisections(source.first_lumisection - 1):
            for number, chunk in enumerate(lumisection.chunks()):
                if left <= 0:
                    return
                columns = decode_chunk(_headers(source, lumisection, number, chunk), chunk.body, 0)
                left -= columns.events
                yield SampleChunk(source.run, lumisection.lumisection, source.name, number, columns)


def _headers(
    source: EventSource, lumisection: SourceLumisection, number: int, chunk: SourceChunk
) -> Chunk:
    return Chunk(
        run=source.run,
        lumisection=lumisection.lumisection,
        source=source.name,
        incarnation=source.incarnation,
        rereadable=source.rereadable,
        number=number,
        partitions=1,
        seen=chunk.seen,
        selected=chunk.selected,
        dropped=chunk.dropped,
        checksum=0,
    )


def _say_tried(found: Mapping[str, Any]) -> None:
    runs = f"run {', '.join(map(str, found['runs']))}" if found["runs"] else "no run"
    typer.echo(
        f"workspace {found['workspace']!r} on {found['events']} events of {runs}, "
        f"{found['lumisections']} LSs, {found['chunks']} chunks"
    )
    table = Table(box=None)
    for name in ("element", "entries", "mean", "one LS", "looks like"):
        table.add_column(name, overflow="fold", no_wrap=name == "looks like")
    for row in found["elements"][:_SHOWN]:
        table.add_row(
            row["path"],
            _number(row["value"] if row["entries"] is None else row["entries"]),
            _number(row["mean"]),
            bytes_said(row["bytes"]),
            row["invalid"] or _drawn(row["shape"]),
        )
    Console().print(table)
    if (more := len(found["elements"]) - _SHOWN) > 0:
        typer.echo(f"and {more} more elements: --json has them all")
    cost = found["microseconds"]
    told = "not known" if cost is None else f"{cost:.2f} microseconds an event"
    typer.echo(f"filling takes {told}; one LS takes {bytes_said(found['bytes'])}")
    typer.echo(f"it cannot be activated: {found['problem']}" if found["problem"] else "it fits")


def _number(value: float | str | None) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _drawn(shape: Sequence[float]) -> str:
    """Contents of bins as bars, from zero up."""
    if not shape:
        return ""
    step = max(1, -(-len(shape) // _WIDTH))
    pooled = [sum(shape[at : at + step]) for at in range(0, len(shape), step)]
    highest = max(pooled)
    if highest <= 0:
        return "empty"
    return "".join(_BARS[round((len(_BARS) - 1) * max(0.0, each) / highest)] for each in pooled)


def _say_posted(found: Mapping[str, Any]) -> None:
    for row in found["workspaces"]:
        active = row["active"]
        if active is None:
            typer.echo(f"{row['workspace']}: rolled back, {row['versions']} versions")
            continue
        typer.echo(
            f"{row['workspace']}: version {active['number']}, for runs after "
            f"{active['after_run']}, by {active['who']} {moment(active['when'])}: {active['why']}"
        )
        _say_notes(active)
    if not found["workspaces"]:
        typer.echo("no workspace was ever posted")
    behind = [one for one in found["processes"] if one["generation"] != found["generation"]]
    for one in _named(behind):
        typer.echo(f"{one} does not go by it yet", err=True)
    if not found["processes"]:
        typer.echo("nobody fills them: no filler is heard of", err=True)


def _named(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"{row['process']} ({row['state']})" for row in rows]


def _say_notes(row: Mapping[str, Any]) -> None:
    for name, value in row["notes"].items():
        typer.echo(f"     {name}: {value}")


def _told(name: str, row: Mapping[str, Any], *, json: bool) -> int:
    if json:
        return print_json(row)
    what = "no such workspace" if row["restores"] == 0 else version_named(row)
    typer.echo(f"{name}: {what} holds for runs that begin after {row['after_run']} ({row['hash']})")
    _say_notes(row)
    return 0
