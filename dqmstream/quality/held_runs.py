"""Runs that the comparator holds, within bounds: the latest to be heard of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from dqmstream.messages.operations import Conditions
from dqmstream.quality.held import HeldPieces
from dqmstream.quality.published import Published, RunKey
from dqmstream.quality.run_of_set import RunOfSet

__all__ = ["ComparisonSettings", "HeldRuns"]

_REMEMBERED_RUNS: Final = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonSettings:
    """How much is held of the past.

    Parameters
    ----------
    runs
        Runs of a set whose totals are held, the latest to be heard of; pieces of earlier ones
        are counted and not judged. Those of other sets do not count: hundreds of runs may be
        imported beside one that is going on.
    all_runs
        Runs of all sets together.
    held_bytes
        Compressed cells of closed LSs held, so that a newer version can replace an older one in
        the run total, and for tests that look at LSs before. Beyond it the oldest LSs are settled:
        a newer version of one can only make its run incomplete.
    """

    runs: int = 4
    all_runs: int = 64
    held_bytes: int = 256 << 20


class HeldRuns:
    """Runs by set and number.

    Parameters
    ----------
    settings
        Bounds.
    held
        Pieces of their LSs: those of runs that are let go go with them.
    published
        Says which LS a run began with.
    conditions
        What is known of an LS, by run and LS.
    hole
        Records before the first one are lost: the run it belongs to is never complete.
    """

    def __init__(
        self,
        settings: ComparisonSettings,
        held: HeldPieces,
        published: Published,
        conditions: Callable[[int, int], Conditions | None],
        *,
        hole: bool,
    ) -> None:
        self._settings = settings
        self._held = held
        self._published = published
        self._conditions = conditions
        self._hole = hole
        self._runs: dict[RunKey, RunOfSet] = {}
        self._gone: dict[RunKey, None] = {}

    def __getitem__(self, key: RunKey) -> RunOfSet:
        return self._runs[key]

    def __iter__(self) -> Iterator[tuple[RunKey, RunOfSet]]:
        return iter(list(self._runs.items()))

    def of(self, key: RunKey, offset: int) -> RunOfSet | None:
        """The run of a record, now the latest heard of; None if it is no longer held."""
        if key in self._gone:
            return None
        run = self._runs.pop(key, None)
        if run is None:
            run = RunOfSet(
                offset,
                whole=not self._hole,
                first_lumisection=self._published.first(key),
                held=self._held,
                conditions=partial(self._conditions, key[1]),
            )
            self._hole = False
        self._runs[key] = run
        return run

    def let_go(self) -> list[RunKey]:
        """Let the run go that is beyond the bounds, if there is one: which it was."""
        newest = next(reversed(self._runs), None)
        of_set = [key for key in self._runs if newest is not None and key[0] == newest[0]]
        if len(of_set) > self._settings.runs:
            gone = of_set[0]
        elif len(self._runs) > max(self._settings.runs, self._settings.all_runs):
            gone = next(iter(self._runs))
        else:
            return []
        del self._runs[gone]
        self._gone[gone] = None
        if len(self._gone) > _REMEMBERED_RUNS:
            del self._gone[next(iter(self._gone))]
        self._held.forget_all(lambda key: (key.set, key.run) == gone)
        return [gone]
