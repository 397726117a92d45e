"""When reading up to an end is given up: nothing has come for a minute."""

from collections.abc import Sequence
from typing import Final

from dqmstream.errors import LogUnavailableError

__all__ = ["LOOK", "Standstill"]

LOOK: Final = 5.0
"""Seconds that one read waits."""
_LOOKS: Final = 12


class Standstill:
    """Counts reads, each of which waited for `LOOK` seconds, since one that got on.

    Parameters
    ----------
    what
        Is read, in the words of the error.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._looks = 0
        self._positions: Sequence[int] = ()

    def look(self, *, came: bool, positions: Sequence[int]) -> None:
        """Note a read: whether records came, and where all partitions stand after it.

        Raises
        ------
        LogUnavailableError
            If it has stood still for too long: a part of it would pass for all of it.
        """
        # Without records the position may move over a gap at the end: compaction's.
        still = not came and positions == self._positions
        self._looks = self._looks + 1 if still else 0
        self._positions = positions
        if self._looks == _LOOKS:
            msg = f"{self._what} cannot be read to its end: nothing came for {LOOK * _LOOKS:g} s"
            raise LogUnavailableError(msg)
