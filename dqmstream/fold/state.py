"""Control state of the fold: which runs a partition knows, and the holes of its input.

It is all a checkpoint holds. Contents are not in it: they are folded again from the checkpoint's
offset, which is why that is the start of the oldest segment not yet acknowledged.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Final, Self

import msgspec

from dqmstream.errors import UNDECODABLE, MessageError
from dqmstream.fold.packing import pack, unpack
from dqmstream.fold.run_state import RunState
from dqmstream.messages.struct import Value

__all__ = ["ControlState", "FoldSettings", "Hole"]

_MOST_FORGOTTEN: Final = 4096
"""Numbers of forgotten runs kept one by one; of older ones only the highest."""


class FoldSettings(Value, frozen=True, kw_only=True):
    """What the fold depends on besides its records; part of a set's hash.

    `max_open` is M: more open segments in a run close the oldest. `max_jump` bounds how far an LS
    may lie from the known ones (1000 are 6.5 hours), `max_lumisection` its number. `max_chunks`
    bounds chunk numbers. `ended_runs` is R, and `ended_markers` bounds how many LumisectionEnds of
    ended runs are kept besides: a checkpoint must stay a message that a log takes. A run that
    begins more than `hole_seconds` of log time after a hole is taken to have lost nothing in it.
    """

    partitions: int
    max_open: int = 8
    max_jump: int = 1000
    hole_seconds: float = 3600.0
    max_lumisection: int = 10_000
    max_chunks: int = 1 << 20
    ended_runs: int = 64
    ended_markers: int = 2_000_000
    max_runs: int = 64
    max_sources: int = 256


class Hole(msgspec.Struct, array_like=True):
    """Records [first, following) expired before they were read; `stamp` is the log time of the
    first record folded after them, nanoseconds since 1970, -1 before it."""

    first: int
    following: int
    stamp: int = -1


class FrozenRun(msgspec.Struct, array_like=True, frozen=True):
    """An ended run put away, packed: hardly ever needed again, and not worth encoding at each
    segment that opens. `span` is its lowest and highest LS, `markers` how many it has."""

    span: tuple[int, int] | None
    closed: bool
    state: bytes
    markers: int

    @classmethod
    def of(cls, run: RunState) -> Self:
        markers = sum(len(lumisection.markers) for lumisection in run.lumisections.values())
        return cls(run.span(), run.closed, pack(msgspec.msgpack.encode(run)), markers)

    def thawed(self) -> RunState:
        return msgspec.msgpack.decode(unpack(self.state), type=RunState)


class ControlState(msgspec.Struct, array_like=True):
    """State of one partition between two records. `ended` lists ended runs, oldest first.

    Of those `frozen` are the ones that no record spoke of since. `forgotten` are numbers of older
    ones, rising; all below `floor` are taken for forgotten. `holes` are those of the input, in
    order: what was open at one is closed by the first record of its run that follows.
    """

    runs: dict[int, RunState] = {}
    frozen: dict[int, FrozenRun] = {}
    ended: list[int] = []
    forgotten: list[int] = []
    floor: int = 0
    holes: list[Hole] = []

    def encode(self) -> bytes:
        """Bytes of the state: two fillers at one offset have equal bytes, wherever they began.

        Runs are sorted and ended ones frozen; below that mappings keep the order in which the
        fold filled them, which is a function of the records alone and survives `decode`.
        """
        ended = {number: FrozenRun.of(run) for number, run in self.runs.items() if run.ended}
        runs = {number: run for number, run in sorted(self.runs.items()) if number not in ended}
        frozen = dict(sorted((self.frozen | ended).items()))
        state = msgspec.structs.replace(self, runs=runs, frozen=frozen)
        return pack(msgspec.msgpack.encode(state))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """State from `encode`'s bytes.

        Raises
        ------
        MessageError
            With reason `bad_state`: also if another release encoded it.
        """
        try:
            return msgspec.msgpack.decode(unpack(data), type=cls)
        except UNDECODABLE as error:
            raise MessageError("bad_state", f"checkpoint state: {error}") from error

    @property
    def running(self) -> int:
        """How many runs have not ended."""
        return len(self.runs) + len(self.frozen) - len(self.ended)

    @property
    def frozen_markers(self) -> int:
        """LumisectionEnds of all runs put away."""
        return sum(frozen.markers for frozen in self.frozen.values())

    def freeze(self) -> None:
        """Put all ended runs away."""
        for number in [number for number, run in self.runs.items() if run.ended]:
            self.frozen[number] = FrozenRun.of(self.runs.pop(number))

    def thaw(self, run: int) -> None:
        """Take a run out again if it was put away: a record speaks of it."""
        if run in self.frozen:
            self.runs[run] = self.frozen.pop(run).thawed()

    def meets_hole(self, run: int) -> bool:
        """Whether the next record of a known run is its first after a hole."""
        known = self.runs.get(run)
        return known is not None and len(known.unsure) < len(self.holes)

    def expired(self, run: int, lumisection: int) -> tuple[tuple[int, int], ...]:
        """Offsets [first, following) of the holes that may have taken chunks of an LS."""
        unsure = self.runs[run].unsure
        return tuple(
            (hole.first, hole.following)
            for hole, highest in zip(self.holes, unsure, strict=False)
            if lumisection <= highest
        )

    def unclosed(self) -> Iterator[tuple[int, tuple[int, int] | None]]:
        """Number and span of each run that no RunClose has confirmed."""
        for number, run in self.runs.items():
            if not run.closed:
                yield number, run.span()
        for number, frozen in self.frozen.items():
            if not frozen.closed:
                yield number, frozen.span

    def forget(self, run: int) -> None:
        """Drop an ended run; its number stays, so that its data are refused."""
        self.runs.pop(run, None)
        self.frozen.pop(run, None)
        insort(self.forgotten, run)
        while len(self.forgotten) > _MOST_FORGOTTEN:
            self.floor = self.forgotten.pop(0) + 1

    def has_forgotten(self, run: int) -> bool:
        """Whether a run ended so long ago that its state is gone."""
        if run in self.runs or run in self.frozen:
            return False
        index = bisect_left(self.forgotten, run)
        return run < self.floor or self.forgotten[index : index + 1] == [run]

    def open_segments(self) -> Iterator[tuple[int, int, int]]:
        """(run, LS, segment) of all that are open."""
        for run, state in self.runs.items():
            for lumisection, segment in state.open_segments():
                yield run, lumisection, segment
