"""Routes: layouts. Everybody may look, experts write; nothing that was written is lost."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from dqmstream.errors import ConfigurationError
from dqmstream.layouts.check import LARGEST, document_of, layout_of
from dqmstream.layouts.importing import LARGEST_FILE, import_layouts
from dqmstream.layouts.layout import NAME, Layout
from services.gateway.access import Expert
from services.gateway.asking import PROBLEMS, Gateway, answer, etag, unchanged
from services.gateway.documents import JSON, read_document, taking
from services.gateway.layout_desk import LayoutDesk
from services.gateway.layout_models import (
    DeletedAnswer,
    ImportedAnswer,
    ImportLayouts,
    LayoutAnswer,
    LayoutsAnswer,
    LayoutVersionsAnswer,
    PutLayout,
    RestoreLayout,
    layout_body,
    layout_row,
    version_row,
)
from services.gateway.problems import ProblemError, not_found, problem_answer
from services.gateway.shown_layout import Shown

__all__ = ["router"]

_READING: Final[dict[int | str, dict[str, Any]]] = {
    400: problem_answer("The body is no JSON, or broke off."),
    408: problem_answer("The body did not come in time."),
    413: problem_answer("The body is too large, or there is no room for more layouts."),
    415: problem_answer("The body is of another type, or compressed in an unknown way."),
}
_WRITING: Final = _READING | {
    409: problem_answer("Somebody changed it meanwhile: `newest` says who, when and why."),
}
_ENVELOPE: Final = 16 << 10
"""Bytes of a document besides the layout."""

Model = TypeVar("Model", bound=BaseModel)

router = APIRouter(tags=["layouts"], responses=PROBLEMS)

Name = Annotated[
    str,
    Path(pattern=NAME, max_length=260, description="Of the layout.", examples=["Shift/SiPixel"]),
]


def _desk(parts: Gateway) -> LayoutDesk:
    if parts.layouts is None:
        raise not_found("this gateway does not follow layouts")
    return parts.layouts


OpenDesk = Annotated[LayoutDesk, Depends(_desk)]


class _Body:
    """What reads the body of a request: the document that it is."""

    def __init__(self, request: Request, caller: Expert, parts: Gateway, desk: OpenDesk) -> None:
        self._request = request
        self._owner = caller.name
        self._seconds = parts.settings.limits.ingest_body_seconds
        self._budget = desk.budget

    async def read(self, model: type[Model], room: int = 0) -> Model:
        """A document with `room` bytes besides what all may have."""
        return await read_document(
            self._request,
            model,
            budget=self._budget,
            owner=self._owner,
            limit=room + _ENVELOPE,
            seconds=self._seconds,
        )


Body = Annotated[_Body, Depends(_Body)]


@router.get("/layouts", response_model=LayoutsAnswer, summary="Layouts, shipped and written")
async def list_layouts(request: Request, desk: OpenDesk) -> Response:
    """Without their cells. The tag changes with any of them."""
    found = await desk.all()
    tag = etag([(one.layout.name, one.number, one.hash) for one in found])
    return unchanged(request, tag) or answer({"layouts": [layout_row(one) for one in found]}, tag)


@router.get("/layouts/{name:path}", response_model=LayoutAnswer, summary="A layout, whole")
async def show_layout(
    request: Request,
    desk: OpenDesk,
    name: Name,
    version: Annotated[
        int | None, Query(ge=0, le=1_000_000_000, description="By default the one that stands.")
    ] = None,
) -> Response:
    """`layout` is what an export holds."""
    return _shown(request, await desk.show(name, version))


@router.get(
    "/layout-versions/{name:path}",
    response_model=LayoutVersionsAnswer,
    summary="Versions of a layout",
)
async def list_versions(desk: OpenDesk, name: Name) -> Response:
    """The newest first; none of a shipped one that nobody has written over."""
    return answer({"versions": [version_row(one) for one in await desk.versions(name)]})


@router.put(
    "/layouts/{name:path}",
    response_model=LayoutAnswer,
    responses=_WRITING | {201: {"description": "There was none of that name."}},
    openapi_extra=taking(**{JSON: PutLayout.model_json_schema()}),
    summary="Write a layout",
)
async def put_layout(caller: Expert, desk: OpenDesk, name: Name, body: Body) -> Response:
    """The next version. If the newest says the same, that is answered and nothing is written."""
    asked = await body.read(PutLayout, LARGEST)
    layout = await _layout(asked.layout)
    if layout.name != name:
        detail = f"the layout is named {layout.name!r}, the address says {name!r}"
        raise ProblemError(422, detail)
    is_new = await desk.number(name) == 0
    found = await desk.put(layout, based_on=asked.based_on, who=caller.name, why=asked.why)
    response = _shown(None, found)
    response.status_code = 201 if is_new else 200
    return response


@router.delete(
    "/layouts/{name:path}",
    response_model=DeletedAnswer,
    responses=_WRITING,
    summary="Delete a layout",
)
async def delete_layout(
    caller: Expert,
    desk: OpenDesk,
    name: Name,
    based_on: Annotated[int, Query(ge=0, le=1_000_000_000, description="The version that stands.")],
    why: Annotated[str, Query(min_length=3, max_length=1_000)],
) -> Response:
    """That is a version, too: those before it can be restored."""
    version = await desk.delete(name, based_on=based_on, who=caller.name, why=why)
    return answer({"version": version_row(version)})


@router.post(
    "/layout-restores/{name:path}",
    response_model=LayoutAnswer,
    responses=_WRITING,
    openapi_extra=taking(**{JSON: RestoreLayout.model_json_schema()}),
    summary="Let an earlier version stand again",
)
async def restore_layout(caller: Expert, desk: OpenDesk, name: Name, body: Body) -> Response:
    """That is the next version, with what the earlier one held; 0 for what is shipped."""
    asked = await body.read(RestoreLayout)
    return _shown(None, await desk.restore(name, asked.to, who=caller.name, why=asked.why))


@router.post(
    "/layout-imports",
    response_model=ImportedAnswer,
    responses=_WRITING,
    openapi_extra=taking(**{JSON: ImportLayouts.model_json_schema()}),
    summary="Import layouts: our JSON, or a layout file of the CMS DQM GUI",
)
async def post_import(caller: Expert, parts: Gateway, desk: OpenDesk, body: Body) -> Response:
    """Written over those of the same names, as their next versions; in a dry run not at all."""
    # As a JSON text, a file has a backslash before each quotation mark.
    asked = await body.read(ImportLayouts, 2 * LARGEST_FILE)
    booked = await parts.library.layouts(None)

    def read() -> tuple[Sequence[Layout], dict[str, Any]]:
        known = {one.element.path: layout.workspace for layout in booked for one in layout}
        found = import_layouts(asked.text, asked.file, known=known, name=asked.name)
        told = msgspec.to_builtins(msgspec.structs.replace(found, layouts=()))
        return found.layouts, {**told, "layouts": [document_of(one) for one in found.layouts]}

    try:
        layouts, told = await asyncio.to_thread(read)
    except ConfigurationError as error:
        raise ProblemError(422, str(error)) from error
    written: list[dict[str, Any]] = []
    for layout in () if asked.dry_run else layouts:
        stands = await desk.number(layout.name)
        try:
            one = await desk.put(layout, based_on=stands, who=caller.name, why=asked.why)
        except ProblemError as problem:
            names = ", ".join(row["name"] for row in written) or "none"
            detail = f"{problem.detail}; of {len(layouts)} layouts were written: {names}"
            raise ProblemError(
                problem.status, detail, problem.headers, more=problem.more
            ) from problem
        written.append({"name": layout.name, "version": one.number})
    return answer({**told, "written": written})


# ---------------------------------------------------------------------- inside


async def _layout(raw: dict[str, Any]) -> Layout:
    try:
        return await asyncio.to_thread(layout_of, raw)
    except ConfigurationError as error:
        raise ProblemError(422, str(error)) from error


def _shown(request: Request | None, found: Shown) -> Response:
    tag = f'"{found.number}-{found.hash}"'
    held = None if request is None else unchanged(request, tag)
    return held or answer(layout_body(found), tag)
