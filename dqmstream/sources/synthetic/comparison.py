"""What only one of two collections shows: two readouts, or data and emulator, event by event."""

from collections.abc import Mapping
from typing import ClassVar, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dqmstream.sources.synthetic.collection import Members, Rows, event_numbers
from dqmstream.sources.synthetic.derived import Derived

__all__ = ["FIRST_ONLY", "SECOND_ONLY", "Mismatch"]

FIRST_ONLY: Final = -1
"""`side` of an object that only the first collection has."""
SECOND_ONLY: Final = 1
"""`side` of an object that only the second collection has."""


class Mismatch(Derived):
    """Objects of an event that one of two collections has and the other has not.

    Two objects are the same if all members in `compared` are equal; each matches at most one of
    the other side. So one that is there on both sides with different values counts on each side
    once. The objects bear the members in `kept` and `side`: -1 only in the first collection, 1
    only in the second. Those of the first side lead in an event, each side in its own order.
    """

    inputs: ClassVar[tuple[str, str]]
    compared: ClassVar[Mapping[str, pa.DataType]]
    kept: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        cls.members = {name: cls.compared[name] for name in cls.kept} | {"side": pa.int8()}

    def rows(self, *inputs: Rows) -> Rows:
        first, second = inputs
        events = len(first.counts)
        if first is second:
            return self._none(events)
        differing = self._differing(first, second)
        if not differing.any():
            return self._none(events)
        return self._unmatched(_of(first, differing), _of(second, differing), events)

    def _none(self, events: int) -> Rows:
        members: Members = {name: np.zeros(0, np.int8) for name in self.members}
        return Rows(np.zeros(events, np.int64), members)

    def _differing(self, first: Rows, second: Rows) -> npt.NDArray[np.bool_]:
        """bool[events]: those that are not object by object the same, in the same order."""
        alike = first.counts == second.counts
        mine, others = np.repeat(alike, first.counts), np.repeat(alike, second.counts)
        changed = np.zeros(int(first.counts[alike].sum()), np.bool_)
        for name in self.compared:
            changed |= first.members[name][mine] != second.members[name][others]
        differing: npt.NDArray[np.bool_] = ~alike
        differing[event_numbers(first)[mine][changed]] = True
        return differing

    def _unmatched(self, first: "_Numbered", second: "_Numbered", events: int) -> Rows:
        """Of both sides together, in groups of equal objects, what one side has more of."""
        both = {
            name: np.concatenate([first.members[name], second.members[name]])
            for name in self.compared
        }
        event = np.concatenate([first.event, second.event])
        is_second = np.arange(len(event)) >= len(first.event)
        columns = [*both.values(), event]
        order = np.lexsort(columns)
        starts = np.ones(len(order), np.bool_)
        starts[1:] = False
        for column in columns:
            ordered = column[order]
            starts[1:] |= ordered[1:] != ordered[:-1]
        group = np.cumsum(starts) - 1
        groups = int(group[-1]) + 1
        of_second = is_second[order]
        in_first = np.bincount(group[~of_second], minlength=groups)
        in_second = np.bincount(group[of_second], minlength=groups)
        # The sort is stable: within a group those of the first side lead.
        place = np.arange(len(order)) - np.flatnonzero(starts)[group]
        lonely = np.where(of_second, place >= 2 * in_first[group], place >= in_second[group])
        chosen = order[lonely]
        chosen = chosen[np.lexsort([chosen, is_second[chosen], event[chosen]])]
        members: Members = {name: both[name][chosen] for name in self.kept}
        members["side"] = np.where(is_second[chosen], SECOND_ONLY, FIRST_ONLY).astype(np.int8)
        return Rows(np.bincount(event[chosen], minlength=events), members)


class _Numbered(NamedTuple):
    """Objects with the numbers of their events."""

    event: npt.NDArray[np.int64]
    members: Members


def _of(rows: Rows, chosen: npt.NDArray[np.bool_]) -> _Numbered:
    kept = np.repeat(chosen, rows.counts)
    members = {name: values[kept] for name, values in rows.members.items()}
    return _Numbered(event_numbers(rows)[kept], members)
