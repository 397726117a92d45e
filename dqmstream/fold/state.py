"""Control state of the fold: which LSs are open, which chunks were seen, who is awaited.

It is all a checkpoint holds. Contents are not in it: they are folded again from the checkpoint's
offset, which is why that is the start of the oldest segment not yet acknowledged.
"""

from collections.abc import Iterator
from typing import Self

import msgspec

from dqmstream.errors import MessageError
from dqmstream.identity import event_partition
from dqmstream.messages.struct import Value

__all__ = ["ControlState", "FoldSettings", "LumisectionState", "RunState", "SourceState"]


class FoldSettings(Value, frozen=True, kw_only=True):
    """What the fold depends on besides its records; part of a set's hash.

    `max_open` is M: more open segments in a run close the oldest. `max_jump` bounds how far an LS
    may lie from the known ones. `max_chunks` bounds chunk numbers, `ended_runs` is R.
    """

    partitions: int
    max_open: int = 8
    max_jump: int = 5000
    max_chunks: int = 1 << 20
    ended_runs: int = 64
    max_runs: int = 64
    max_sources: int = 256


class SourceState(msgspec.Struct, array_like=True):
    """One incarnation of a source in a run. `awaited` for LSs from `first` on."""

    source: str
    incarnation: str
    rereadable: bool
    first: int
    awaited: bool = True
    ended: bool = False


class LumisectionState(msgspec.Struct, array_like=True):
    """One LS on this partition; source indices refer to its run's `sources`.

    `segment` is the open one, or the last closed one. `seen` are bit masks of chunk numbers over
    all segments, `checksums` those of the chunks while the LS may still get more. `markers` are
    announced chunk counts, `spoke` who spoke in the open segment.
    """

    segment: int = 0
    open: bool = True
    markers: dict[int, int] = {}
    seen: dict[int, bytes] = {}
    checksums: dict[int, dict[int, int]] = {}
    spoke: list[int] = []

    def has_seen(self, source: int, number: int) -> bool:
        return bool(int.from_bytes(self.seen.get(source, b""), "little") >> number & 1)

    def note_seen(self, source: int, number: int, checksum: int) -> None:
        mask = int.from_bytes(self.seen.get(source, b""), "little") | 1 << number
        self.seen[source] = mask.to_bytes((mask.bit_length() + 7) // 8, "little")
        self.checksums.setdefault(source, {})[number] = checksum


class RunState(msgspec.Struct, array_like=True):
    """One run on this partition. `expected` are named sources that have not spoken yet."""

    sources: list[SourceState] = []
    expected: dict[str, int] = {}
    lumisections: dict[int, LumisectionState] = {}
    ended: bool = False

    def source(self, name: str, incarnation: str) -> int | None:
        """Index of an incarnation, None if it has not spoken."""
        for index, state in enumerate(self.sources):
            if state.source == name and state.incarnation == incarnation:
                return index
        return None

    def awaited(self, lumisection: int) -> list[int]:
        """Indices of the sources whose marker this LS waits for."""
        return [
            index
            for index, state in enumerate(self.sources)
            if state.awaited and not state.ended and state.first <= lumisection
        ]

    def unheard(self, lumisection: int) -> list[str]:
        """Expected sources that have not spoken and are awaited for this LS."""
        return [name for name, first in self.expected.items() if first <= lumisection]

    def open_segments(self) -> list[tuple[int, int]]:
        """(LS, segment) of all that are open, oldest first."""
        return sorted((ls, state.segment) for ls, state in self.lumisections.items() if state.open)

    def span(self) -> tuple[int, int] | None:
        """Lowest and highest known LS."""
        if not self.lumisections:
            return None
        return min(self.lumisections), max(self.lumisections)


class ControlState(msgspec.Struct, array_like=True):
    """State of one partition between two records. `ended` lists ended runs, oldest first."""

    runs: dict[int, RunState] = {}
    ended: list[int] = []
    forgotten: list[int] = []

    def encode(self) -> bytes:
        """Bytes of the state; mappings keep the order in which the fold filled them.

        That order is a function of the records alone and survives `decode`, so two fillers at one
        offset encode to equal bytes, wherever they began.
        """
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """State from `encode`'s bytes.

        Raises
        ------
        MessageError
            With reason `bad_state`.
        """
        try:
            return msgspec.msgpack.decode(data, type=cls)
        except msgspec.MsgspecError as error:
            raise MessageError("bad_state", f"checkpoint state: {error}") from error

    def open_segments(self) -> Iterator[tuple[int, int, int]]:
        """(run, LS, segment) of all that are open."""
        for run, state in self.runs.items():
            for lumisection, segment in state.open_segments():
                yield run, lumisection, segment


def expected_chunks(source: str, count: int, partition: int, partitions: int) -> int:
    """Bit mask of the chunk numbers below `count` that belong to this partition."""
    first = (partition - event_partition(source, 0, partitions)) % partitions
    return sum(1 << number for number in range(first, count, partitions))
