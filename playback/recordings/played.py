"""A recorded source as an event source: the same chunks under the same numbers."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from dqmstream.identity import content_hash
from dqmstream.sources.source import SourceChunk, SourceLumisection
from playback.recordings.lumisection_file import bodies
from playback.recordings.manifest import LumisectionEntry, RunEntry, SourceEntry, contents_checksum

__all__ = ["RecordedRun"]

_SECONDS = 23.31


class RecordedRun:
    """One source in one run of a recording, as an `EventSource`.

    Its incarnation is that of the source which was recorded, for the chunks are the same, if that
    was one that can be read again; else the hash of what is recorded. LSs between those recorded
    come as holes, noted `not_recorded`.

    Parameters
    ----------
    folder
        Of the recording.
    run
        The run.
    entry
        What the manifest says of the source.
    own
        Whether run and LSs are those that the events had; if not, it is to be played as another
        run, by `playback.retiming`.
    """

    rereadable = True

    def __init__(self, folder: Path, run: int, entry: SourceEntry, *, own: bool = True) -> None:
        self.folder = folder
        self.run = run
        self.entry = entry
        self.own = own
        self.name = entry.name
        self.run_type = entry.run_type
        self.marks = entry.marks
        self.labels: Mapping[str, tuple[str, ...]] = entry.labels
        self.first_lumisection = entry.first_lumisection
        self._by_number = {one.lumisection: one for one in entry.lumisections}
        self.incarnation = (
            entry.incarnations[0]
            if entry.rereadable and len(entry.incarnations) == 1
            else content_hash(contents_checksum([RunEntry(run=run, sources=(entry,))]))
        )
        if entry.columns:
            self.columns = frozenset(entry.columns)

    @property
    def last_lumisection(self) -> int:
        """The last that was recorded; 0 if none was."""
        return max(self._by_number, default=0)

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        seconds = next((one.seconds for one in self._by_number.values()), _SECONDS)
        where = f"run {self.run} of {self.name}"
        for number in range(max(after + 1, self.first_lumisection), self.last_lumisection + 1):
            entry = self._by_number.get(number)
            if entry is None:
                hole = LumisectionEntry(
                    lumisection=number,
                    seconds=seconds,
                    file="",
                    checksum="",
                    chunks=(),
                    notes={"not_recorded": 1},
                )
                yield _Recorded(self.folder, hole, where)
            else:
                yield _Recorded(self.folder, entry, where)


class _Recorded:
    """One LS."""

    def __init__(self, folder: Path, entry: LumisectionEntry, where: str) -> None:
        self.lumisection = entry.lumisection
        self.seconds = entry.seconds
        self._folder = folder
        self._entry = entry
        self._where = where

    def chunks(self) -> Iterator[SourceChunk]:
        where = f"{self._where} LS {self.lumisection}"
        for chunk, body in bodies(self._folder, self._entry, where):
            yield SourceChunk(
                body=body,
                seen=chunk.seen,
                selected=chunk.selected,
                dropped=chunk.dropped,
                at=chunk.at,
            )

    def notes(self) -> Mapping[str, int]:
        return self._entry.notes
