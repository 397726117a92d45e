"""One filler that owns a partition, as the service runs it: fold, publish, acknowledge, decide."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from dqmstream.fold.closer import Closer, Decision
from dqmstream.fold.effects import SegmentId
from dqmstream.fold.holes import after_hole
from dqmstream.fold.merge import Merger
from dqmstream.fold.partition import FoldFactory, PartitionFold
from dqmstream.fold.segment import Segment
from dqmstream.fold.sets import histogram_sets, split
from dqmstream.fold.state import ControlState
from dqmstream.fold.testing.plan import Plan
from dqmstream.fold.testing.toy import Events, toy_columns, toy_fillers
from dqmstream.histograms.layout import Layout
from dqmstream.messages.chunk_headers import Headers
from dqmstream.messages.events import EventBatch
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.struct import Message

__all__ = [
    "LUMISECTION_TIMEOUT",
    "RUN_TIMEOUT",
    "SET",
    "Checkpoint",
    "Entry",
    "KilledError",
    "Owner",
    "Rules",
    "Shore",
]

SET = "toy-set"
LUMISECTION_TIMEOUT = 3.0
RUN_TIMEOUT = 6.0

_SMALL_BLOCK = 48
"""Bytes in one part of a set: small, so that most sets travel in several."""

ToyFold = PartitionFold[Events]


@dataclass(frozen=True, slots=True)
class Entry:
    """A record of an events partition. `message` is None where the bytes are none.

    A `deadly` one kills whoever folds it.
    """

    offset: int
    headers: Headers
    value: bytes | None
    message: Message | None
    honest: bool
    timestamp: int = 0
    deadly: bool = False


class Checkpoint(NamedTuple):
    """What was written, and how many sets were in the log when it was.

    The first one of an epoch `begins` it; `hole` are the offsets that it gives up, if it does.
    """

    partition: int
    epoch: int
    offset: int
    state: bytes
    published: int
    skip: frozenset[int] = frozenset()
    begins: bool = False
    hole: tuple[int, int] | None = None


class KilledError(Exception):
    """An owner folded a deadly record."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class Shore(Protocol):
    """What an owner sees of the world: the logs it reads and appends to."""

    @property
    def plan(self) -> Plan: ...
    @property
    def now(self) -> float: ...
    def entries(self, partition: int, position: int) -> Sequence[Entry]: ...
    def tell(self, partition: int, message: Message) -> None: ...
    def publish(self, piece: HistogramSet) -> None: ...
    def keep(
        self, partition: int, epoch: int, offset: int, state: bytes, skip: frozenset[int]
    ) -> None: ...
    def bury(self, partition: int, offset: int, reason: str) -> None: ...


class _Parcel(NamedTuple):
    """A set on its way to the log; `last` if with it a closed segment is out in whole."""

    piece: HistogramSet
    segment: SegmentId
    last: bool


class Owner:
    """A filler with one partition.

    Parameters
    ----------
    shore
        The logs.
    rules
        The parts under test.
    partition, writer, start
        Which partition, under what name, and from which checkpoint; None is the beginning.
    """

    def __init__(
        self,
        shore: Shore,
        rules: "Rules",
        partition: int,
        writer: str,
        start: Checkpoint | None = None,
    ) -> None:
        self.shore = shore
        self.partition = partition
        self.writer = writer
        self.epoch = 0 if start is None else start.epoch
        self.fold = rules.new_fold(shore.plan, partition, start)
        self.closer = rules.closer(LUMISECTION_TIMEOUT, RUN_TIMEOUT)
        self.dead = False
        self._queued: set[SegmentId] = set()
        self._shown: dict[SegmentId, int] = {}
        self._parcels: deque[_Parcel] = deque()
        self._out: list[SegmentId] = []

    @property
    def lag(self) -> int:
        """Records not yet folded."""
        return len(self.shore.entries(self.partition, self.fold.position))

    def read(self, most: int) -> int:
        """Fold at most so many records.

        Raises
        ------
        KilledError
            If one of them is deadly.
        """
        entries = self.shore.entries(self.partition, self.fold.position)[:most]
        for entry in entries:
            if entry.deadly and entry.offset not in self.fold.skip:
                raise KilledError(entry.offset)
            applied = self.fold.apply(entry)
            if applied.refused is not None:
                self.shore.bury(self.partition, entry.offset, applied.refused.reason)
            else:
                self._note(entry.message)
        return len(entries)

    def _note(self, message: Message | None) -> None:
        subject = message.chunk if isinstance(message, EventBatch) else message
        run = getattr(subject, "run", None)
        if isinstance(run, int):
            self.closer.note(run, getattr(subject, "lumisection", None), self.shore.now)

    # ----------------------------------------------------------------- publish

    def queue_closed(self) -> None:
        """Line up the closing sets of segments that are not yet."""
        for segment in self.fold.closed():
            if segment.id not in self._queued:
                self._queued.add(segment.id)
                self._queue(segment)

    def queue_open(self) -> None:
        """Line up the sets of open segments that have changed."""
        for segment in self.fold.open():
            if self._shown.get(segment.id) != segment.changes:
                self._shown[segment.id] = segment.changes
                self._queue(segment)

    def _queue(self, segment: Segment) -> None:
        sets = self.sets(segment)
        pieces = [piece for whole in sets for piece in split(whole, _SMALL_BLOCK)]
        for index, piece in enumerate(pieces):
            last = segment.closed and index == len(pieces) - 1
            self._parcels.append(_Parcel(piece, segment.id, last))

    def sets(self, segment: Segment) -> list[HistogramSet]:
        """The sets of a segment as this writer says them."""
        return histogram_sets(
            self.fold,
            segment,
            set_hash=SET,
            writer=self.writer,
            epoch=self.epoch,
            published=round(self.shore.now),
        )

    def send(self, most: int) -> int:
        """Append at most so many of the sets lined up."""
        sent = 0
        while self._parcels and sent < most:
            parcel = self._parcels.popleft()
            self.shore.publish(parcel.piece)
            sent += 1
            if parcel.last:
                self._out.append(parcel.segment)
        return sent

    def hear(self) -> None:
        """The log acknowledges what was appended."""
        for segment in self._out:
            self.fold.acknowledge(segment)
            self._shown.pop(segment, None)
        self._out.clear()

    # --------------------------------------------------------------- decisions

    def checkpoint(self) -> None:
        """Write where to begin again."""
        offset, state = self.fold.checkpoint()
        self.shore.keep(self.partition, self.epoch, offset, state, self.fold.skip)

    def decide(self) -> None:
        """Append what is due, if caught up."""
        if not self.lag:
            self.act(self.closer.decide(self.fold.control.state, self.shore.now))

    def act(self, decision: Decision) -> None:
        """First to all others, then here."""
        for message in decision.elsewhere:
            for other in range(self.shore.plan.partitions):
                if other != self.partition:
                    self.shore.tell(other, message)
        for closing in decision.here:
            self.shore.tell(self.partition, closing)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The parts under test; a test of the laws passes wrong ones."""

    fold: FoldFactory[Events] = PartitionFold
    closer: Callable[[float, float], Closer] = Closer
    merger: Callable[[Callable[[str], Layout | None]], Merger] = Merger
    owner: Callable[..., Owner] = Owner
    hole: Callable[[bytes | None, int, int], bytes] = after_hole

    def new_fold(self, plan: Plan, partition: int, start: Checkpoint | None = None) -> ToyFold:
        """A fold from a checkpoint, or from the beginning."""
        return self.fold(
            partition,
            plan.settings,
            toy_fillers(),
            toy_columns,
            position=0 if start is None else start.offset,
            state=None if start is None else ControlState.decode(start.state),
            skip=frozenset() if start is None else start.skip,
        )
