"""What a run's RunStarts say that a display shows: names of trigger paths, marks of the data."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from dqmstream.displays.columns import PASSED
from dqmstream.messages.events import MARKS, RunStart

__all__ = ["RunWords", "passed_column"]

_MOST_RUNS: Final = 16
_PASSED_TOO: Final = "hlt.path"
"""Of sources that send no states with their paths: those that are there have passed."""


def passed_column(collections: Sequence[str]) -> str:
    """The label under which the names of passed paths are; empty if no collection has them."""
    for label in (PASSED, _PASSED_TOO):
        if label.partition(".")[0] in collections:
            return label
    return ""


class RunWords:
    """Words of the runs that were heard of last.

    Sources of a run may each have a menu of their own, so labels are kept by source.
    """

    def __init__(self) -> None:
        self._paths: OrderedDict[tuple[int, str], dict[str, tuple[str, ...]]] = OrderedDict()
        self._marks: OrderedDict[int, frozenset[str]] = OrderedDict()

    def take(self, start: RunStart) -> None:
        """What a source says of the run it begins."""
        known_labels: tuple[str, ...] = (PASSED, _PASSED_TOO)
        self._paths[start.run, start.source] = {
            label: start.labels[label] for label in known_labels if label in start.labels
        }
        self._paths.move_to_end((start.run, start.source))
        known = self._marks.pop(start.run, frozenset())
        self._marks[start.run] = known | (MARKS.keys() & set(start.marks))
        while len(self._paths) > 4 * _MOST_RUNS:
            self._paths.popitem(last=False)
        while len(self._marks) > _MOST_RUNS:
            self._marks.popitem(last=False)

    def paths(self, run: int, source: str, label: str) -> tuple[str, ...]:
        """Names of the trigger paths of a source, by number; empty if it gave none."""
        return self._paths.get((run, source), {}).get(label, ())

    def marks(self, run: int) -> tuple[str, ...]:
        """What about a run's data is not as a detector took it."""
        return tuple(sorted(self._marks.get(run, frozenset())))
