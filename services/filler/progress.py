"""How far a filler is, what it has counted, and what its folds hold: for heartbeats and metrics.

Pure. Partitions are folded side by side in threads, so each batch is counted in a `Tally` of its
own, which is added up on the event loop.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dqmstream.fold.effects import Opened, SegmentId
from dqmstream.fold.partition import Applied, PartitionFold, Segment
from dqmstream.fold.run_state import RunState
from dqmstream.fold.state import ControlState
from dqmstream.messages.operations import OpenLumisection
from dqmstream.messages.topics import EVENTS
from dqmstream.transport.record import Record, TopicPartition
from services.monitoring.durations import Durations

__all__ = ["FillerProgress", "Tally", "missing_sources", "open_lumisections"]


@dataclass(slots=True)
class Tally:
    """Counts of records; `dropped` are events that sources did not send, as their chunks say."""

    records: int = 0
    events: int = 0
    dropped: int = 0
    duplicates: int = 0
    late_chunks: int = 0
    late_segments: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    newest: SegmentId | None = None

    def take(self, record: Record, applied: Applied) -> None:
        """Count a record that a fold has just applied."""
        self.records += 1
        self.duplicates += applied.duplicate
        for effect in applied.effects:
            if isinstance(effect, Opened):
                self.late_segments += effect.segment.segment > 0
                self.newest = effect.segment
        if applied.refused is not None:
            self.refused[applied.refused.reason] += 1
            return
        if applied.segment is None:
            return
        header = dict(record.headers)
        self.events += int(header["selected"])
        self.dropped += int(header["dropped"])
        self.late_chunks += applied.segment.segment > 0
        self.newest = applied.segment


@dataclass(slots=True)
class FillerProgress:
    """Counts since start, and what is held now.

    `refused` counts by reason, `closed` segments by why they closed, `missed` sources that were
    named missing by closes. `published` counts messages, `failures` tries that the log refused,
    `skipped` records that killed whoever folded them. `closing` is the time from a batch with a
    closing record to its closing sets being acknowledged, `event_to_closed` that from the log's
    taking a segment's newest chunk. `buffers` are bytes of open contents by workspace. `positions`
    and `lag` are in offsets, of the partitions owned.
    """

    records: int = 0
    events: int = 0
    dropped: int = 0
    duplicates: int = 0
    late_chunks: int = 0
    late_segments: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    published: int = 0
    published_bytes: int = 0
    closed: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    failures: int = 0
    skipped: int = 0
    closing: Durations = field(default_factory=Durations)
    event_to_closed: Durations = field(default_factory=Durations)
    buffers: dict[str, int] = field(default_factory=dict)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    lag: dict[TopicPartition, int] = field(default_factory=dict)
    open: tuple[OpenLumisection, ...] = ()
    missing: tuple[str, ...] = ()
    run: int | None = None
    lumisection: int | None = None

    @property
    def open_segments(self) -> int:
        """Segments open in the partitions owned."""
        return len(self.open)

    @property
    def awaited_sources(self) -> int:
        """Sources that open segments wait for."""
        return len({name for each in self.open for name in each.awaiting})

    @property
    def missing_sources(self) -> int:
        """Sources that were missed and have not spoken since."""
        return len(self.missing)

    def add(self, tally: Tally) -> None:
        """Count what a batch brought."""
        self.records += tally.records
        self.events += tally.events
        self.dropped += tally.dropped
        self.duplicates += tally.duplicates
        self.late_chunks += tally.late_chunks
        self.late_segments += tally.late_segments
        self.refused.update(tally.refused)
        if tally.newest is not None:
            self.run, self.lumisection = tally.newest.run, tally.newest.lumisection

    def note_closed(self, segment: Segment, *, seconds: float, now: int) -> None:
        """A segment's closing sets are acknowledged, `now` (wall clock in nanoseconds).

        Parameters
        ----------
        seconds
            Since the batch with its closing record was folded.
        """
        account = segment.ledger.account()
        self.closed[account.closed_by] += 1
        self.missed += len(account.missing)
        self.closing.note(seconds)
        if segment.heard:
            self.event_to_closed.note((now - segment.heard) / 1e9)

    def note_folds(self, folds: Iterable[PartitionFold[Any]]) -> None:
        """What the folds of the partitions owned hold now; not while one is being applied."""
        buffers: Counter[str] = Counter()
        positions: dict[TopicPartition, int] = {}
        missing: set[str] = set()
        open_now: list[OpenLumisection] = []
        for fold in folds:
            positions[EVENTS, fold.partition] = fold.position
            missing.update(missing_sources(fold.control.state))
            open_now += open_lumisections(fold)
            for number, filler in enumerate(fold.fillers):
                held = (segment.contents[number] for segment in fold.segments.values())
                buffers[filler.layout.workspace] += sum(
                    contents.cells.nbytes for contents in held if contents is not None
                )
        self.buffers, self.positions = dict(buffers), positions
        self.lag = {place: count for place, count in self.lag.items() if place in positions}
        self.missing = tuple(sorted(missing))
        self.open = tuple(sorted(open_now, key=lambda each: (each.since, each.lumisection)))


def open_lumisections(fold: PartitionFold[Any]) -> list[OpenLumisection]:
    """What is open on a partition, and whom it waits for."""
    found = []
    for run, lumisection, number in fold.control.state.open_segments():
        segment = fold.segments.get(SegmentId(run, lumisection, number))
        found.append(
            OpenLumisection(
                run=run,
                lumisection=lumisection,
                segment=number,
                partition=fold.partition,
                since=segment.since if segment is not None else 0,
                awaiting=tuple(sorted(_awaiting(fold.control.state.runs[run], lumisection))),
            )
        )
    return found


def _awaiting(run: RunState, lumisection: int) -> set[str]:
    state = run.lumisections[lumisection]
    # A late segment waits only for those who spoke in it.
    owing = run.awaited(lumisection) if state.segment == 0 else state.spoke
    names = {run.sources[index].source for index in owing if index not in state.markers}
    return names.union(run.unheard(lumisection)) if state.segment == 0 else names


def missing_sources(state: ControlState) -> set[str]:
    """Sources of runs going on that were missed, and have not spoken since."""
    names: set[str] = set()
    for run in state.runs.values():
        if run.ended:
            continue
        # Later incarnations stand further back and overwrite their predecessors.
        newest = {source.source: source for source in run.sources}
        names |= {name for name, each in newest.items() if not each.awaited and not each.ended}
        names |= set(run.absent)
    return names
