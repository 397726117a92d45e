"""What the commands do that make recordings and look at them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from dqmstream.identity import compact_ranges
from playback.recordings import Manifest, Recording
from playback.recordings.manifest import RunEntry, SourceEntry
from services.printing import print_json

__all__ = ["info", "verify"]

_SHOWN = 8


def verify(*, folder: Path, json: bool) -> int:
    """Tell all that is wrong with a recording; 1 if anything is."""
    recording = Recording(folder)
    problems = list(recording.problems())
    entries = [entry for _, _, entry in recording.manifest.lumisections()]
    events, size = sum(one.selected for one in entries), sum(one.bytes for one in entries)
    if json:
        print_json(
            {
                "recording": str(folder),
                "contents": recording.contents,
                "lumisections": len(entries),
                "events": events,
                "bytes": size,
                "problems": [one._asdict() for one in problems],
            }
        )
        return bool(problems)
    for one in problems:
        typer.echo(str(one))
    if problems:
        typer.echo(f"{folder}: {len(problems)} problems", err=True)
    else:
        typer.echo(
            f"{folder}: sound: {len(entries)} LSs, {events} events, {size} bytes, "
            f"contents {recording.contents}"
        )
    return bool(problems)


def info(*, folder: Path, json: bool) -> int:
    """Tell what is in a recording."""
    recording = Recording(folder)
    manifest = recording.manifest
    if json:
        return print_json(_summary(recording))
    for line in _lines(recording, manifest):
        typer.echo(line)
    return 0


def _lines(recording: Recording, manifest: Manifest) -> Iterator[str]:
    made = f"made {manifest.made or 'at an unknown time'}"
    by = f" by dqmstream {manifest.by}" if manifest.by else ""
    yield f"{recording.folder}: schema {manifest.schema}, {made}{by}"
    yield from (f"  of {one}" for one in manifest.origin)
    yield f"  contents {recording.contents}"
    if not manifest.own_numbers:
        yield "  runs and LSs of the events are not recorded: play them as a run of any number"
    if manifest.conditions is not None:
        yield f"  conditions of {manifest.conditions.lumisections} LSs"
    for run in manifest.runs:
        for source in run.sources:
            yield from _source_lines(run, source)


def _source_lines(run: RunEntry, source: SourceEntry) -> Iterator[str]:
    told = _told(source)
    yield f"run {run.run} {source.name} ({', '.join([source.run_type, *source.marks])}):"
    yield (
        f"  LS {told['lumisections'] or 'none'}: {told['selected']} of {told['seen']} events, "
        f"{told['dropped']} dropped, in {told['chunks']} chunks, {told['bytes']} bytes"
    )
    if told["holes"]:
        yield f"  without events: LS {told['holes']}"
    for name, count in {**told["notes"], **source.refused}.items():
        yield f"  {count} {name}"
    names = sorted(source.columns)
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        shown = ", ".join(names[:_SHOWN])
        yield f"  {len(names)} columns (hash {source.columns_hash}): {shown}{more}"


def _told(source: SourceEntry) -> dict[str, Any]:
    entries = source.lumisections
    notes: dict[str, int] = {}
    for entry in entries:
        for name, count in entry.notes.items():
            notes[name] = notes.get(name, 0) + count
    return {
        "lumisections": compact_ranges(one.lumisection for one in entries),
        "holes": compact_ranges(one.lumisection for one in entries if not one.chunks),
        "seconds": sum(one.seconds for one in entries),
        "seen": sum(one.seen for one in entries),
        "selected": sum(one.selected for one in entries),
        "dropped": sum(one.dropped for one in entries),
        "chunks": sum(len(one.chunks) for one in entries),
        "bytes": sum(one.bytes for one in entries),
        "notes": notes,
    }


def _summary(recording: Recording) -> dict[str, Any]:
    manifest = recording.manifest
    return {
        "recording": str(recording.folder),
        "schema": manifest.schema,
        "made": manifest.made,
        "by": manifest.by,
        "origin": manifest.origin,
        "messages": manifest.messages,
        "contents": recording.contents,
        "own_numbers": manifest.own_numbers,
        "conditions": manifest.conditions.lumisections if manifest.conditions else 0,
        "runs": [
            {
                "run": run.run,
                "sources": [
                    {
                        "name": source.name,
                        "run_type": source.run_type,
                        "marks": source.marks,
                        "columns": source.columns,
                        "columns_hash": source.columns_hash,
                        "refused": source.refused,
                        **_told(source),
                    }
                    for source in run.sources
                ],
            }
            for run in manifest.runs
        ],
    }
