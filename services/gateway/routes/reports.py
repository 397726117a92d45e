"""Routes: quality reports."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from dqmstream.messages.quality import Outcome
from services.gateway.asking import PROBLEMS, Gateway, RunWord, SetWord, range_window
from services.gateway.pages import paged
from services.gateway.problems import ProblemError
from services.gateway.report_models import ReportsAnswer
from services.gateway.report_rows import ReportQuery

__all__ = ["router"]

router = APIRouter(tags=["quality"], responses=PROBLEMS)

_MOST_LUMISECTIONS = 200


@router.get("/runs/{run}/reports", response_model=ReportsAnswer, summary="Quality reports")
async def list_reports(
    *,
    request: Request,
    parts: Gateway,
    run: RunWord,
    lumisections: Annotated[
        str | None,
        Query(
            max_length=20,
            description="LSs `a-b` or `a`, at most 200; by default the newest that has reports.",
        ),
    ] = None,
    workspace: Annotated[str | None, Query(max_length=255)] = None,
    set_hash: SetWord = None,
    path: Annotated[str | None, Query(max_length=255, description="Only on this element.")] = None,
    scope: Annotated[
        str | None,
        Query(max_length=220, description="As reports name it: `lumisection`, `run`, `last:5`."),
    ] = None,
    outcome: Annotated[
        list[Outcome], Query(description="Only these; may be repeated.", max_length=9)
    ] = [],  # noqa: B006 FastAPI copies it
    made_by: Annotated[
        int | None,
        Query(
            ge=0,
            lt=1 << 63,
            description="Only what was found by then, nanoseconds since 1970. Reports that were "
            "made anew since are left out: what they replaced is not kept.",
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=5_000, description="At most so many.")] = 1_000,
    after: Annotated[
        str | None,
        Query(pattern=r"^[1-9][0-9]{0,7}\.[0-9]{1,6}$", description="`after` of the page before."),
    ] = None,
) -> Response:
    """What the comparator says of elements, newest LS first."""
    number = await parts.library.run_number(run)
    query = ReportQuery(
        None if lumisections is None else _ends(lumisections),
        workspace,
        path,
        scope,
        frozenset(str(each) for each in outcome),
        limit,
        None if after is None else _cursor(after),
        made_by,
        set_hash,
    )
    rows, more = await parts.library.reports(number, query)
    body = {"reports": rows, "truncated": more is not None}
    return paged(request, body, None if more is None else f"{more[0]}.{more[1]}")


def _cursor(word: str) -> tuple[int, int]:
    lumisection, _, rows = word.partition(".")
    return int(lumisection), int(rows)


def _ends(lumisections: str) -> tuple[int, int]:
    asked = range_window(lumisections)
    if asked.last - asked.first >= _MOST_LUMISECTIONS:
        detail = f"LS {asked.word} asked for, expected at most {_MOST_LUMISECTIONS} LSs"
        raise ProblemError(413, detail)
    return asked.first, asked.last
