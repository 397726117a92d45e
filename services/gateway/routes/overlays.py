"""Routes: what many plots are drawn over."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.references import Reference
from dqmstream.quality.inputs import Normalise
from dqmstream.references.catalogue import Catalogue
from dqmstream.references.comparing import Data
from dqmstream.references.contents import ReferenceData
from services.gateway.asking import (
    PROBLEMS,
    Asked,
    ChosenWindow,
    Gateway,
    Parts,
    RunWord,
    answer,
    check_lumisections,
    chosen_elements,
)
from services.gateway.catalogue import Found
from services.gateway.models import NEXT, Answer
from services.gateway.overlays import Asked as Comparison
from services.gateway.overlays import overlays, why_without
from services.gateway.pages import paged
from services.gateway.place import Place, Reading
from services.gateway.windows import Window

__all__ = ["router"]

router = APIRouter(tags=["references"], responses=PROBLEMS)


class OverlayRow(Answer):
    """What one element is compared with; of one without a reference only `why` there is none."""

    path: str
    workspace: str
    why: str = Field("", description="Why there is no reference: the chain that was tried.")
    tried: list[str]
    version: str = ""
    name: str = Field("", description="Name and number of the version.")
    runs: list[int] = Field(default_factory=list)
    lumisections: int = Field(0, description="LSs that it was made of.")
    contents: dict[str, Any] | None = Field(None, description="As contents are shown.")
    scale: float | None = Field(
        None, description="What its values are to be multiplied by; null where that is not known."
    )
    normalise: str = Field("none", description="To equal what; `none` for profiles.")


class OverlaysAnswer(Answer):
    """References of elements, in the order asked for or booked."""

    overlays: list[OverlayRow]


@router.get(
    "/runs/{run}/references",
    response_model=OverlaysAnswer,
    summary="What elements are compared with",
)
async def show_overlays(
    *,
    parts: Gateway,
    run: RunWord,
    window: ChosenWindow,
    pattern: Asked,
    paths: Annotated[
        list[str],
        Query(alias="path", description="Path of an element; may be repeated.", max_length=1_000),
    ] = [],  # noqa: B006 FastAPI copies it
    workspace: Annotated[str | None, Query(max_length=255)] = None,
    name: Annotated[
        str | None, Query(max_length=80, description="Of the reference of choice.")
    ] = None,
    normalise: Normalise = "entries",
) -> Response:
    """The references that quality tests would use of the last LS of a window, with their scales.

    Of an element without one it is said why: that is no error.
    """
    number = await parts.library.run_number(run)
    found = await chosen_elements(parts, number, paths, pattern, workspace)
    if parts.references is None:
        why = "this gateway has no catalogue of references"
        rows = [
            {"path": one.path, "workspace": one.layout.workspace, "why": why, "tried": []}
            for one in found
        ]
        return answer({"overlays": rows})
    await parts.references.ready()
    readings: list[Reading] = []
    for each in sorted({one.layout.workspace for one in found}):
        mine = [one.element for one in found if one.layout.workspace == each]
        readings += await _readings(parts, Place(number, each), mine, window)
    comparison = Comparison(
        run=number,
        conditions=await parts.library.conditions(number),
        name=name or "",
        normalise=normalise,
        moment=parts.clock.wall(),
    )
    known = parts.references.known
    return await parts.encoding.run(
        _answered, found, readings, comparison, known.catalogue, known.data
    )


class LackingRow(Answer):
    """An element that has no reference."""

    path: str
    workspace: str
    why: str = Field(description="The chain that was tried.")


class LackingAnswer(Answer):
    """Elements without a reference, by workspace and path."""

    run: int
    lumisection: int = Field(description="As of which LS; 0 before there is one.")
    elements: list[LackingRow]
    total: int = Field(description="Elements without one, on all pages.")
    booked: int = Field(description="Elements of which that was looked at.")
    after: str | None = Field(description="Ask with this for the next page; null at the end.")
    next: str | None = NEXT


@router.get(
    "/runs/{run}/references/lacking",
    response_model=LackingAnswer,
    summary="Elements without a reference",
)
async def list_lacking(
    *,
    request: Request,
    parts: Gateway,
    run: RunWord,
    window: ChosenWindow,
    workspace: Annotated[str | None, Query(max_length=255)] = None,
    name: Annotated[
        str | None, Query(max_length=80, description="Of the reference of choice.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=5_000, description="At most so many.")] = 1_000,
    after: Annotated[
        str | None, Query(max_length=1_300, description="Only those beyond this one.")
    ] = None,
) -> Response:
    """Of which elements quality tests would find no reference for the last LS of a window."""
    number = await parts.library.run_number(run)
    rows = await parts.library.lumisections(number, 1, 1 << 24)
    last = max(window.select([row["lumisection"] for row in rows]), default=0)
    layouts = [
        one for one in await parts.library.layouts(number) if workspace in {None, one.workspace}
    ]
    catalogue = Catalogue()
    data: Data = _no_data
    if parts.references is not None:
        await parts.references.ready()
        known = parts.references.known
        catalogue, data = known.catalogue, known.data
    comparison = Comparison(
        run=number,
        conditions=await parts.library.conditions(number),
        name=name or "",
        moment=parts.clock.wall(),
    )
    lacking = await parts.encoding.run(_lacking, layouts, comparison, last, catalogue, data)
    keys = [f"{row['workspace']} {row['path']}" for row in lacking]
    first = 0 if after is None else bisect_right(keys, after)
    shown = lacking[first : first + limit]
    body = {
        "run": number,
        "lumisection": last,
        "elements": shown,
        "total": len(lacking),
        "booked": sum(len(layout.elements) for layout in layouts),
    }
    more = first + limit < len(lacking)
    return paged(request, body, keys[first + limit - 1] if more else None)


def _no_data(_reference: Reference) -> ReferenceData | None:
    return None


def _lacking(
    layouts: Sequence[Layout],
    comparison: Comparison,
    last: int,
    catalogue: Catalogue,
    data: Data,
) -> list[dict[str, str]]:
    rows = []
    for layout in layouts:
        for element in layout:
            wanted = comparison.wanted_of(layout.workspace, element, last)
            if why := why_without(element, wanted, catalogue, data):
                rows.append({"path": wanted.path, "workspace": layout.workspace, "why": why})
    rows.sort(key=lambda row: f"{row['workspace']} {row['path']}")
    return rows


def _answered(
    found: Sequence[Found],
    readings: Sequence[Reading],
    comparison: Comparison,
    catalogue: Catalogue,
    data: Data,
) -> Response:
    rows = overlays(readings, comparison, catalogue, data)
    places = {(one.layout.workspace, one.path): at for at, one in enumerate(found)}
    rows.sort(key=lambda row: places[row["workspace"], row["path"]])
    return answer({"overlays": rows})


async def _readings(
    parts: Parts, place: Place, elements: list[ElementLayout], window: Window
) -> list[Reading]:
    readings = await parts.readings.read(place, elements, window)
    for reading in readings:
        check_lumisections(parts, len(reading.covered.numbers), 0)
    return readings
