"""What an analyser must not forget of its runs, and how it travels in a checkpoint."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
import zstandard

from dqmstream.errors import UNDECODABLE, MessageError
from dqmstream.fold.packing import pack, unpack
from dqmstream.identity import ranges_with

__all__ = ["RunMemory", "pack_state", "unpack_state"]

_VERSION: Final = b"\x01"
_LEVEL: Final = 3
_WINDOW_LOG: Final = 25
"""States of partitions are alike, and megabytes apart: so far back repeats are found."""
_LARGEST: Final = 1 << 30


class RunMemory(msgspec.Struct, array_like=True):
    """Of one run: which LSs are `done`, and the states of analyses after those LSs whose successor
    is not, one for each workspace in the order of their names."""

    done: list[tuple[int, int]] = []
    states: dict[int, list[bytes]] = {}

    def is_done(self, lumisection: int) -> bool:
        """Whether an LS was analysed and published."""
        return any(first <= lumisection <= last for first, last in self.done)

    def undone(self, first: int, last: int) -> Iterator[int]:
        """LSs of a range that are not done, rising."""
        for begins, ends in self.done:
            yield from range(first, min(begins, last + 1))
            first = max(first, ends + 1)
        yield from range(first, last + 1)

    def note_done(self, lumisection: int, states: Sequence[bytes]) -> None:
        """An LS is published; its states are kept for the next."""
        self.done = ranges_with(self.done, lumisection)
        self.states[lumisection] = list(states)
        for number in [n for n in self.states if self.is_done(n + 1)]:
            del self.states[number]


class _State(msgspec.Struct, array_like=True):
    controls: list[bytes]
    runs: dict[int, RunMemory]


def pack_state(controls: Iterable[bytes], runs: dict[int, RunMemory]) -> bytes:
    """Version and compressed bytes of control states (each as `ControlState.encode` makes it) and
    of all runs: the same for the same states."""
    # Partitions know nearly the same: compressed together they take little more than one.
    state = _State([unpack(one) for one in controls], dict(sorted(runs.items())))
    parameters = zstandard.ZstdCompressionParameters.from_level(
        _LEVEL, window_log=_WINDOW_LOG, enable_ldm=True
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters)
    return _VERSION + compressor.compress(msgspec.msgpack.encode(state))


def unpack_state(packed: bytes) -> tuple[list[bytes], dict[int, RunMemory]]:
    """What was packed.

    Raises
    ------
    MessageError
        With reason `bad_state`: also if another release packed it.
    """
    if packed[:1] != _VERSION:
        detail = f"analyser's state: version byte {packed[:1].hex() or 'missing'}, expected 01"
        raise MessageError("bad_state", detail)
    try:
        size = zstandard.frame_content_size(packed[1:])
        if not 0 <= size <= _LARGEST:
            raise MessageError("bad_state", f"analyser's state: claims {size} bytes")
        raw = zstandard.ZstdDecompressor().decompress(packed[1:])
        state = msgspec.msgpack.decode(raw, type=_State)
    except (zstandard.ZstdError, *UNDECODABLE) as error:
        raise MessageError("bad_state", f"analyser's state: {error}") from error
    return [pack(one) for one in state.controls], state.runs
