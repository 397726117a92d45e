"""Recorded events as another run: its LSs one after another, again and again, from LS 1 on."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash
from dqmstream.sources.source import ColumnSource, EventSource, SourceChunk, SourceLumisection

__all__ = ["RetimedRun"]

_HOLES: Final = frozenset({"no_file", "no_rows", "not_recorded"})
"""What sources note of an LS that has nothing to read."""


class RetimedRun:
    """Sources of one name, each of a run of its own, played as one run of any length.

    LSs of the sources come one after another without the holes between them, and begin again when
    all have been. The events keep their columns; only run and LS are new, and the run is marked
    `re-timed`. What a source could not use is counted again each time.

    Parameters
    ----------
    sources
        Re-readable ones, in the order in which they are played.
    run, lumisections
        Number and length of the run; None plays every LS once.

    Raises
    ------
    ConfigurationError
        If the run would have no LS, or its number is below 1.
    """

    rereadable = True
    first_lumisection = 1

    def __init__(
        self, sources: Sequence[EventSource], *, run: int, lumisections: int | None = None
    ) -> None:
        self._sources = tuple(sources)
        self._given = lumisections
        self._places = [(s, number) for s in sources for number in _filled(s)]
        self._length = len(self._places) if lumisections is None else lumisections
        if run < 1 or self._length < 1 or not self._places:
            msg = (
                f"run {run} of {self._length} LSs, made from {len(self._places)}: expected a run "
                "number from 1 on, and at least one LS"
            )
            raise ConfigurationError(msg)
        self.run = run
        self.name = sources[0].name
        self.run_type = sources[0].run_type
        self.labels: Mapping[str, tuple[str, ...]] = {
            name: words for source in reversed(sources) for name, words in source.labels.items()
        }
        self.marks = tuple(sorted({"re-timed"}.union(*(source.marks for source in sources))))
        self.incarnation = content_hash([[s.incarnation for s in sources], self._length])

    @property
    def length(self) -> int:
        """How many LSs the run has."""
        return self._length

    @property
    def reports(self) -> list[object]:
        """What the sources say of their files, if they do."""
        return [report for source in self._sources for report in getattr(source, "reports", ())]

    @property
    def columns(self) -> frozenset[str] | None:
        """All columns that the sources could send, if all of them say so."""
        said: list[frozenset[str] | None] = [getattr(s, "columns", None) for s in self._sources]
        known = [columns for columns in said if columns is not None]
        return frozenset[str]().union(*known) if len(known) == len(said) else None

    def reading(self, columns: Collection[str], offered: Collection[str] = ()) -> "RetimedRun":
        """The same run of sources that send only these columns, where they can choose."""
        offered = (self.columns or frozenset()).union(offered)
        chosen = [
            source.reading(columns, offered) if isinstance(source, ColumnSource) else source
            for source in self._sources
        ]
        return RetimedRun(chosen, run=self.run, lumisections=self._given)

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        for number in range(max(after, 0) + 1, self._length + 1):
            yield self._lumisection(number)

    def _lumisection(self, number: int) -> SourceLumisection:
        source, recorded = self._places[(number - 1) % len(self._places)]
        # Asked for anew each time: its notes are of one reading.
        one = next(iter(source.lumisections(recorded - 1)))
        # A run that is looped for days must not gather a report for each LS.
        return _Retimed(one, number, source if number > len(self._places) else None)


class _Retimed:
    """One LS under another number; of `forgetful` sources no new reports are kept."""

    def __init__(
        self, recorded: SourceLumisection, lumisection: int, forgetful: EventSource | None
    ) -> None:
        self.lumisection = lumisection
        self.seconds = recorded.seconds
        self._recorded = recorded
        self._forgetful = forgetful

    def chunks(self) -> Iterator[SourceChunk]:
        reports: list[object] = getattr(self._forgetful, "reports", [])
        before = len(reports)
        yield from self._recorded.chunks()
        del reports[before:]

    def notes(self) -> Mapping[str, int]:
        return self._recorded.notes()


def _filled(source: EventSource) -> list[int]:
    """LSs of a source that are no holes."""
    return [
        one.lumisection
        for one in source.lumisections(source.first_lumisection - 1)
        if _HOLES.isdisjoint(one.notes())
    ]
