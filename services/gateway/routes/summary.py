"""Route: summaries of a run by workspace and folder."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from dqmstream.messages.quality import Outcome, QualityReport
from dqmstream.quality.summary import CMS_CODES
from dqmstream.quality.summary_tree import SummaryNode, summary_map, summary_tree
from services.gateway.asking import PROBLEMS, Gateway, RunWord, answer
from services.gateway.models import Answer
from services.gateway.problems import ProblemError, not_found
from services.gateway.report_rows import ReportQuery

__all__ = ["router"]

_MOST: Final = 100_000

router = APIRouter(tags=["quality"], responses=PROBLEMS)


class SummaryCause(Answer):
    """The report that a summary is as bad as."""

    path: str
    qtname: str
    outcome: Outcome


class SummaryFolder(Answer):
    """What the tests below a folder come to."""

    worst: Outcome
    code: int = Field(description="CMSSW's status code of the worst.")
    fraction: float | None = Field(
        description="CMS's reportSummary: GOOD of all judged; null if nothing was judged."
    )
    judged: int
    not_judged: int = Field(description="Tests that should have said something and could not.")
    counts: dict[str, int]
    cause: SummaryCause | None
    folders: dict[str, Any] = Field(description="The same by name, to the depth asked for.")


class WorkspaceSummary(SummaryFolder):
    """One workspace, and the LS that it is of."""

    lumisection: int


class SummaryAnswer(Answer):
    """Summaries of all workspaces."""

    run: int
    scope: str
    workspaces: dict[str, WorkspaceSummary]
    map: dict[str, dict[str, float | None]] = Field(
        description="CMS's reportSummaryMap: fractions by workspace and its first folders."
    )


@router.get(
    "/runs/{run}/summary", response_model=SummaryAnswer, summary="Summaries by workspace and folder"
)
async def show_summary(
    *,
    parts: Gateway,
    run: RunWord,
    lumisection: Annotated[
        int | None, Query(ge=0, le=1 << 24, description="By default the newest with reports.")
    ] = None,
    workspace: Annotated[str | None, Query(max_length=255)] = None,
    scope: Annotated[str, Query(max_length=220)] = "lumisection",
    depth: Annotated[int, Query(ge=0, le=20, description="Levels of folders.")] = 2,
) -> Response:
    """The worst of all that is below, with the test that causes it."""
    number = await parts.library.run_number(run)
    ends = None if lumisection is None else (lumisection, lumisection)
    query = ReportQuery(ends, workspace, None, scope, frozenset(), _MOST, None)
    rows, more = await parts.library.reports(number, query)
    if more is not None:
        raise ProblemError(413, f"more than {_MOST} reports: ask for one workspace")
    if not rows:
        msg = f"run {number}: no reports of scope {scope!r:.220} there"
        raise not_found(msg)
    trees = await asyncio.to_thread(_trees, rows)
    # All are of one LS: the one that was asked for, or the newest with reports.
    told = rows[0]["lumisection"]
    body = {
        "run": number,
        "scope": scope,
        "workspaces": {
            name: {"lumisection": told, **_folder(tree.cut(depth))} for name, tree in trees.items()
        },
        "map": summary_map(trees),
    }
    return answer(body)


def _trees(rows: Sequence[Mapping[str, Any]]) -> dict[str, SummaryNode]:
    by_workspace: dict[str, list[QualityReport]] = {}
    for row in rows:
        by_workspace.setdefault(row["workspace"], []).append(_report(row))
    return {name: summary_tree(by_workspace[name]) for name in sorted(by_workspace)}


def _report(row: Mapping[str, Any]) -> QualityReport:
    return QualityReport(
        path=row["path"],
        qtname=row["qtname"],
        algorithm=row["algorithm"],
        outcome=Outcome(row["outcome"]),
        qtresult=row["qtresult"],
    )


def _folder(node: SummaryNode) -> dict[str, Any]:
    summary, cause = node.summary, node.cause
    return {
        "worst": summary.worst,
        "code": CMS_CODES[summary.worst],
        "fraction": summary.good_fraction,
        "judged": summary.judged,
        "not_judged": summary.not_judged,
        "counts": {outcome.value: count for outcome, count in sorted(summary.counts.items())},
        "cause": None
        if cause is None
        else {"path": cause.path, "qtname": cause.qtname, "outcome": cause.outcome},
        "folders": {name: _folder(below) for name, below in node.folders.items()},
    }
