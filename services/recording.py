"""What the command does that records: from files, a synthetic detector, or the log."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from dqmstream.booking.fill import required_columns
from dqmstream.clock import Clock, SystemClock
from dqmstream.conditions.synthetic import synthetic_conditions
from dqmstream.conditions.table import ConditionsTable
from dqmstream.errors import ConfigurationError
from dqmstream.messages.operations import Conditions
from dqmstream.sources.source import ColumnSource, EventSource
from dqmstream.workspaces.fitting import needed_columns
from playback.recordings import Recording, is_recording, record
from playback.recordings.from_log import Offsets, record_log
from playback.recordings.gathering import Key, Range
from playback.recordings.manifest import LumisectionEntry
from playback.recordings.narrowed import NarrowedSource
from services.conditions import conditions_of_runs, with_conditions
from services.input_files import FileOptions, runs_of_files
from services.log import open_log
from services.printing import print_json
from services.runs import Runs, chosen_scenario, synthetic_run
from services.settings import Settings
from services.startup import chosen_bookings, settings_in_force

__all__ = ["Recorded", "parse_offsets", "record_events", "record_from_log"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What is to be recorded, and where to."""

    folder: Path
    run: int | None = None
    first: int = 1
    last: int | None = None
    json: bool = False

    def __post_init__(self) -> None:
        if self.last is not None and self.last < self.first:
            msg = f"LSs {self.first} to {self.last}: expected the lower one first"
            raise ConfigurationError(msg)


def record_events(
    *,
    what: Mapping[str, Any],
    files: Sequence[Path],
    options: FileOptions,
    synthetic: Mapping[str, float] | None,
    scenario: str | None,
    given: Collection[str],
    faults: Sequence[str] | None,
    conditions: Sequence[Path],
    flags: Mapping[str, object],
    config: Path | None,
) -> int:
    """Record what files have, or a run of the synthetic detector; `what` as `Recorded` takes it."""
    chosen = Recorded(**what)
    settings = settings_in_force(flags, config)
    rows: tuple[Conditions, ...] = ()
    if synthetic is not None:
        played = chosen_scenario(scenario, synthetic, faults, given)
        runs = synthetic_run(played, speed=1.0)
        table: ConditionsTable | None = synthetic_conditions(played.config)
        origin = [f"scenario {played.name}" if played.name else "the synthetic detector"]
    else:
        runs = runs_of_files(files, options)
        table, origin = None, [path.name for path in files]
        if len(files) == 1 and is_recording(files[0]):
            rows = _wanted_rows(runs.conditions, chosen)
            origin = list(Recording(files[0]).manifest.origin) or origin
    runs = _reading(settings, _chosen(runs, chosen))
    if conditions:
        table, rows = conditions_of_runs(conditions, runs), ()
    if table is not None:
        runs, rows = with_conditions(runs, table), _wanted_rows(tuple(table), chosen)
        origin += [f"conditions of {path.name}" for path in conditions]

    def told(source: EventSource, entry: LumisectionEntry) -> None:
        _tell(chosen, Key(source.run, source.name, entry.lumisection), entry)

    recording = record(
        [source for of_run in runs.sources for source in of_run],
        chosen.folder,
        origin=origin,
        made=_now(SystemClock()),
        lumisections=(chosen.first, chosen.last),
        conditions=rows,
        told=told,
    )
    return _done(recording, chosen)


def record_from_log(
    *,
    what: Mapping[str, Any],
    offsets: str,
    seconds: float,
    flags: Mapping[str, object],
    config: Path | None,
) -> int:
    """Record what the log holds; `what` as `Recorded` takes it."""
    chosen = Recorded(**what)
    settings = settings_in_force(flags, config)
    places = parse_offsets(offsets)
    if not settings.kafka and not (settings.data / "log").is_dir():
        msg = f"no log in {settings.data}: name its folder by --data, or brokers by --kafka"
        raise ConfigurationError(msg)

    async def main() -> Recording:
        clock = SystemClock()
        async with open_log(settings, clock) as log:
            return await record_log(
                log,
                chosen.folder,
                wanted=Range(chosen.run, chosen.first, chosen.last),
                offsets=places,
                seconds=seconds,
                made=_now(clock),
                told=lambda key, entry: _tell(chosen, key, entry),
            )

    return _done(asyncio.run(main()), chosen)


def parse_offsets(text: str) -> Offsets | None:
    """`0:100-2000, 1:80-` as first offset and the one after the last of partitions; empty is None.

    Raises
    ------
    ConfigurationError
        If it is of another form.
    """
    found: dict[int, tuple[int, int | None]] = {}
    for part in (part.strip() for part in text.split(",") if part.strip()):
        partition, _, rest = part.partition(":")
        first, dash, last = rest.partition("-")
        try:
            number, begin = int(partition), int(first)
            end = int(last) if last.strip() else None
        except ValueError:
            dash = ""
        if not dash or number < 0 or begin < 0 or (end is not None and end <= begin):
            msg = f"offsets {part!r}: expected PARTITION:FIRST-END as 0:100-2000, or 0:100-"
            raise ConfigurationError(msg)
        found[number] = begin, end
    return found or None


def _chosen(runs: Runs, what: Recorded) -> Runs:
    """Those of the run that is asked for."""
    if what.run is None:
        return runs
    sources = [of_run for of_run in runs.sources if of_run[0].run == what.run]
    if not sources:
        have = ", ".join(str(of_run[0].run) for of_run in runs.sources)
        msg = f"run {what.run} is not there: found runs {have}"
        raise ConfigurationError(msg)
    return replace(runs, sources=sources)


def _reading(settings: Settings, runs: Runs) -> Runs:
    """The runs with all columns, or with those that named workspaces read."""
    if not settings.workspaces:
        return runs.reading(runs.columns)
    bookings = chosen_bookings(settings, columns=runs.columns)
    # What is known of LSs may be among the events already, and is kept if it is read.
    kept = frozenset[str]().union(*map(required_columns, bookings))
    chosen = runs.reading(needed_columns(bookings))
    sources = [
        [one if isinstance(one, ColumnSource) else NarrowedSource(one, kept) for one in of_run]
        for of_run in chosen.sources
    ]
    return replace(chosen, sources=sources)


def _wanted_rows(rows: Sequence[Conditions], what: Recorded) -> tuple[Conditions, ...]:
    return tuple(
        row
        for row in rows
        if what.run in {None, row.run}
        and row.lumisection >= what.first
        and (what.last is None or row.lumisection <= what.last)
    )


def _tell(what: Recorded, key: Key, entry: LumisectionEntry) -> None:
    if not what.json:
        notes = "".join(f", {count} {name}" for name, count in sorted(entry.notes.items()))
        typer.echo(
            f"run {key.run} LS {key.lumisection} {key.source}: {entry.selected} of {entry.seen} "
            f"events in {len(entry.chunks)} chunks{notes}"
        )


def _done(recording: Recording, what: Recorded) -> int:
    entries = [entry for _, _, entry in recording.manifest.lumisections()]
    summary = {
        "recording": str(recording.folder),
        "contents": recording.contents,
        "runs": [run.run for run in recording.manifest.runs],
        "lumisections": len(entries),
        "events": sum(one.selected for one in entries),
        "bytes": sum(one.bytes for one in entries),
    }
    if what.json:
        return print_json(summary)
    typer.echo(
        f"{recording.folder}: {summary['lumisections']} LSs, {summary['events']} events, "
        f"{summary['bytes']} bytes, contents {recording.contents}"
    )
    return 0


def _now(clock: Clock) -> str:
    return datetime.fromtimestamp(clock.wall() // 1_000_000_000, UTC).isoformat()
