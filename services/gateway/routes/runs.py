"""Routes: runs and their lumisections."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.gateway.asking import (
    PROBLEMS,
    ChosenWindow,
    Gateway,
    RunWord,
    answer,
    etag,
    unchanged,
)
from services.gateway.models import LumisectionsAnswer, RunAnswer, RunsAnswer, SetsAnswer
from services.gateway.pages import paged

__all__ = ["router"]

router = APIRouter(tags=["runs"], responses=PROBLEMS)


@router.get("/runs", response_model=RunsAnswer, summary="Runs, newest number first")
async def list_runs(
    request: Request,
    parts: Gateway,
    limit: Annotated[int, Query(ge=1, le=1_000, description="At most so many.")] = 50,
    after: Annotated[
        int | None, Query(ge=1, le=1 << 40, description="Only runs with smaller numbers.")
    ] = None,
) -> Response:
    """Live runs and stored ones in one list."""
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
