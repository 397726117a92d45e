"""Which runs a command plays of files: streamer files, tables of events, a recording."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.fold.state import FoldSettings
from dqmstream.sources.cms.listing import has_streamer_files
from dqmstream.sources.cms.selection import HltSelection
from dqmstream.sources.cms.settings import ReadSettings, fed_ids
from dqmstream.sources.cms.source import LUMISECTION_SECONDS, streamer_sources
from dqmstream.sources.source import EventSource
from dqmstream.sources.tables import (
    KeyNames,
    TableSelection,
    TableSettings,
    TableSource,
    find_tables,
    table_sources,
)
from dqmstream.workspaces.fitting import columns_of
from playback.recordings import Recording, is_recording
from playback.retiming import RetimedRun
from services.runs import Runs

__all__ = ["FileOptions", "runs_of_files"]

_CHUNK_EVENTS: Final = 100
"""Small chunks: at the stream's 20 events/s a plot grows every few seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileOptions:
    """How to play files.

    Parameters
    ----------
    run, lumisections
        Number and length a recording is played as; it is repeated as often as need be. None: runs
        and LSs as they were recorded.
    as_run, loop_for
        Play the LSs of all files as one run of this number, from LS 1 on; over and over for so
        many LSs, or each once. None: runs and LSs as they are in the files.
    paths, prescale
        Which events to take: by HLT path (of tables, columns of booleans), one of so many.
    select
        Expression that must be true besides, of tables.
    chunk_events
        Events in a chunk; a recording has been cut already.
    tree, keys, events_per_lumisection
        As `TableSettings` takes them.
    all_columns
        Send all columns of files, not only those that somebody reads.
    feds
        FEDs that events of streamer files should have, as `1404,600-731`.
    """

    run: int | None = None
    lumisections: int | None = None
    as_run: int | None = None
    loop_for: int | None = None
    paths: tuple[str, ...] = ()
    prescale: int = 1
    select: str = ""
    chunk_events: int | None = None
    tree: str = ""
    keys: tuple[str, ...] = ()
    events_per_lumisection: int | None = None
    all_columns: bool = False
    feds: str = ""

    def of_streamer_files(self) -> ReadSettings:
        """How to read streamer files."""
        if self.select:
            msg = f"selection {self.select!r}: streamer files are selected by paths and prescale"
            raise ConfigurationError(msg)
        selection = HltSelection(paths=self.paths, prescale=self.prescale)
        return ReadSettings(
            selection=selection,
            chunk_events=self.chunk_events or _CHUNK_EVENTS,
            feds=fed_ids(self.feds),
        )

    def of_tables(self) -> TableSettings:
        """How to read tables."""
        usual = TableSettings()
        return TableSettings(
            tree=self.tree,
            keys=KeyNames.parsed(self.keys),
            events_per_lumisection=self.events_per_lumisection or usual.events_per_lumisection,
            selection=TableSelection(
                paths=self.paths, expression=self.select, prescale=self.prescale
            ),
            chunk_events=self.chunk_events or _CHUNK_EVENTS,
        )


def runs_of_files(files: Sequence[Path], options: FileOptions) -> Runs:
    """Runs of streamer files, tables and folders of them, or that of a recording.

    Raises
    ------
    SourceError
        If a file is not there, none can be read, or LSs lie too far apart to be played as they are.
    ConfigurationError
        If the options do not fit the files.
    """
    missing = [str(path) for path in files if not path.exists()]
    if missing:
        raise SourceError("file_missing", f"no such file or folder: {', '.join(missing)}")
    if options.loop_for is not None and options.as_run is None:
        msg = "a run of other LSs than were recorded is another run: number it by --as-run"
        raise ConfigurationError(msg)
    if len(files) == 1 and is_recording(files[0]):
        return _recording(Recording(files[0]), options)
    sources = _sources(files, options)
    if options.as_run is not None:
        sources = _retimed(sources, options.as_run, options.loop_for)
    else:
        _check_near(sources)
    return Runs(
        sources=_by_run(sources),
        columns=frozenset[str]().union(*map(columns_of, sources)),
    )


def _recording(recording: Recording, options: FileOptions) -> Runs:
    sources: list[EventSource] = list(recording.sources)
    run, length = options.as_run or options.run, options.loop_for or options.lumisections
    # Under other numbers what is known of an LS would be told of another.
    known = recording.conditions()
    if run is not None or length is not None or not recording.manifest.own_numbers:
        sources, known = _retimed(sources, run or sources[0].run, length), ()
    rows = recording.manifest.lumisections()
    return Runs(
        sources=_by_run(sources),
        seconds=next((one.seconds for _, _, one in rows), LUMISECTION_SECONDS),
        columns=frozenset[str]().union(*map(columns_of, sources)),
        conditions=known,
    )


def _by_run(sources: Iterable[EventSource]) -> list[list[EventSource]]:
    runs: dict[int, list[EventSource]] = {}
    for one in sources:
        runs.setdefault(one.run, []).append(one)
    return [runs[number] for number in sorted(runs)]


def _sources(files: Sequence[Path], options: FileOptions) -> list[EventSource]:
    """Of tables and of all else, which are streamer files or folders of them.

    What can be read of either is, and what cannot is said.
    """
    tables = find_tables(files)
    others = _not_tables(files, tables)
    readers: list[Callable[[], Iterable[EventSource]]] = []
    if tables:
        readers.append(lambda: _of_tables(tables, options))
    if others or not tables:
        readers.append(lambda: _of_streamer_files(others, options))
    found: list[EventSource] = []
    refused: list[SourceError] = []
    for read in readers:
        try:
            found += read()
        except SourceError as error:
            if error.reason != "no_files":
                raise
            refused.append(error)
    if not found:
        raise refused[0]
    for one in refused:
        typer.echo(f"skipped: {one.detail}", err=True)
    return found


def _not_tables(files: Sequence[Path], tables: Sequence[Path]) -> list[Path]:
    """Files that are no tables; folders, unless tables are all that they have."""
    inside = {path.parent.resolve() for path in tables}
    return [
        path
        for path in files
        if path not in tables
        and not (path.is_dir() and path.resolve() in inside and not has_streamer_files(path))
    ]


def _of_tables(tables: Sequence[Path], options: FileOptions) -> Iterable[EventSource]:
    sources, skipped = table_sources(tables, options.of_tables())
    for one in skipped:
        typer.echo(f"skipped {one.path}: {one.reason}: {one.detail}", err=True)
    return sources


def _of_streamer_files(files: Sequence[Path], options: FileOptions) -> Iterable[EventSource]:
    sources, listing = streamer_sources(files, options.of_streamer_files())
    for one in listing.skipped:
        typer.echo(f"skipped {one.path}: {one.reason}: {one.detail}", err=True)
    return sources


def _retimed(
    sources: Sequence[EventSource], run: int, lumisections: int | None
) -> list[EventSource]:
    """One run of all: sources of one name one after another, those of other names beside them."""
    by_name: dict[str, list[EventSource]] = {}
    for source in sources:
        by_name.setdefault(source.name, []).append(source)
    once = [RetimedRun(of_name, run=run) for of_name in by_name.values()]
    longest = lumisections or max(one.length for one in once)
    return [RetimedRun(of_name, run=run, lumisections=longest) for of_name in by_name.values()]


def _check_near(sources: Iterable[EventSource]) -> None:
    """Fillers refuse LSs that lie far from all others: say so before anything is sent."""
    fold = FoldSettings(partitions=1)
    for source in sources:
        if not isinstance(source, TableSource):
            continue
        filled = source.filled
        apart = max((b - a for a, b in itertools.pairwise(filled)), default=0)
        if apart > fold.max_jump or filled[-1] > fold.max_lumisection:
            detail = (
                f"run {source.run} of {source.name} has {len(filled)} LSs from {filled[0]} to "
                f"{filled[-1]}, up to {apart} apart: expected LSs up to {fold.max_lumisection} and "
                f"no more than {fold.max_jump} apart; play them as another run, "
                f"LSs 1 to {len(filled)}, by --as-run"
            )
            raise SourceError("lumisections_far_apart", detail)
