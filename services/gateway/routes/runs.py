"""Routes: runs and their lumisections."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from dqmstream.messages.quality import Outcome
from services.gateway.asking import (
    PROBLEMS,
    ChosenWindow,
    Gateway,
    RunWord,
    answer,
    etag,
    unchanged,
)
from services.gateway.lumisection_models import LumisectionsAnswer
from services.gateway.pages import paged
from services.gateway.run_index import RunQuery
from services.gateway.run_models import RunAnswer, RunsAnswer, SetsAnswer

__all__ = ["router"]

router = APIRouter(tags=["runs"], responses=PROBLEMS)


_LATEST: Final = (1 << 63) - 1


@router.get("/runs", response_model=RunsAnswer, summary="Runs, newest number first")
async def list_runs(
    *,
    request: Request,
    parts: Gateway,
    limit: Annotated[int, Query(ge=1, le=1_000, description="At most so many.")] = 50,
    after: Annotated[
        int | None, Query(ge=1, le=1 << 40, description="Only runs with smaller numbers.")
    ] = None,
    summary: Annotated[bool, Query(description="Whether to tell what each comes to.")] = False,
    outcome: Annotated[Outcome | None, Query(description="The worst one of any LS.")] = None,
    judged: Annotated[bool | None, Query(description="Whether any LS was judged.")] = None,
    lacking: Annotated[
        bool | None,
        Query(description="Whether events, chunks, LSs or sources are not where they should be."),
    ] = None,
    run_type: Annotated[str, Query(max_length=80, description="A part of it, in any case.")] = "",
    since: Annotated[
        int | None, Query(ge=0, le=_LATEST, description="Begun then or later, ns since 1970.")
    ] = None,
    until: Annotated[
        int | None, Query(ge=0, le=_LATEST, description="Begun before then, ns since 1970.")
    ] = None,
    delivered: Annotated[
        float | None, Query(ge=0, allow_inf_nan=False, description="At least, in /pb.")
    ] = None,
) -> Response:
    """Live runs and stored ones in one list.

    With a filter a page may have fewer runs than the limit, or none, and go on: one answer looks at
    5000 stored runs at most. Runs of which what is asked for is not known are left out.
    """
    query = RunQuery(outcome, judged, lacking, run_type, since, until, delivered)
    if summary or query != RunQuery():
        body = await parts.library.index.page(query, after, limit)
    else:
        body = await parts.library.runs(after, limit)
    return paged(request, body, body["after"])


@router.get("/runs/{run}", response_model=RunAnswer, summary="One run")
async def show_run(request: Request, parts: Gateway, run: RunWord) -> Response:
    """What is known of a run: rate, conditions, accounting, labels of axes, workspaces."""
    body = await parts.library.run(await parts.library.run_number(run))
    tag = etag(body)
    return unchanged(request, tag) or answer(body, tag)


@router.get(
    "/runs/{run}/sets",
    response_model=SetsAnswer,
    summary="Sets of bookings that have brought something of a run",
)
async def list_sets(parts: Gateway, run: RunWord) -> Response:
    """While a workspace is upgraded, two versions of it fill the same run: the one that readers are
    shown, and one beside it. `set=` of contents and reports reads either."""
    number = await parts.library.run_number(run)
    return answer({"run": number, "sets": await parts.library.sets(number)})


@router.get(
    "/runs/{run}/lumisections",
    response_model=LumisectionsAnswer,
    summary="Lumisections of a run, with their accounts and outcomes",
)
async def list_lumisections(
    *,
    request: Request,
    parts: Gateway,
    run: RunWord,
    window: ChosenWindow,
    limit: Annotated[int, Query(ge=1, le=5_000, description="At most so many.")] = 5_000,
    after: Annotated[
        int | None, Query(ge=1, le=1 << 24, description="Only LSs with greater numbers.")
    ] = None,
) -> Response:
    """Every LS of the window: whether it is closed and complete, where its events are, outcomes."""
    number = await parts.library.run_number(run)
    first, last = (window.first, window.last) if window.kind == "range" else (1, 1 << 24)
    rows = await parts.library.lumisections(number, first, last)
    chosen = set(window.select([row["lumisection"] for row in rows]))
    rows = [row for row in rows if row["lumisection"] in chosen]
    rows = [row for row in rows if after is None or row["lumisection"] > after]
    limit = min(limit, parts.settings.limits.lumisections)
    more = rows[limit - 1]["lumisection"] if len(rows) > limit else None
    return paged(request, {"run": number, "lumisections": rows[:limit]}, more)
