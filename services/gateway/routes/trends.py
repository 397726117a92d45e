"""Route: one number of a MonitorElement, LS by LS."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.gateway.asking import (
    PROBLEMS,
    ChosenWindow,
    Gateway,
    Pattern,
    RunWord,
    answer,
    check_lumisections,
    chosen_elements,
    etag,
    unchanged,
)
from services.gateway.element_models import TrendAnswer
from services.gateway.place import Place
from services.gateway.quantities import Against, Quantity, condition_of

__all__ = ["router"]

router = APIRouter(tags=["contents"], responses=PROBLEMS)

OnePath = Annotated[str, Query(alias="path", description="Path of an element.", max_length=255)]
Workspace = Annotated[
    str | None,
    Query(description="Only in this workspace; needed where two book one path.", max_length=255),
]


@router.get(
    "/runs/{run}/trend", response_model=TrendAnswer, summary="One number of an element per LS"
)
async def show_trend(
    *,
    request: Request,
    parts: Gateway,
    run: RunWord,
    window: ChosenWindow,
    path: OnePath,
    quantity: Annotated[
        Quantity,
        Query(description="What of it; a scalar's trend is always its value."),
    ] = "mean",
    against: Annotated[
        Against,
        Query(description="What `x` is: the lumisection, or a condition of it, if it is known."),
    ] = "lumisection",
    workspace: Workspace = None,
) -> Response:
    """Mean (of the first axis, or of the profiled value), entries or others, LS by LS."""
    number = await parts.library.run_number(run)
    found = await chosen_elements(parts, number, [path], Pattern(None, None), workspace)
    element, place = found[0].element, Place(number, found[0].layout.workspace)
    sight = await parts.readings.sight(place, window)
    version = sight.version
    check_lumisections(parts, len(sight.covered.numbers), element.size)
    known = {} if against == "lumisection" else await parts.library.conditions(number)
    x = {n: condition_of(known.get(n), against) for n in known}
    tag = etag(
        "trend", quantity, path, number, window.word, found[0].layout.hash, version, [*x.items()]
    )
    if (same := unchanged(request, tag)) is not None:
        return same
    trend = await parts.readings.trend(place, element, quantity, window, sight.shelf)
    body = {
        "path": path,
        "workspace": place.workspace,
        "run": number,
        "quantity": quantity if element.planes else "value",
        "lumisections": trend.lumisections,
        "values": trend.values,
        "errors": trend.errors,
        "closed": trend.closed,
        "against": against,
        "x": [n if against == "lumisection" else x.get(n) for n in trend.lumisections],
    }
    return answer(body, tag)
