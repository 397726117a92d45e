"""Files of one stream that are seen and not decided about.

Thousands may wait, as when watching begins late in a run: what is asked for each file or LS takes
no longer the more of them wait.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from dqmstream.sources.cms.watching.sighting import Sighting

__all__ = ["Seen", "WaitingFiles"]


class Seen(NamedTuple):
    """A file, and when it was seen first (or that it is gone)."""

    sighting: Sighting
    since: float

    @property
    def number(self) -> int:
        """Its LS."""
        return self.sighting.lumisection.lumisection


class WaitingFiles:
    """Files by path and by LS, and by LS the files that went before their turn.

    Both are in the order of their times: what is added is no older than what is there, and what is
    replaced keeps its time.
    """

    def __init__(self) -> None:
        self._files: dict[Path, Seen] = {}
        self._by_number: dict[int, dict[Path, Seen]] = {}
        self._gone: dict[int, Seen] = {}
        self._highest = 0

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Seen]:
        return iter(self._files.values())

    def get(self, path: Path) -> Seen | None:
        """A file that waits."""
        return self._files.get(path)

    def at(self, number: int) -> Collection[Seen]:
        """The files of an LS."""
        return self._by_number.get(number, {}).values()

    def gone(self, number: int) -> Seen | None:
        """The file of an LS that went."""
        return self._gone.get(number)

    @property
    def numbers(self) -> list[int]:
        """LSs of files that wait or went, each once or twice."""
        return [*self._by_number, *self._gone]

    @property
    def highest(self) -> int:
        """The highest LS that a file ever waited for; 0 before there is one."""
        return self._highest

    @property
    def oldest(self) -> float | None:
        """The lowest time of a file that waits or went; None without any."""
        first = (next(iter(some.values()), None) for some in (self._files, self._gone))
        return min((seen.since for seen in first if seen is not None), default=None)

    def add(self, seen: Seen) -> None:
        """A file, new or looked at again."""
        path = seen.sighting.path
        self._files[path] = seen
        self._by_number.setdefault(seen.number, {})[path] = seen
        self._highest = max(self._highest, seen.number)

    def lose(self, path: Path, now: float) -> None:
        """A file is no longer there."""
        seen = self._files.pop(path, None)
        if seen is None:
            return
        here = self._by_number[seen.number]
        del here[path]
        if not here:
            del self._by_number[seen.number]
        self._gone.pop(seen.number, None)  # it is the newest now
        self._gone[seen.number] = Seen(seen.sighting, now)

    def take(self, number: int) -> list[Seen]:
        """The files of an LS, which is decided: they wait no more."""
        self._gone.pop(number, None)
        taken = self._by_number.pop(number, {})
        for path in taken:
            del self._files[path]
        return list(taken.values())

    def take_all(self, last: int) -> list[Seen]:
        """All files, where LSs up to `last` are decided; what went of these is forgotten."""
        taken = list(self._files.values())
        self._files.clear()
        self._by_number.clear()
        self._gone = {number: seen for number, seen in self._gone.items() if number > last}
        self._highest = max(self._gone, default=0)
        return taken
