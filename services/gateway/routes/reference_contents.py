"""Routes: contents of references, and what a plot is to be overlaid with."""

import asyncio
import math
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from dqmstream.export.about import About
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.operations import Conditions
from dqmstream.messages.references import Reference
from dqmstream.quality.inputs import Exposure, Normalise, Wanted
from dqmstream.quality.normalising import reference_scale
from dqmstream.quality.stack import stack_elements
from dqmstream.references.banding import is_scaled
from dqmstream.references.comparing import histogram_for, why_unusable
from dqmstream.references.contents import ReferenceData
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
from services.gateway.formats.table import Sheet
from services.gateway.place import Place, Reading, alone
from services.gateway.problems import ProblemError, not_found
from services.gateway.records import Covered
from services.gateway.reference_desk import ReferenceDesk
from services.gateway.reference_models import NAME, OverlayAnswer, ReferenceContentsAnswer
from services.gateway.routes.references import OpenDesk, Version, row_of
from services.gateway.windows import Window

__all__ = ["router"]

router = APIRouter(tags=["references"], responses=PROBLEMS)

_RUN: Final = Window("run")
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
    contents = await asyncio.to_thread(_drawn, reference, data, list(found.values()))
    return answer({"reference": row_of(desk, reference), "contents": contents})


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
    booked = chosen.layout.workspace
    (reading,) = await parts.readings.read(Place(number, booked), [chosen.element], window)
    numbers = reading.covered.numbers
    check_lumisections(parts, len(numbers), 0)
    conditions = await parts.library.conditions(number)
    last = numbers[-1] if numbers else 0
    wanted = Wanted(
        kind=kind,
        workspace=booked,
        path=path,
        run=number,
        lumisection=last,
        conditions=conditions.get(last),
        name=name or "",
        moment=parts.clock.wall(),
    )
    reference, tried = await _chosen(desk, wanted)
    data = await desk.data(reference)
    own = Exposure(
        lumisections=len(numbers), luminosity=_recorded([conditions.get(one) for one in numbers])
    )
    place = data.contents.layout[path]
    # Of scalars and texts there is nothing to be scaled.
    scaled = place.size and is_scaled(place.element)
    per: Normalise = normalise if scaled else "none"
    scale: float | None = 1.0
    if scaled:
        scale = await asyncio.to_thread(_scale, reading, own, reference, data, per)
    body = {
        "reference": row_of(desk, reference),
        "contents": await asyncio.to_thread(_drawn, reference, data, [place]),
        "scale": scale,
        "normalise": per,
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


def _scale(
    shown: Reading, own: Exposure, reference: Reference, data: ReferenceData, per: Normalise
) -> float | None:
    """What the values of a reference are multiplied by to be those expected; None if unknown."""
    chosen = histogram_for(reference, data, shown.element.element.path)
    pair = (
        stack_elements(shown.contents, [shown.element]),
        stack_elements(data.contents, [chosen.element]),
    )
    scale = float(reference_scale(per, pair, [shown.element], [chosen], own)[0])
    return scale if math.isfinite(scale) else None


def _recorded(conditions: list[Conditions | None]) -> float | None:
    known = [one.recorded for one in conditions if one is not None and one.recorded is not None]
    return sum(known) if known and len(known) == len(conditions) else None


def _drawn(
    reference: Reference, data: ReferenceData, places: list[ElementLayout]
) -> list[dict[str, Any]]:
    """Elements as contents are shown, with the ranges of a band beside."""
    readings = [_reading(reference, data, place) for place in places]
    states = Sheet(readings=readings, window=_RUN).states()
    return [
        {**state.header, "arrays": {**state.arrays, **_ranges(data, place)}}
        for state, place in zip(states, places, strict=True)
    ]


def _ranges(data: ReferenceData, place: ElementLayout) -> dict[str, Any]:
    band = data.bands.get(place.element.path)
    # What is drawn of three axes is a projection, which a range has none of.
    if band is None or len(place.extents) > 2:
        return {}
    return {name: getattr(band, name).ravel() for name in ("centre", "lower", "upper")}


def _reading(reference: Reference, data: ReferenceData, place: ElementLayout) -> Reading:
    windows = reference.windows
    run = windows[-1].run if windows else 0
    numbers = tuple(
        number
        for window in windows
        if window.run == run
        for first, last in window.lumisections
        for number in range(first, last + 1)
    )
    covered = Covered(
        run=run, numbers=numbers, closed=True, complete=True, whole=True, late_events=0
    )
    about = About(
        run=run,
        window=shown_name(reference),
        lumisections=numbers,
        closed=True,
        complete=True,
        whole=True,
        booking=data.contents.layout.hash,
    )
    own = alone(place, data.contents.layout, data.contents)
    return Reading(next(iter(own.layout)), own, covered, {}, about)
