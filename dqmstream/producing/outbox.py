"""What a producer holds between its source and the log: a pure state machine.

Every chunk has a number of its LS and one fate: it is acknowledged, it was dropped and its events
are told of by a later chunk of the LS, or it is still here, waiting or in flight. Only a chunk
that was never sent may be dropped: of one that was sent nobody knows whether the log has it.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dqmstream.producing.cutting import Piece

__all__ = ["DROPPED", "EndedLumisection", "NumberedChunk", "Outbox"]

DROPPED: Final = "dropped_chunks"
"""The note that counts chunks of which nothing was sent."""
_OVERHEAD: Final = 512
"""Bytes a chunk takes besides its body; it also bounds how many empty ones are held."""


class NumberedChunk(NamedTuple):
    """A chunk with its number; the counts of its piece include what was dropped before it."""

    lumisection: int
    number: int
    piece: Piece

    @property
    def size(self) -> int:
        return len(self.piece.body) + _OVERHEAD


class EndedLumisection(NamedTuple):
    """An LS of which every chunk is acknowledged or dropped: what its LumisectionEnd says."""

    lumisection: int
    chunks: int
    seen: int
    selected: int
    dropped: int
    notes: Mapping[str, int]


@dataclass(slots=True)
class _Tally:
    """One LS: numbers given, events counted, chunks without a fate, events not told of yet."""

    chunks: int = 0
    seen: int = 0
    selected: int = 0
    dropped: int = 0
    unsettled: int = 0
    dropped_chunks: int = 0
    untold_seen: int = 0
    untold_dropped: int = 0
    notes: dict[str, int] | None = None


@dataclass(slots=True)
class _Held:
    """Chunks without a fate, oldest first, with when they were offered."""

    since: OrderedDict[tuple[int, int], float] = field(default_factory=OrderedDict)
    bytes: int = 0
    in_flight: int = 0


class Outbox:
    """Chunks of one source in one run, from numbering to acknowledgement.

    Parameters
    ----------
    most_bytes
        How much may be held.
    most_seconds
        How long the oldest may have been held when another is taken in; None does not limit it.
    """

    def __init__(self, most_bytes: int, most_seconds: float | None = None) -> None:
        self._most_bytes = most_bytes
        self._most_seconds = most_seconds
        self._lumisections: OrderedDict[int, _Tally] = OrderedDict()
        self._waiting: deque[NumberedChunk] = deque()
        self._held = _Held()
        self._last = 0
        self.high_bytes = 0

    # -------------------------------------------------------------- what is here

    @property
    def bytes(self) -> int:
        """Bytes held, in flight or not."""
        return self._held.bytes

    @property
    def in_flight_bytes(self) -> int:
        """Bytes taken to be sent and not acknowledged."""
        return self._held.in_flight

    @property
    def lumisections(self) -> int:
        """LSs begun and not closed."""
        return len(self._lumisections)

    @property
    def oldest(self) -> int | None:
        """The oldest LS begun and not closed."""
        return next(iter(self._lumisections), None)

    @property
    def has_waiting(self) -> bool:
        """Whether a chunk waits to be sent."""
        return bool(self._waiting)

    def has_room(self, size: int, now: float) -> bool:
        """Whether a chunk with a body of `size` bytes is within the limits."""
        if not self._held.since:
            return True
        if self._held.bytes + size + _OVERHEAD > self._most_bytes:
            return False
        oldest = next(iter(self._held.since.values()))
        return self._most_seconds is None or now - oldest <= self._most_seconds

    # ----------------------------------------------------------- from the source

    def offer(self, lumisection: int, piece: Piece, now: float) -> bool:
        """Number a chunk and take it in; False if there is no room: then it is dropped.

        Raises
        ------
        ValueError
            If a later LS has begun, or this one has ended.
        """
        tally = self._begun(lumisection)
        if self.has_room(len(piece.body), now):
            self._take_in(lumisection, tally, piece, now)
            return True
        tally.chunks += 1
        tally.dropped_chunks += 1
        tally.seen += piece.seen
        tally.dropped += piece.selected + piece.dropped
        tally.untold_seen += piece.seen
        tally.untold_dropped += piece.selected + piece.dropped
        return False

    def end(
        self,
        lumisection: int,
        notes: Mapping[str, int],
        empty: Piece,
        now: float,
        *,
        least_chunks: int = 0,
    ) -> None:
        """The LS has no more chunks; its end announces `least_chunks` of them, or more.

        If events were dropped that no chunk has told of, one more does: `empty`, which
        has none itself and is always taken in.
        """
        tally = self._begun(lumisection)
        if tally.untold_seen or tally.untold_dropped:
            self._take_in(lumisection, tally, empty, now)
        tally.chunks = max(tally.chunks, least_chunks)
        tally.notes = dict(notes)
        if tally.dropped_chunks:
            tally.notes[DROPPED] = tally.dropped_chunks

    def _begun(self, lumisection: int) -> _Tally:
        if lumisection not in self._lumisections and lumisection > self._last:
            self._last = lumisection
            self._lumisections[lumisection] = _Tally()
        tally = self._lumisections.get(lumisection)
        if tally is None or lumisection < self._last or tally.notes is not None:
            msg = f"LS {lumisection} is over, the source has come to LS {self._last}"
            raise ValueError(msg)
        return tally

    def _take_in(self, lumisection: int, tally: _Tally, piece: Piece, now: float) -> None:
        told = piece._replace(
            seen=piece.seen + tally.untold_seen, dropped=piece.dropped + tally.untold_dropped
        )
        chunk = NumberedChunk(lumisection, tally.chunks, told)
        tally.untold_seen = tally.untold_dropped = 0
        tally.chunks += 1
        tally.unsettled += 1
        tally.seen += piece.seen
        tally.selected += piece.selected
        tally.dropped += piece.dropped
        self._waiting.append(chunk)
        self._held.since[lumisection, chunk.number] = now
        self._held.bytes += chunk.size
        self.high_bytes = max(self.high_bytes, self._held.bytes)

    # ---------------------------------------------------------------- to the log

    def take(self, until: int, batch_bytes: int, in_flight_bytes: int) -> list[NumberedChunk]:
        """The next chunks to send: of LSs up to `until`, within both limits.

        One chunk may be larger than a batch, and larger than what may be in flight if nothing is.
        """
        taken: list[NumberedChunk] = []
        size, free = 0, in_flight_bytes - self._held.in_flight
        while self._waiting and self._waiting[0].lumisection <= until:
            more = size + self._waiting[0].size
            if (more > batch_bytes and taken) or (more > free and (taken or self._held.in_flight)):
                break
            size = more
            taken.append(self._waiting.popleft())
        self._held.in_flight += size
        return taken

    def acknowledge(self, chunks: Sequence[NumberedChunk]) -> None:
        """The log has these chunks, which `take` gave."""
        for chunk in chunks:
            del self._held.since[chunk.lumisection, chunk.number]
            self._held.bytes -= chunk.size
            self._held.in_flight -= chunk.size
            self._lumisections[chunk.lumisection].unsettled -= 1

    def settled(self, until: int) -> list[EndedLumisection]:
        """LSs up to `until` that have ended and of which every chunk's fate is known, in order.

        None is given before all earlier ones; they stay until `close`.
        """
        found = []
        for lumisection, tally in self._lumisections.items():
            if lumisection > until or tally.notes is None or tally.unsettled:
                break
            found.append(
                EndedLumisection(
                    lumisection,
                    tally.chunks,
                    tally.seen,
                    tally.selected,
                    tally.dropped,
                    tally.notes,
                )
            )
        return found

    def close(self, lumisection: int) -> None:
        """The log has the LumisectionEnds of the oldest LS."""
        oldest, _ = self._lumisections.popitem(last=False)
        if oldest != lumisection:
            msg = f"LS {lumisection} was closed before LS {oldest}"
            raise ValueError(msg)
