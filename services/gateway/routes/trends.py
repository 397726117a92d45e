"""Routes: one number of a MonitorElement, LS by LS or run by run."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.gateway.asking import (
    PROBLEMS,
    ChosenWindow,
    Gateway,
    Pattern,
    RunWord,
    answer,
    asker,
    check_lumisections,
    chosen_elements,
    etag,
    range_window,
    unchanged,
)
from services.gateway.element_models import TrendAnswer
from services.gateway.formats.asked import FormatWord
from services.gateway.formats.negotiation import chosen
from services.gateway.formats.run_trend import RUN_TREND_FORMATS, arrow_bytes, csv_bytes
from services.gateway.pages import paged
from services.gateway.place import Place
from services.gateway.quantities import QUANTITY, Against, condition_of, live_seconds
from services.gateway.routes.contents import NOT_ACCEPTABLE
from services.gateway.run_index import RunQuery
from services.gateway.run_points import Measure
from services.gateway.stored_points import RunsAsked
from services.gateway.trend_models import TrendOverRunsAnswer
from services.gateway.windows import Window

__all__ = ["router"]

router = APIRouter(tags=["contents"], responses=PROBLEMS)

_LATEST: Final = (1 << 63) - 1
_ENCODERS: Final = {"csv": csv_bytes, "arrow": arrow_bytes}

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


@router.get(
    "/runs/{run}/trend/runs",
    response_model=TrendOverRunsAnswer,
    summary="One number of an element per run",
    responses={
        200: {
            "description": "Points, newest run first.",
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for name, kind in RUN_TREND_FORMATS.items()
                if name != "json"
            },
        },
        **NOT_ACCEPTABLE,
    },
)
async def show_trend_over_runs(
    *,
    request: Request,
    parts: Gateway,
    run: RunWord,
    path: OnePath,
    quantity: ChosenQuantity = "mean",
    workspace: Workspace = None,
    lumisections: Annotated[
        str | None,
        Query(
            description="Only these LSs of each run, `a-b` or `a`; by default all.",
            examples=["1-10"],
            max_length=20,
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many runs.")] = 50,
    after: Annotated[
        int | None, Query(ge=1, le=1 << 40, description="Only runs with smaller numbers.")
    ] = None,
    run_type: Annotated[str, Query(max_length=80, description="A part of it, in any case.")] = "",
    since: Annotated[
        int | None, Query(ge=0, le=_LATEST, description="Begun then or later, ns since 1970.")
    ] = None,
    until: Annotated[
        int | None, Query(ge=0, le=_LATEST, description="Begun before then, ns since 1970.")
    ] = None,
    every: Annotated[
        bool,
        Query(description="Also numbers of runs that have booked the element in another way."),
    ] = False,
    name: FormatWord = None,
) -> Response:
    """Of this run and of those before it; live ones are read from memory, others from the store.

    Runs with another booking of the element are marked (`booked`), and have no number unless
    `every` is given. A page may have fewer runs than the limit and go on: one answer looks at 5000
    stored runs at most, and reads for about ten seconds.
    """
    form = chosen(name, request.headers.get("accept", ""), RUN_TREND_FORMATS)
    number = await parts.library.run_number(run)
    found = (await chosen_elements(parts, number, [path], Pattern(None, None), workspace))[0]
    asked = RunsAsked(
        workspace=found.layout.workspace,
        measure=Measure(found.element, quantity, every=every),
        window=Window("run") if lumisections is None else range_window(lumisections),
        runs=RunQuery(run_type=run_type, since=since, until=until),
        before=min(number + 1, after or number + 1),
        limit=limit,
    )
    async with parts.streams.turn(asker(request)):
        points, edge = await parts.library.over_runs.points(asked, parts.readings, parts.clock)
    about: dict[str, Any] = {
        "path": path,
        "workspace": found.layout.workspace,
        "run": number,
        "quantity": quantity if found.element.planes else "value",
        "window": asked.window.word,
    }
    if form == "json":
        return paged(request, {**about, "points": points}, edge)
    about["after"] = edge
    tag = etag("trend/runs", form, about, points)
    if (same := unchanged(request, tag)) is not None:
        return same
    content = await parts.encoding.run(_ENCODERS[form], about, points)
    headers = {"etag": tag, "vary": "accept"}
    return Response(content, headers=headers, media_type=RUN_TREND_FORMATS[form])
