"""Routes: contents of MonitorElements over windows, as numbers and as images."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from dqmstream.histograms.element import MonitorElement
from services.gateway.asking import (
    PROBLEMS,
    Asked,
    ChosenWindow,
    Gateway,
    Parts,
    Pattern,
    RunWord,
    answer,
    check_lumisections,
    chosen_elements,
    etag,
    unchanged,
)
from services.gateway.catalogue import Found
from services.gateway.drawing import draw
from services.gateway.element_models import ContentsAnswer, UhiAnswer
from services.gateway.place import Place, Reading
from services.gateway.render import render
from services.gateway.windows import Window

__all__ = ["router"]

router = APIRouter(tags=["contents"], responses=PROBLEMS)

Paths = Annotated[
    list[str],
    Query(alias="path", description="Path of an element; may be repeated.", max_length=1_000),
]
OnePath = Annotated[str, Query(alias="path", description="Path of an element.", max_length=255)]
Workspace = Annotated[
    str | None,
    Query(description="Only in this workspace; needed where two book one path.", max_length=255),
]
Side = Annotated[int, Query(ge=120, le=1_600, description="Pixels.")]


@router.get(
    "/runs/{run}/contents", response_model=ContentsAnswer, summary="Elements over a window, to draw"
)
async def show_contents(
    *,
    request: Request,
    parts: Gateway,
    run: RunWord,
    window: ChosenWindow,
    pattern: Asked,
    paths: Paths = [],  # noqa: B006 FastAPI copies it
    workspace: Workspace = None,
) -> Response:
    """Contents of one element or many: what each is, which LSs are covered, totals and cells.

    The answer has an ETag made from the versions of the lumisections.
    """
    number, found = await _asked(parts, run, paths, pattern, workspace)
    tag = await _tag(parts, number, found, window, "plot")
    if (same := unchanged(request, tag)) is not None:
        return same
    readings = await _readings(parts, number, found, window)
    return answer(await asyncio.to_thread(_drawn, readings, window), tag)


@router.get(
    "/runs/{run}/contents/uhi",
    response_model=UhiAnswer,
    summary="Elements over a window, as UHI histograms",
)
async def show_uhi(
    *,
    request: Request,
    parts: Gateway,
    run: RunWord,
    window: ChosenWindow,
    pattern: Asked,
    paths: Paths = [],  # noqa: B006 FastAPI copies it
    workspace: Workspace = None,
) -> Response:
    """Histograms and profiles in the JSON form of UHI, which other libraries read.

    Scalars and texts are no histograms: they are left out, and listed.
    """
    number, found = await _asked(parts, run, paths, pattern, workspace)
    tag = await _tag(parts, number, found, window, "uhi")
    if (same := unchanged(request, tag)) is not None:
        return same
    readings = await _readings(parts, number, found, window)
    return answer(await asyncio.to_thread(_as_uhi, readings), tag)


@router.get(
    "/runs/{run}/contents/png",
    summary="One element over a window, as an image",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}, "description": "The image."}},
)
async def show_png(
    *,
    request: Request,
    parts: Gateway,
    run: RunWord,
    window: ChosenWindow,
    path: OnePath,
    workspace: Workspace = None,
    width: Side = 640,
    height: Side = 440,
) -> Response:
    """The plot as a picture, with title, axes, entries, run and LS range printed on it."""
    number, found = await _asked(parts, run, [path], Pattern(None, None), workspace)
    tag = await _tag(parts, number, found, window, f"png {width}x{height}")
    if (same := unchanged(request, tag)) is not None:
        return same
    reading = (await _readings(parts, number, found, window))[0]
    image = await asyncio.to_thread(_painted, reading, window, width, height)
    return Response(image, headers={"etag": tag}, media_type="image/png")


async def _asked(
    parts: Parts, run: str, paths: Sequence[str], pattern: Pattern, workspace: str | None
) -> tuple[int, list[Found]]:
    number = await parts.library.run_number(run)
    return number, await chosen_elements(parts, number, paths, pattern, workspace)


async def _tag(parts: Parts, number: int, found: Sequence[Found], window: Window, form: str) -> str:
    versions = []
    for workspace in sorted({each.layout.workspace for each in found}):
        covered, version = await parts.readings.covered(Place(number, workspace), window)
        check_lumisections(parts, len(covered.numbers), 0)
        versions.append(version)
    named = [(each.path, each.layout.hash) for each in found]
    return etag(form, number, window.word, versions, named)


async def _readings(
    parts: Parts, number: int, found: Sequence[Found], window: Window
) -> list[Reading]:
    read: dict[tuple[str, str], Reading] = {}
    for workspace in sorted({each.layout.workspace for each in found}):
        mine = [each for each in found if each.layout.workspace == workspace]
        readings = await parts.readings.read(
            Place(number, workspace), [each.element for each in mine], window
        )
        for each, reading in zip(mine, readings, strict=True):
            read[workspace, each.path] = reading
    return [read[each.layout.workspace, each.path] for each in found]


def _drawn(readings: Sequence[Reading], window: Window) -> dict[str, Any]:
    contents = []
    for reading in readings:
        state = draw(
            reading.element,
            reading.contents,
            labels=reading.labels,
            covered=reading.covered,
            window=window,
        )
        contents.append({**state.header, "arrays": state.arrays})
    return {"contents": contents}


def _as_uhi(readings: Sequence[Reading]) -> dict[str, Any]:
    histograms = {}
    left_out = []
    for reading in readings:
        path = reading.element.element.path
        if reading.element.planes:
            histograms[path] = _uhi(reading)
        else:
            left_out.append(path)
    return {"histograms": histograms, "left_out": left_out}


def _uhi(reading: Reading) -> dict[str, Any]:
    first, last = reading.covered.span
    uhi = MonitorElement(reading.contents, reading.element).to_uhi()
    uhi["metadata"] |= {"run": reading.covered.run, "lumisections": f"{first}-{last}"}
    return uhi


def _painted(reading: Reading, window: Window, width: int, height: int) -> bytes:
    state = draw(
        reading.element,
        reading.contents,
        labels=reading.labels,
        covered=reading.covered,
        window=window,
    )
    return render(state, width, height)
