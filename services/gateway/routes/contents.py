"""Routes: contents of MonitorElements over windows, in all formats."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from dqmstream.export.about import safe_name
from dqmstream.histograms.reshape import Reshape, ReshapeError
from services.gateway.asking import (
    PROBLEMS,
    Asked,
    ChosenWindow,
    Gateway,
    Parts,
    Pattern,
    RunWord,
    SetWord,
    check_lumisections,
    chosen_elements,
    etag,
    unchanged,
)
from services.gateway.catalogue import Found
from services.gateway.element_models import ContentsAnswer, UhiAnswer
from services.gateway.formats.asked import ChosenMoment, ChosenReshape, FormatWord
from services.gateway.formats.negotiation import chosen
from services.gateway.formats.table import FORMATS, Format, Sheet
from services.gateway.moments import Moment
from services.gateway.past import Sight
from services.gateway.place import Place, Reading
from services.gateway.problems import ProblemError, problem_answer
from services.gateway.windows import Window

__all__ = ["NOT_ACCEPTABLE", "router"]

NOT_ACCEPTABLE: Final[dict[int | str, dict[str, Any]]] = {
    406: problem_answer("The format asked for is not offered.")
}

router = APIRouter(tags=["contents"], responses={**PROBLEMS, **NOT_ACCEPTABLE})

Paths = Annotated[
    list[str],
    Query(alias="path", description="Path of an element; may be repeated.", max_length=1_000),
]
Workspace = Annotated[
    str | None,
    Query(description="Only in this workspace; needed where two book one path.", max_length=255),
]
Side = Annotated[int, Query(ge=120, le=1_600, description="Pixels of a picture.")]

_MEDIA_TYPES: Final = {each.name: each.media_type for each in FORMATS.values()}
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_OFFERED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The elements, in the order asked for or booked.",
        "content": {
            each.media_type: _BINARY for each in FORMATS.values() if each.name not in {"json"}
        }
        | {"application/vnd.uhi+json": {"schema": UhiAnswer.model_json_schema()}},
    }
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wish:
    """All that a request asks for."""

    number: int
    set: str | None
    found: Sequence[Found]
    window: Window
    moment: Moment
    reshape: Reshape
    form: Format
    width: int
    height: int


@router.get(
    "/runs/{run}/contents",
    response_model=ContentsAnswer,
    responses=_OFFERED,
    summary="Elements over a window",
)
async def show_contents(
    *,
    request: Request,
    parts: Gateway,
    run: RunWord,
    window: ChosenWindow,
    moment: ChosenMoment,
    reshape: ChosenReshape,
    pattern: Asked,
    paths: Paths = [],  # noqa: B006 FastAPI copies it
    workspace: Workspace = None,
    set_hash: SetWord = None,
    name: FormatWord = None,
    width: Side = 640,
    height: Side = 440,
) -> Response:
    """Contents of one element or many: what each is, which LSs are covered, totals and cells.

    The format is what `format` names or the Accept header wants: JSON to draw (the default), UHI,
    Arrow, Parquet, NumPy, ROOT, CSV, and of one element PNG and SVG. Sums are exact: what `axes`,
    `bins` and `rebin` make of the bins too. As of a moment in the past, or with late data, answers
    come from the store alone. The ETag changes when the contents may have.
    """
    form = FORMATS[chosen(name, request.headers.get("accept", ""), _MEDIA_TYPES)]
    number, found = await _asked(parts, run, paths, pattern, workspace, set_hash=set_hash)
    wish = _Wish(
        number=number,
        set=set_hash,
        found=found,
        window=window,
        moment=moment,
        reshape=reshape,
        form=form,
        width=width,
        height=height,
    )
    return await _answer(request, parts, wish)


@router.get(
    "/runs/{run}/contents/{name}",
    responses={
        200: {
            **_OFFERED[200],
            "content": {
                **_OFFERED[200]["content"],
                "application/json": {"schema": ContentsAnswer.model_json_schema()},
            },
        }
    },
    response_class=Response,
    summary="Elements over a window, in a format",
)
async def show_contents_as(
    *,
    request: Request,
    parts: Gateway,
    run: RunWord,
    name: Annotated[
        str,
        Path(
            max_length=40,
            description="Name of the format; 406 for others.",
            json_schema_extra={"enum": list(FORMATS)},
        ),
    ],
    window: ChosenWindow,
    moment: ChosenMoment,
    reshape: ChosenReshape,
    pattern: Asked,
    paths: Paths = [],  # noqa: B006 FastAPI copies it
    workspace: Workspace = None,
    set_hash: SetWord = None,
    width: Side = 640,
    height: Side = 440,
) -> Response:
    """The same as `contents?format=`, for programs that cannot set headers or want a file's name.

    Pictures show one element, with title, axes, entries, run and LS range printed on it.
    """
    form = FORMATS[chosen(name, "", _MEDIA_TYPES)]
    number, found = await _asked(parts, run, paths, pattern, workspace, set_hash=set_hash)
    wish = _Wish(
        number=number,
        set=set_hash,
        found=found,
        window=window,
        moment=moment,
        reshape=reshape,
        form=form,
        width=width,
        height=height,
    )
    return await _answer(request, parts, wish)


async def _asked(
    parts: Parts,
    run: str,
    paths: Sequence[str],
    pattern: Pattern,
    workspace: str | None,
    *,
    set_hash: str | None,
) -> tuple[int, list[Found]]:
    number = await parts.library.run_number(run)
    return number, await chosen_elements(
        parts, number, paths, pattern, workspace, set_hash=set_hash
    )


async def _answer(request: Request, parts: Parts, wish: _Wish) -> Response:
    _check(parts, wish)
    tag, sights = await _tag(parts, wish) if wish.moment.is_plain else (None, {})
    if tag is not None and (same := unchanged(request, tag)) is not None:
        return same
    readings = await _readings(parts, wish, sights)
    body = await parts.encoding.run(_encoded, readings, wish)
    if tag is None:
        # What the store knows of the past changes with every late set, and no version says so.
        tag = etag(wish.form.name, hashlib.blake2b(body, digest_size=16).hexdigest())
        if (same := unchanged(request, tag)) is not None:
            return same
    headers = {"etag": tag, "vary": "accept"}
    if wish.form.attached:
        headers["content-disposition"] = f'attachment; filename="{_file_name(readings, wish)}"'
    return Response(body, headers=headers, media_type=wish.form.header)


def _check(parts: Parts, wish: _Wish) -> None:
    form, found = wish.form, wish.found
    if not form.many and len(found) != 1:
        detail = f"{len(found)} elements asked for as {form.name}, a picture shows one"
        raise ProblemError(422, detail)
    cells, most = sum(each.element.size for each in found), parts.settings.limits.cells
    if cells * form.weight > most:
        detail = f"{cells} cells asked for as {form.name}, expected at most {most // form.weight}"
        raise ProblemError(413, detail)


async def _tag(parts: Parts, wish: _Wish) -> tuple[str, dict[str, Sight]]:
    """The tag of what is asked for, and by workspace what is known of it."""
    sights = {}
    for workspace in sorted({each.layout.workspace for each in wish.found}):
        sight = await parts.readings.sight(Place(wish.number, workspace, wish.set), wish.window)
        check_lumisections(parts, len(sight.covered.numbers), 0)
        sights[workspace] = sight
    versions = [sight.version for sight in sights.values()]
    named = [(each.path, each.layout.hash) for each in wish.found]
    form = f"{wish.form.name} {wish.width}x{wish.height}"
    tag = etag(form, wish.number, wish.set, wish.window.word, wish.reshape.word, versions, named)
    return tag, sights


async def _readings(parts: Parts, wish: _Wish, sights: Mapping[str, Sight]) -> list[Reading]:
    read: dict[tuple[str, str], Reading] = {}
    for workspace in sorted({each.layout.workspace for each in wish.found}):
        mine = [each for each in wish.found if each.layout.workspace == workspace]
        readings = await parts.readings.read(
            Place(wish.number, workspace, wish.set),
            [each.element for each in mine],
            wish.window,
            wish.moment,
            sights[workspace].shelf if workspace in sights else None,
        )
        for each, reading in zip(mine, readings, strict=True):
            check_lumisections(parts, len(reading.covered.numbers), 0)
            about = replace(reading.about, booking=each.layout.hash)
            read[workspace, each.path] = reading._replace(about=about)
    return [read[each.layout.workspace, each.path] for each in wish.found]


def _encoded(readings: Sequence[Reading], wish: _Wish) -> bytes:
    if not wish.reshape.is_nothing:
        readings = [_reshaped(reading, wish.reshape) for reading in readings]
    sheet = Sheet(readings=readings, window=wish.window, width=wish.width, height=wish.height)
    return wish.form.encode(sheet)


def _reshaped(reading: Reading, reshape: Reshape) -> Reading:
    try:
        made = reshape.of(reading.element, reading.contents.layout.workspace)
    except ReshapeError as error:
        raise ProblemError(422, str(error)) from error
    contents = made.contents(reading.contents)
    about = replace(reading.about, shape=reshape.word)
    return reading._replace(element=made.element, contents=contents, about=about)


def _file_name(readings: Sequence[Reading], wish: _Wish) -> str:
    first, last = readings[0].about.span if readings else (0, 0)
    path = wish.found[0].path if len(wish.found) == 1 else "elements"
    return f"{safe_name(f'run{wish.number}', f'LS{first}-{last}', path)}.{wish.form.name}"
