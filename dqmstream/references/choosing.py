"""References as judging asks for them, one element after another, out of a catalogue."""

from typing import Final, TypeVar

from dqmstream.messages.references import Reference
from dqmstream.quality.compiled import CHOSEN_BY
from dqmstream.quality.inputs import Chosen, Wanted
from dqmstream.references.catalogue import Catalogue
from dqmstream.references.comparing import Data, standing_compared

__all__ = ["ChoosingReferences"]

T = TypeVar("T")
_Standing = tuple[tuple[Reference, str], ...]
_REMEMBERED: Final = 256
"""Windows, and chains, of which what was chosen is remembered."""


class ChoosingReferences:
    """Thousands of elements ask in each LS, and the answer is mostly that of the LS before: it is
    looked for once for each chain with the same reasons in it.

    Parameters
    ----------
    catalogue
        All versions.
    data_of
        Contents of a version, if they are at hand.
    """

    def __init__(self, catalogue: Catalogue, data_of: Data) -> None:
        self._catalogue, self._data_of = catalogue, data_of
        self._windows: dict[object, tuple[_Standing, dict[str, Chosen]]] = {}
        self._choices: dict[object, dict[str, Chosen]] = {}

    def forget(self) -> None:
        """To be called when the catalogue, or what is at hand, has changed."""
        self._windows.clear()
        self._choices.clear()

    def __call__(self, wanted: Wanted) -> Chosen:
        """What to compare one element with, or why there is nothing."""
        standing, choices = self._window(wanted)
        found = choices.get(wanted.path)
        if found is None:
            found = choices[wanted.path] = standing_compared(standing, wanted, self._data_of)
        return found

    def _window(self, wanted: Wanted) -> tuple[_Standing, dict[str, Chosen]]:
        """The chain of a window, and what was chosen of it."""
        told = wanted.conditions
        asked = (wanted.workspace, wanted.kind, wanted.name, wanted.most)
        window = (
            *asked,
            wanted.run,
            wanted.lumisection,
            wanted.moment,
            None if told is None else tuple(getattr(told, name) for name in CHOSEN_BY),
        )
        found = self._windows.get(window)
        if found is None:
            standing = self._catalogue.standing(wanted)
            reasons = tuple((reference.id, why) for reference, why in standing)
            choices = _remembered(self._choices, (*asked, reasons), {})
            found = _remembered(self._windows, window, (standing, choices))
        return found


def _remembered(table: dict[object, T], key: object, value: T) -> T:
    """What the table has under a key: the value, if it has nothing; the oldest goes."""
    found = table.setdefault(key, value)
    if len(table) > _REMEMBERED:
        del table[next(iter(table))]
    return found
