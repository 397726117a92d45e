"""One run as the gateway sees it live: its workspaces, conditions, verdicts and rate."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from dqmstream.histograms.layout import Layout
from dqmstream.messages.events import MARKS, RunEnd, RunStart
from dqmstream.messages.operations import Conditions
from services.gateway.catalogue import Catalogue
from services.gateway.lumisection_times import LumisectionTimes
from services.gateway.records import LumisectionRecord
from services.gateway.together import together
from services.gateway.verdicts import Judged, Verdicts
from services.gateway.workspace_run import WorkspaceRun

__all__ = ["RunView"]

_RATE_SECONDS: Final = 15.0

StripSources: TypeAlias = tuple[LumisectionRecord, dict[str, Judged], Conditions | None]
"""What a row of the strip is made from."""


class RunView:
    """What is in memory of one run.

    Parameters
    ----------
    number
        Run number.
    catalogue
        Bookings and activations.
    keep_reports
        LSs per workspace and scope whose reports stay in memory whole.
    """

    def __init__(self, number: int, catalogue: Catalogue, keep_reports: int) -> None:
        self.number = number
        self.began: int | None = None
        """Log time of its oldest histogram set in memory, nanoseconds since 1970."""
        self.started: int | None = None
        """Wall clock of the first source to say that it begins."""
        self.newest: int | None = None
        """Log time of its newest histogram set."""
        self.events = 0
        """Events seen in all LSs, late ones not counted."""
        self.run_type = ""
        self.labels: dict[str, tuple[str, ...]] = {}
        self.marks: tuple[str, ...] = ()
        """What about its data is not as a detector took it: words of `MARKS`, sorted."""
        self.filled_here = False
        """Whether any of its histograms was filled here, and not only imported."""
        self.lumisection_times = LumisectionTimes()
        self.conditions: dict[int, Conditions] = {}
        self.verdicts = Verdicts(keep_reports)
        self.revision = 0
        """Rises with all but the verdicts."""
        self.strip_rows: dict[int, tuple[StripSources, dict[str, Any]]] = {}
        """Rows of the strip as made last, with what they were made from (see `boards`)."""
        self._catalogue = catalogue
        self._workspaces: dict[str, dict[str, WorkspaceRun]] = {}
        self._sources: dict[str, bool] = {}
        self._lumisections: dict[int, LumisectionRecord] = {}
        self._listed_for: tuple[tuple[str, str], ...] = ()
        self._chosen: dict[str, str] = {}
        self._chosen_after: int | None = None
        self._counted: deque[tuple[int, int]] = deque(maxlen=1_000)

    def start(self, message: RunStart) -> None:
        """What a source says of the run it begins."""
        self.run_type = message.run_type or self.run_type
        self._sources[message.source] = False
        self.labels |= message.labels
        self.marks = tuple(sorted({*self.marks, *MARKS.keys() & set(message.marks)}))
        if message.started:
            self.started = min(message.started, self.started or message.started)
        self.revision += 1

    @property
    def ended(self) -> bool:
        """Whether all sources that began it have ended."""
        return bool(self._sources) and all(self._sources.values())

    def end(self, message: RunEnd) -> None:
        """A source has ended."""
        self._sources[message.source] = True
        self.revision += 1

    def take_conditions(self, conditions: Conditions) -> None:
        """Newest conditions of one LS."""
        self.conditions[conditions.lumisection] = conditions
        self.run_type = conditions.run_type or self.run_type
        self.revision += 1

    def heard(self, stamp: int) -> None:
        """A histogram set of this run was appended at log time `stamp`."""
        self.began = stamp if self.began is None else min(self.began, stamp)
        self.newest = stamp if self.newest is None else max(self.newest, stamp)

    def workspace_run(self, workspace: str, set_hash: str, layout: Layout) -> WorkspaceRun:
        """The workspace's part of the run under a set; made when first asked for."""
        sets = self._workspaces.setdefault(workspace, {})
        if set_hash not in sets:
            sets[set_hash] = WorkspaceRun(self.number, set_hash, layout)
            self._chosen_after = None
        return sets[set_hash]

    def all_workspace_runs(self) -> Iterable[WorkspaceRun]:
        """Of all sets, shown or not."""
        return [part for sets in self._workspaces.values() for part in sets.values()]

    def shown(self, workspace: str) -> WorkspaceRun | None:
        """The workspace under the set that readers show; None if the run has nothing of it."""
        chosen = self._sets_shown().get(workspace)
        return None if chosen is None else self._workspaces[workspace][chosen]

    def under(self, workspace: str, set_hash: str | None) -> WorkspaceRun | None:
        """The workspace under a set, whether readers show it or not; under the one that they show
        for None."""
        if set_hash is None:
            return self.shown(workspace)
        return self._workspaces.get(workspace, {}).get(set_hash)

    def shown_workspaces(self) -> dict[str, WorkspaceRun]:
        """All workspaces of the run, by name, sorted."""
        chosen = self._sets_shown()
        return {name: self._workspaces[name][chosen[name]] for name in sorted(chosen)}

    def _sets_shown(self) -> Mapping[str, str]:
        """By workspace, kept until a set or an activation comes: every plot asks for it."""
        if self._chosen_after != self._catalogue.decisions:
            brought = {name: tuple(sets) for name, sets in self._workspaces.items()}
            shown = self._catalogue.sets_shown(self.number, brought)
            self._chosen = {name: sets[0] for name, sets in shown.items()}
            self._chosen_after = self._catalogue.decisions
        return self._chosen

    def lumisections(self) -> Mapping[int, LumisectionRecord]:
        """By number, rising, each as the workspace that has read furthest knows it.

        All workspaces of a set have the same account of an LS; they differ only in how far they
        have been published. What sets have read of the same sources counts once, what was
        imported beside them adds up (see `together`).
        """
        return dict(sorted(self._lumisections.items()))

    def update(self, changed: Iterable[int]) -> None:
        """Look again at LSs whose records have changed, and count the run's events."""
        self.revision += 1
        parts = self.shown_workspaces()
        shown = tuple((name, part.set) for name, part in parts.items())
        if shown != self._listed_for:
            self._listed_for = shown
            self._lumisections, self.events = {}, 0
            changed = {number for part in parts.values() for number in part.records}
        for number in changed:
            known: dict[str, LumisectionRecord] = {}
            for part in parts.values():
                if number in part.records:
                    record, held = part.records[number], known.get(part.set)
                    known[part.set] = record if held is None else max(held, record, key=_further)
            if known:
                self._list(together(list(known.values())))
        self._count()

    @property
    def rate(self) -> float | None:
        """Events per second that came in, by log time, over the last seconds; None if unknown."""
        if len(self._counted) < 2:
            return None
        (start, before), (end, after) = self._counted[0], self._counted[-1]
        return max(0.0, (after - before) / ((end - start) / 1e9))

    def _list(self, record: LumisectionRecord) -> None:
        held = self._lumisections.get(record.number)
        self.events += record.account.seen - (held.account.seen if held is not None else 0)
        self._lumisections[record.number] = record

    def _count(self) -> None:
        if self.newest is None:
            return
        if not self._counted or self._counted[-1][0] < self.newest:
            self._counted.append((self.newest, self.events))
        while self._counted[-1][0] - self._counted[0][0] > _RATE_SECONDS * 1e9:
            self._counted.popleft()


def _further(record: LumisectionRecord) -> tuple[bool, int]:
    return (record.closed, sum(record.versions))
