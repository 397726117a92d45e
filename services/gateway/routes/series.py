"""Route: one MonitorElement LS by LS, as one array, in one answer that is sent as it is read."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from dqmstream.export.about import safe_name
from dqmstream.export.series import Piece, Series
from dqmstream.export.series_formats import SERIES_WRITERS
from dqmstream.export.series_writer import SeriesWriter
from dqmstream.histograms.layout import ElementLayout
from dqmstream.histograms.reshape import Reshape, Reshaped, ReshapeError
from services.gateway.asking import (
    PROBLEMS,
    ChosenWindow,
    Gateway,
    Parts,
    Pattern,
    RunWord,
    asker,
    chosen_elements,
    etag,
    unchanged,
)
from services.gateway.formats.asked import ChosenMoment, ChosenReshape, FormatWord
from services.gateway.formats.negotiation import chosen
from services.gateway.formats.table import SERIES_FORMATS
from services.gateway.place import Place
from services.gateway.problems import ProblemError
from services.gateway.routes.contents import NOT_ACCEPTABLE
from services.gateway.rows import Rows, rows_of

__all__ = ["router"]

router = APIRouter(tags=["contents"], responses={**PROBLEMS, **NOT_ACCEPTABLE})

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/runs/{run}/series",
    summary="One element LS by LS, whole",
    response_class=Response,
    responses={
        200: {
            "description": "Arrays with a row per LS.",
            "content": dict.fromkeys(SERIES_FORMATS.values(), _BINARY),
        }
    },
)
async def show_series(
    *,
    request: Request,
    parts: Gateway,
    run: RunWord,
    window: ChosenWindow,
    moment: ChosenMoment,
    reshape: ChosenReshape,
    path: Annotated[str, Query(description="Path of an element with bins.", max_length=255)],
    workspace: Annotated[
        str | None, Query(description="Needed where two book one path.", max_length=255)
    ] = None,
    flow: Annotated[bool, Query(description="With underflow and overflow of each axis.")] = True,
    name: FormatWord = None,
) -> Response:
    """All LSs of a window as arrays of shape (LSs, bins), with LS numbers and closed flags.

    Formats are an Arrow stream (the default), .npz, .npy (a structured array) and Parquet, by
    `format` or the Accept header. The answer is sent while it is read, in pieces, so that it may
    be large. Late data are in no row.
    """
    form = chosen(name, request.headers.get("accept", ""), SERIES_FORMATS)
    if moment.late:
        raise ProblemError(422, "late=include asked for: the rows of single LSs are on time only")
    number = await parts.library.run_number(run)
    found = (await chosen_elements(parts, number, [path], Pattern(None, None), workspace))[0]
    if not found.element.planes:
        detail = f"{path} is a scalar or text: it has no bins, its trend has its values"
        raise ProblemError(422, detail)
    reshaped = _reshaped(reshape, found.element, found.layout.workspace)
    place = Place(number, found.layout.workspace)
    rows = await rows_of(parts.readings, place, found.element, window, moment)
    _check_size(parts, rows)
    asked = (form, flow, reshape.word, window.word, moment.word, found.layout.hash, path)
    tag = etag("series", number, asked, rows.sight.version)
    if (same := unchanged(request, tag)) is not None:
        return same
    about = replace(rows.about, shape=reshape.word, booking=found.layout.hash)
    series = Series(
        place=found.element if reshaped is None else reshaped.element,
        workspace=place.workspace,
        about=about,
        labels=rows.words.labels,
        flow=flow,
    )
    file = safe_name(f"run{number}", "series", path)
    headers = {
        "etag": tag,
        "vary": "accept",
        "content-disposition": f'attachment; filename="{file}.{form}"',
    }
    if request.scope.get("dqm.head"):
        return Response(headers=headers, media_type=SERIES_FORMATS[form])
    sent = _sent(parts, asker(request), rows, reshaped, SERIES_WRITERS[form](series))
    first = await anext(sent)
    return _Sending(first, sent, headers=headers, media_type=SERIES_FORMATS[form])


class _Sending(StreamingResponse):
    """An answer that gives its turn back when it ends, also where its client left in the middle."""

    def __init__(
        self,
        first: bytes,
        rest: AsyncGenerator[bytes, None],
        *,
        headers: dict[str, str],
        media_type: str,
    ) -> None:
        super().__init__(_chained(first, rest), headers=headers, media_type=media_type)
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._rest):
            await super().__call__(scope, receive, send)


async def _sent(
    parts: Parts, client: str, rows: Rows, reshaped: Reshaped | None, writer: SeriesWriter
) -> AsyncGenerator[bytes, None]:
    """The bytes, piece by piece; at most so many answers are being read at once."""
    async with parts.streams.turn(client):
        try:
            async for piece in rows.pieces():
                data = await parts.encoding.run(_written, writer, reshaped, piece)
                if data:
                    yield data
            rest = writer.end()
            while (more := await parts.encoding.run(_next, rest)) is not None:
                yield more
        finally:
            writer.close()


def _next(rest: Iterator[bytes]) -> bytes | None:
    return next(rest, None)


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for data in rest:
        yield data


def _written(writer: SeriesWriter, reshaped: Reshaped | None, piece: Piece) -> bytes:
    if reshaped is not None:
        piece = piece._replace(cells=reshaped.cells(piece.cells))
    return writer.piece(piece)


def _reshaped(reshape: Reshape, element: ElementLayout, workspace: str) -> Reshaped | None:
    if reshape.is_nothing:
        return None
    try:
        return reshape.of(element, workspace)
    except ReshapeError as error:
        raise ProblemError(422, str(error)) from error


def _check_size(parts: Parts, rows: Rows) -> None:
    limits = parts.settings.limits
    lumisections = len(rows.about.lumisections)
    cells = lumisections * rows.element.size
    if lumisections > limits.lumisections or cells > limits.series_cells:
        detail = (
            f"{lumisections} lumisections of {rows.element.size} cells asked for, one answer holds "
            f"at most {limits.lumisections} lumisections and {limits.series_cells} cells"
        )
        raise ProblemError(413, detail)
