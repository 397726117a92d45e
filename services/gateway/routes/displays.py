"""Routes: single events that were picked to be looked at."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from services.gateway.asking import PROBLEMS, Gateway, RunWord, answer, etag, unchanged
from services.gateway.display_models import DisplayAnswer, DisplaysAnswer
from services.gateway.displays import display_body
from services.gateway.pages import paged
from services.gateway.problems import not_found

__all__ = ["router"]

router = APIRouter(tags=["displays"], responses=PROBLEMS)

_Event = Annotated[int, Path(ge=0, lt=1 << 64, description="An event number, as the list has it.")]


@router.get("/displays", response_model=DisplaysAnswer, summary="Events to look at, newest first")
async def list_displays(
    request: Request,
    parts: Gateway,
    run: Annotated[
        int | None,
        Query(ge=1, le=1 << 40, description="Default: the run of the newest event."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="At most so many.")] = 100,
    after: Annotated[
        int | None,
        Query(ge=0, lt=1 << 64, description="Only events picked before this one, if it is here."),
    ] = None,
) -> Response:
    """The newest events of a run that were picked; memory has them, no store keeps them."""
    rows = await parts.stream.ask(parts.view.displays.rows, run)
    number = rows[0]["run"] if rows else run
    known = [row["event"] for row in rows]
    if after in known:
        rows = rows[known.index(after) + 1 :]
    more = rows[limit - 1]["event"] if len(rows) > limit else None
    return paged(request, {"run": number, "displays": rows[:limit]}, more)


@router.get("/displays/latest", response_model=DisplayAnswer, summary="The newest event")
async def show_latest(request: Request, parts: Gateway) -> Response:
    """What is drawn of the event that was picked last, of whichever run."""
    found = await parts.stream.ask(parts.view.displays.latest)
    if found is None:
        msg = "no event has been picked: no display runs, or no source sends what could be drawn"
        raise not_found(msg)
    tag = etag(found.run, found.event, found.made)
    return unchanged(request, tag) or answer(display_body(found), tag)


@router.get("/displays/{run}/{event}", response_model=DisplayAnswer, summary="One event")
async def show_display(request: Request, parts: Gateway, run: RunWord, event: _Event) -> Response:
    """What is drawn of one event; `current` is the run of the newest one."""
    shelf = parts.view.displays
    number = await parts.stream.ask(lambda: shelf.newest_run) if run == "current" else int(run)
    found = None if number is None else await parts.stream.ask(shelf.get, number, event)
    if found is None:
        msg = f"event {event} of run {run} was not picked, or has gone since: the newest are kept"
        raise not_found(msg)
    tag = etag(found.run, found.event, found.made)
    return unchanged(request, tag) or answer(display_body(found), tag)
