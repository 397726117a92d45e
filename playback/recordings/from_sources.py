"""Recording sources that can be read again, LS by LS."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.messages.operations import Conditions
from dqmstream.sources.source import EventSource, SourceLumisection
from playback.recordings.manifest import LumisectionEntry, SourceEntry
from playback.recordings.recording import Recording
from playback.recordings.writer import RecordingWriter

__all__ = ["record", "record_lumisections"]


def record(
    sources: Iterable[EventSource],
    folder: Path,
    *,
    origin: Sequence[str] = (),
    made: str = "",
    lumisections: tuple[int, int | None] = (1, None),
    conditions: Sequence[Conditions] = (),
    told: Callable[[EventSource, LumisectionEntry], None] | None = None,
) -> Recording:
    """Record sources that can be read again; going on where an earlier life was cut short.

    Memory holds one chunk at a time, and what the manifest will say. Blocks.

    Parameters
    ----------
    origin, made
        As `RecordingWriter` takes them.
    lumisections
        First and last LS; None: to the end.
    conditions
        What is known of the LSs besides, kept with them.
    told
        Called with each LS that is on the disk.

    Raises
    ------
    ConfigurationError
        If there is nothing to record, or the folder holds something else.
    SourceError
        If a source cannot be read.
    """
    taken = list(sources)
    first, last = lumisections
    named = [(one.run, one.name, one.incarnation) for one in taken]
    live = [one.name for one in taken if not one.rereadable]
    if live or len({one[:2] for one in named}) < len(named):
        msg = f"sources {named}: expected each once in a run, and none that is live ({live})"
        raise ConfigurationError(msg)
    known = [msgspec.to_builtins(row) for row in conditions]
    request = [named, first, last, known]
    with RecordingWriter(folder, request=request, origin=origin, made=made) as writer:
        for source in taken:
            writer.add_source(source.run, _source_entry(source, max(first, 1)))
            _record_source(writer, source, first, last, told)
        return writer.finish(conditions)


def record_lumisections(lumisections: Iterable[SourceLumisection], folder: Path) -> Recording:
    """Record LSs that are no source's, in rising order, as run 1; for tests and benchmarks."""
    source = SourceEntry(
        name="recording",
        incarnations=(),
        rereadable=False,
        run_type="pp_run",
        first_lumisection=1,
        marks=("re-timed",),
    )
    with RecordingWriter(folder, request="lumisections") as writer:
        writer.add_source(1, source)
        for one in lumisections:
            writer.add(1, source.name, one)
        return writer.finish(own_numbers=False)


def _source_entry(source: EventSource, first: int = 1) -> SourceEntry:
    """What a source says of itself."""
    return SourceEntry(
        name=source.name,
        incarnations=(source.incarnation,),
        rereadable=source.rereadable,
        run_type=source.run_type,
        first_lumisection=max(first, source.first_lumisection),
        marks=tuple(source.marks),
        labels={name: tuple(words) for name, words in source.labels.items()},
    )


def _record_source(
    writer: RecordingWriter,
    source: EventSource,
    first: int,
    last: int | None,
    told: Callable[[EventSource, LumisectionEntry], None] | None,
) -> None:
    after = first - 1
    while writer.entry(source.run, source.name, after + 1) is not None:
        after += 1
    for one in source.lumisections(after):
        if last is not None and one.lumisection > last:
            break
        entry = writer.entry(source.run, source.name, one.lumisection)
        if entry is None:
            entry = writer.add(source.run, source.name, one)
        if told is not None:
            told(source, entry)
