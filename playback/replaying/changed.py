"""A source of a run as it is played: under another number or name, with holes, late, on command."""

from collections.abc import Collection, Iterator, Mapping

from msgspec import structs

from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash
from dqmstream.sources.source import ColumnSource, EventSource, SourceChunk, SourceLumisection
from playback.replaying.changes import Changes
from playback.replaying.steering import Steering

__all__ = ["ChangedRun"]


class ChangedRun:
    """A source that can be read again, changed; LS numbers and chunks stay as they are.

    Events keep their columns. A source under another run number is marked `re-timed`. Its
    incarnation is that of the source, and of what is changed if LSs are left out: so the same
    replay twice is the same run.

    Parameters
    ----------
    source
        Whose events.
    run
        Number it is played under; None: its own.
    steering
        Ends it early, if it is told to.
    """

    rereadable = True

    def __init__(
        self,
        source: EventSource,
        changes: Changes,
        *,
        run: int | None = None,
        steering: Steering | None = None,
    ) -> None:
        self._source = source
        self._changes = changes
        self._steering = steering
        self.run = source.run if run is None else run
        self.name = changes.renamed.get(source.name, source.name)
        self.run_type = source.run_type
        self.first_lumisection = _first(source, changes)
        self.labels: Mapping[str, tuple[str, ...]] = source.labels
        marks = {"re-timed"} if self.run != source.run else set()
        self.marks = tuple(sorted(marks.union(source.marks)))
        self.incarnation = source.incarnation
        if changes.holes:
            self.incarnation = content_hash([source.incarnation, changes.holes])
        self._late = changes.late.get(source.name, 0.0)

    @property
    def source(self) -> EventSource:
        """Whose events they are."""
        return self._source

    @property
    def dies(self) -> bool:
        """As `Troubles` has it: it ends every run."""
        return False

    def times(self, lumisection: int) -> int:
        """How often each chunk of an LS is sent."""
        return self._changes.sent(lumisection)

    def alters(self, lumisection: int) -> bool:  # noqa: ARG002 as `Troubles` has it
        """Whether chunks come with another body, too: never."""
        return False

    @property
    def columns(self) -> frozenset[str] | None:
        """All columns that the source could send, if it says so."""
        return getattr(self._source, "columns", None)

    @property
    def decodes(self) -> bool:
        """Whether the source takes columns out of payloads."""
        return bool(getattr(self._source, "decodes", False))

    @property
    def reports(self) -> list[object]:
        """What the source says of its files, if it does."""
        return list(getattr(self._source, "reports", ()))

    def reading(self, columns: Collection[str], offered: Collection[str] = ()) -> "ChangedRun":
        """The same, of a source that sends only these columns, where it can choose."""
        source = self._source
        if isinstance(source, ColumnSource):
            source = source.reading(columns, offered)
        return ChangedRun(source, self._changes, run=self.run, steering=self._steering)

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        passed = 0.0
        for one in self._source.lumisections(max(after, self.first_lumisection - 1)):
            if self._steering is not None and self._steering.is_over(self.run):
                return
            if self._changes.is_hole(one.lumisection):
                passed += one.seconds
                continue
            yield _Shifted(one, passed, self._late)
            passed = 0.0


def _first(source: EventSource, changes: Changes) -> int:
    """The first LS that is no hole."""
    first = source.first_lumisection
    for begin, end in sorted(changes.holes, key=lambda hole: hole[0]):
        if begin <= first and (end is None or first <= end):
            if end is None:
                msg = f"run {source.run}: every LS from {begin} on is a hole: nothing is left"
                raise ConfigurationError(msg)
            first = end + 1
    return first


class _Shifted:
    """An LS that comes after a hole of so many seconds, and late by so many."""

    def __init__(self, one: SourceLumisection, passed: float, late: float) -> None:
        self.lumisection = one.lumisection
        self.seconds = one.seconds + passed
        self._one = one
        self._shift = passed + late

    def chunks(self) -> Iterator[SourceChunk]:
        for chunk in self._one.chunks():
            yield structs.replace(chunk, at=chunk.at + self._shift) if self._shift else chunk

    def notes(self) -> Mapping[str, int]:
        return self._one.notes()
