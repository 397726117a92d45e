"""HLT path states: 2 bits per path, path i in byte i // 4 at bit 2 * (i % 4)."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = [
    "EXCEPTION",
    "FAIL",
    "PASS",
    "READY",
    "failed_bits",
    "pack_states",
    "packed_size",
    "passed_bits",
    "unpack_states",
]

READY, PASS, FAIL, EXCEPTION = range(4)


def packed_size(paths: int) -> int:
    """Bytes that the states of `paths` paths take."""
    return (paths + 3) // 4


def pack_states(states: Sequence[int]) -> bytes:
    """Pack one state (0..3) per path; unused bits of the last byte are 0."""
    packed = 0
    for path, state in enumerate(states):
        packed |= (state & 3) << (2 * path)
    return packed.to_bytes(packed_size(len(states)), "little")


def unpack_states(packed: npt.NDArray[np.uint8], paths: int) -> npt.NDArray[np.uint8]:
    """Unpack many events at once.

    Parameters
    ----------
    packed
        uint8[events, packed_size(paths)]: the HLT bits of each event.
    paths
        Number of paths.

    Returns
    -------
    numpy.ndarray
        uint8[events, paths]: READY 0, PASS 1, FAIL 2 or EXCEPTION 3.
    """
    slots = np.stack([(packed >> shift) & 3 for shift in (0, 2, 4, 6)], axis=-1)
    return slots.reshape(packed.shape[0], 4 * packed.shape[1])[:, :paths]


@lru_cache(maxsize=64)
def _low_bits(paths: int) -> int:
    """Integer with bit 2 * i set for each path i."""
    return ((1 << (2 * paths)) - 1) // 3


def passed_bits(packed: bytes, paths: int) -> int:
    """Integer whose bit 2 * i is set when path i has state PASS.

    One big-integer operation answers for all paths, so selecting costs the same for 10 or 1000.
    """
    bits = int.from_bytes(packed, "little")
    return bits & ~(bits >> 1) & _low_bits(paths)


def failed_bits(packed: bytes, paths: int) -> int:
    """Integer whose bit 2 * i is set when path i has state FAIL."""
    bits = int.from_bytes(packed, "little")
    return (bits >> 1) & ~bits & _low_bits(paths)
