"""Newest quality reports of one run: a summary of every lumisection, the last ones whole."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from dqmstream.messages.quality import Outcome, QualityReport, QualityReports
from dqmstream.quality.summary import Summary

__all__ = ["Judged", "ReportScope", "Verdicts"]


class ReportScope(NamedTuple):
    """Whose reports: a workspace under one set, over the LS or over the run up to it."""

    set: str
    workspace: str
    scope: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What the reports of one (LS, scope) come to."""

    lumisection: int
    complete: bool
    versions: tuple[int, ...]
    made: int
    summary: Summary

    @property
    def order(self) -> tuple[bool, int]:
        """Which of two is newer; made from more of the log means newer."""
        return (self.complete, sum(self.versions))


class Verdicts:
    """Reports of one run by scope and LS.

    Parameters
    ----------
    keep
        LSs per scope whose reports stay in memory whole; summaries stay for all.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._judged: dict[ReportScope, dict[int, Judged]] = defaultdict(dict)
        self._whole: dict[ReportScope, dict[int, QualityReports]] = defaultdict(dict)
        self.revision = 0

    def take(self, reports: QualityReports) -> bool:
        """Take reports in; False if newer ones are at hand."""
        scope = ReportScope(reports.set, reports.workspace, reports.scope)
        judged = Judged(
            lumisection=reports.lumisection,
            complete=reports.complete,
            versions=reports.versions,
            made=reports.made,
            summary=Summary.of(report.outcome for report in reports.reports),
        )
        held = self._judged[scope].get(reports.lumisection)
        if held is not None and held.order > judged.order:
            return False
        self._judged[scope][reports.lumisection] = judged
        whole = self._whole[scope]
        whole[reports.lumisection] = reports
        while len(whole) > self._keep:
            del whole[min(whole)]
        self.revision += 1
        return True

    def scopes(self) -> list[ReportScope]:
        """All that reports have come for, sorted."""
        return sorted(self._judged)

    def judged(self, scope: ReportScope) -> dict[int, Judged]:
        """Summaries by LS."""
        return self._judged.get(scope, {})

    def newest(self, scope: ReportScope) -> Judged | None:
        """Summary of the highest LS that has reports."""
        judged = self.judged(scope)
        return judged[max(judged)] if judged else None

    def whole(self, scope: ReportScope) -> dict[int, QualityReports]:
        """Reports by LS, as far as they are in memory."""
        return self._whole.get(scope, {})

    def elements(self, scope: ReportScope) -> dict[str, Summary]:
        """Summary by path of the newest LS that has reports."""
        whole = self.whole(scope)
        return _by_path(whole[max(whole)].reports) if whole else {}


def _by_path(reports: Iterable[QualityReport]) -> dict[str, Summary]:
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    for report in reports:
        outcomes[report.path].append(report.outcome)
    return {path: Summary.of(found) for path, found in outcomes.items()}
