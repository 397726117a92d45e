"""Conditions of runs that nothing else is known of yet, within a bound of memory."""

from collections.abc import Iterable
from typing import Final

from dqmstream.messages.operations import Conditions

__all__ = ["EarlyConditions"]

_MOST: Final = 100_000
"""LSs held: about 100 MB."""


class EarlyConditions:
    """Newest conditions by run and LS; beyond the bound the runs heard of first go.

    Parameters
    ----------
    most
        LSs to hold.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._runs: dict[int, dict[int, Conditions]] = {}
        self._held = 0

    def __len__(self) -> int:
        return self._held

    def add(self, conditions: Conditions) -> None:
        """Hold the conditions of one LS."""
        rows = self._runs.setdefault(conditions.run, {})
        self._held += conditions.lumisection not in rows
        rows[conditions.lumisection] = conditions
        while self._held > self._most:
            self.take(next(iter(self._runs)))

    def take(self, run: int) -> Iterable[Conditions]:
        """What is held of a run, which then is not."""
        rows = self._runs.pop(run, {})
        self._held -= len(rows)
        return rows.values()
