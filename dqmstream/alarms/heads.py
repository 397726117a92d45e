"""How far the reports of each workspace are: verdicts on lumisections long past raise nothing."""

from collections.abc import Iterable
from typing import Final, Literal

from dqmstream.messages.alarms import JudgedWorkspace
from dqmstream.messages.quality import QualityReports

__all__ = ["Age", "Heads"]

_RUNS: Final = 16
"""Runs that are known to be past."""
_MOST: Final = 4096


Age = Literal["newest", "earlier", "past"]
"""Of the newest LS or one after it, of an earlier LS of the same run, or of a run before."""


class Heads:
    """The newest reports of each workspace and scope.

    Parameters
    ----------
    known
        What was kept before.
    """

    def __init__(self, known: Iterable[JudgedWorkspace] = ()) -> None:
        self._heads = {(one.workspace, one.scope): one for one in known}

    def take(self, reports: QualityReports, when: int) -> Age:
        """Whether reports are of the newest LS of their workspace; notes how far that is.

        A run that was not heard of is a new one, whatever its number: older ones may be replayed.
        """
        key = (reports.workspace, reports.scope)
        head = self._heads.get(key)
        runs = head.runs if head is not None else ()
        lumisection = reports.lumisection
        if head is not None and head.run == reports.run:
            lumisection = max(lumisection, head.lumisection)
        elif reports.run in runs:
            return "past"
        else:
            runs = (*runs, reports.run)[-_RUNS:]
        if head is None and len(self._heads) >= _MOST:
            del self._heads[min(self._heads, key=lambda one: self._heads[one].when)]
        self._heads[key] = JudgedWorkspace(
            workspace=reports.workspace,
            scope=reports.scope,
            run=reports.run,
            lumisection=lumisection,
            when=when,
            runs=runs,
        )
        return "newest" if reports.lumisection == lumisection else "earlier"

    def newest(self) -> dict[str, tuple[int, int]]:
        """Workspace to the run of its last reports, and when they came."""
        found: dict[str, tuple[int, int]] = {}
        for one in self._heads.values():
            if one.workspace not in found or one.when > found[one.workspace][1]:
                found[one.workspace] = (one.run, one.when)
        return found

    def kept(self) -> tuple[JudgedWorkspace, ...]:
        """What is known, for a checkpoint."""
        return tuple(self._heads[key] for key in sorted(self._heads))
