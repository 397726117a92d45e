"""Reports as rows of an answer, and which of them are wanted."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from dqmstream.messages.quality import QualityReport, QualityReports

__all__ = ["ReportQuery", "chosen_rows", "in_range"]


class ReportQuery(NamedTuple):
    """Which reports are wanted; None and empty are all. `lumisections` are both ends of a range,
    None is the newest LS that has reports. `after` goes on in an LS, after so many of its rows."""

    lumisections: tuple[int, int] | None
    workspace: str | None
    path: str | None
    scope: str | None
    outcomes: frozenset[str]
    limit: int
    after: tuple[int, int] | None = None
    made_by: int | None = None
    """Only reports made by then, nanoseconds since 1970: of an LS judged anew since, none."""
    set: str | None = None
    """Reports on this set, shown or not; None for the sets that readers show."""


def in_range(numbers: Iterable[int], ends: tuple[int, int] | None) -> set[int]:
    """Those between both ends; all without any."""
    return {n for n in numbers if ends is None or ends[0] <= n <= ends[1]}


def _report_row(report: QualityReport) -> dict[str, Any]:
    """All fields, those too that are left out on the wire."""
    bins = [msgspec.structs.asdict(one) for one in report.bad_channels]
    return msgspec.structs.asdict(report) | {"bad_channels": bins}


def chosen_rows(messages: Iterable[QualityReports], query: ReportQuery) -> list[dict[str, Any]]:
    """Rows of the reports that a query wants: by workspace and scope."""
    rows = []
    for message in sorted(messages, key=lambda each: (each.workspace, each.scope)):
        if query.workspace not in {None, message.workspace}:
            continue
        if query.scope not in {None, message.scope}:
            continue
        if query.made_by is not None and message.made > query.made_by:
            continue
        about = msgspec.structs.asdict(message)
        for name in ("reports", "versions"):
            del about[name]
        rows += [
            about | _report_row(report)
            for report in message.reports
            if (not query.outcomes or report.outcome.value in query.outcomes)
            and query.path in {None, report.path}
        ]
    return rows
