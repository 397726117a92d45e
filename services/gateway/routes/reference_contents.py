"""Routes: contents of references, and what a plot is to be overlaid with."""

import asyncio
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.references import Reference
from dqmstream.quality.inputs import Normalise, Wanted
from dqmstream.references.comparing import why_unusable
from dqmstream.references.identity import shown_name
from services.gateway.asking import (
    PROBLEMS,
    Asked,
    ChosenWindow,
    Gateway,
    Pattern,
    RunWord,
    answer,
    check_lumisections,
    chosen_elements,
    matching,
)
from services.gateway.catalogue import find
from services.gateway.overlays import Asked as Comparison
from services.gateway.overlays import drawn, put_over
from services.gateway.place import Place
from services.gateway.problems import ProblemError, not_found
from services.gateway.reference_asked import NAME
from services.gateway.reference_desk import ReferenceDesk
from services.gateway.reference_models import OverlayAnswer, ReferenceContentsAnswer
from services.gateway.routes.references import OpenDesk, Version

__all__ = ["router"]

router = APIRouter(tags=["references"], responses=PROBLEMS)

_NO_PATTERN: Final = Pattern(None, None)


@router.get(
    "/references/{version}/contents",
    response_model=ReferenceContentsAnswer,
    summary="Elements of a reference",
)
async def show_reference_contents(
    *,
    parts: Gateway,
    desk: OpenDesk,
    version: Version,
    pattern: Asked,
    paths: Annotated[
        list[str],
        Query(alias="path", description="Path of an element; may be repeated.", max_length=1_000),
    ] = [],  # noqa: B006 FastAPI copies it
) -> Response:
    """In the shape of `contents`. Any version, however old: contents are kept with it."""
    reference = await desk.version(version)
    data = await desk.data(reference)
    layout, limits = data.contents.layout, parts.settings.limits
    found: dict[str, ElementLayout] = {}
    for path in paths:
        if path not in layout:
            msg = f"reference {shown_name(reference)} does not have {path[:255]!r}"
            raise not_found(msg)
        found[path] = layout[path]
    if pattern.match is not None or pattern.regex is not None:
        matches = matching(pattern, limits.pattern)
        found |= {one.path: one.element for one in find([layout], matches)}
    if not found:
        raise ProblemError(422, "no element named, expected path (repeated), match or regex")
    cells = sum(place.size for place in found.values())
    if len(found) > limits.elements or cells > limits.cells:
        detail = (
            f"{len(found)} elements with {cells} cells asked for, one answer holds at most "
            f"{limits.elements} elements and {limits.cells} cells"
        )
        raise ProblemError(413, detail)
    row, places = desk.row(reference), list(found.values())

    def answered() -> Response:
        return answer({"reference": row, "contents": drawn(reference, data, places)})

    return await parts.encoding.run(answered)


@router.get(
    "/runs/{run}/reference",
    response_model=OverlayAnswer,
    summary="What an element is compared with",
)
async def show_overlay(
    *,
    parts: Gateway,
    desk: OpenDesk,
    run: RunWord,
    window: ChosenWindow,
    path: Annotated[str, Query(max_length=1_000, description="Path of the element.")],
    workspace: Annotated[str | None, Query(max_length=255)] = None,
    name: Annotated[
        str | None, Query(pattern=NAME, description="Of the reference of choice.")
    ] = None,
    kind: Annotated[Literal["histogram", "band"], Query()] = "histogram",
    normalise: Normalise = "entries",
) -> Response:
    """The reference that a quality test would use of the last LS of a window, and its scale.

    Not found if there is none: the answer says what was tried.
    """
    number = await parts.library.run_number(run)
    (chosen,) = await chosen_elements(parts, number, [path], _NO_PATTERN, workspace)
    place = Place(number, chosen.layout.workspace)
    (reading,) = await parts.readings.read(place, [chosen.element], window)
    check_lumisections(parts, len(reading.covered.numbers), 0)
    comparison = Comparison(
        run=number,
        conditions=await parts.library.conditions(number),
        name=name or "",
        kind=kind,
        normalise=normalise,
        moment=parts.clock.wall(),
    )
    reference, tried = await _chosen(desk, comparison.wanted(reading))
    data = await desk.data(reference)
    over = await asyncio.to_thread(put_over, reading, comparison, reference, data)
    if isinstance(over, str):
        msg = f"{path} {over}"
        raise not_found(msg)
    body = {
        "reference": desk.row(reference),
        **over,
        "contents": [over["contents"]],
        "tried": list(tried),
    }
    return answer(body)


async def _chosen(desk: ReferenceDesk, wanted: Wanted) -> tuple[Reference, tuple[str, ...]]:
    await desk.ready()

    def usable(reference: Reference, path: str) -> str:
        return why_unusable(reference, desk.known.data(reference), path)

    choice = await asyncio.to_thread(desk.known.catalogue.choose, wanted, usable)
    if not choice.references:
        msg = f"no reference for {wanted.path}: {choice.why_none}"
        raise not_found(msg)
    return choice.references[0], choice.tried
