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
from services.gateway.quantities import QUANTITY, Against, condition_of, live_seconds

__all__ = ["router"]

router = APIRouter(tags=["contents"], responses=PROBLEMS)

OnePath = Annotated[str, Query(alias="path", description="Path of an element.", max_length=255)]
ChosenQuantity = Annotated[
    str,
    Query(
        pattern=QUANTITY,
        max_length=20,
        description="What of it; a scalar's trend is always its value. `rate` is entries per "
        "second of live time, `median` and `quantile:0.9` are interpolated within their bin.",
        examples=["mean"],
    ),
]
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
    quantity: ChosenQuantity = "mean",
    against: Annotated[
        Against,
        Query(description="What `x` is: the lumisection, or a condition of it, if it is known."),
    ] = "lumisection",
    workspace: Workspace = None,
) -> Response:
    """Mean (of the first axis, or of the profiled value), entries or others, LS by LS.

    A rate is known where the luminosity delivered and recorded is: their ratio is the live part of
    an LS's 23.31 s.
    """
    number = await parts.library.run_number(run)
    found = await chosen_elements(parts, number, [path], Pattern(None, None), workspace)
    element, place = found[0].element, Place(number, found[0].layout.workspace)
    sight = await parts.readings.sight(place, window)
    version = sight.version
    check_lumisections(parts, len(sight.covered.numbers), element.size)
    asks = against != "lumisection" or quantity == "rate"
    known = await parts.library.conditions(number) if asks else {}
    x = {n: condition_of(known.get(n), against) for n in known}
    live = {n: live_seconds(known.get(n)) for n in known if quantity == "rate"}
    told = [[*x.items()], [*live.items()]]
    tag = etag("trend", quantity, path, number, window.word, found[0].layout.hash, version, told)
    if (same := unchanged(request, tag)) is not None:
        return same
    trend = await parts.readings.trend(place, element, quantity, window, sight.shelf)
    if quantity == "rate" and element.planes:
        seconds = [live.get(n) for n in trend.lumisections]
        values = [each / s if s else None for each, s in zip(trend.values, seconds, strict=True)]
        trend = trend._replace(values=values)
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
