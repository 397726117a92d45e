"""Answers of a candidate's gateway, checked: what it books, its contents and its reports."""

import asyncio
import math
from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple, TypeVar

import pyarrow as pa
from pydantic import BaseModel, ValidationError

from dqmstream.booking.flatbuffer import is_compressed
from dqmstream.client.asks import ARROW
from dqmstream.client.element import Element
from dqmstream.client.errors import GatewayError
from dqmstream.client.reading import elements_of
from services.gateway.candidate_relay import CandidateRelay, Running
from services.gateway.element_models import ContentsAnswer, ElementsAnswer
from services.gateway.lumisection_models import LumisectionsAnswer
from services.gateway.problems import ProblemError
from services.gateway.report_models import ReportsAnswer

__all__ = ["Known", "booked_by", "contents_of", "drawn_by", "lumisections_of", "reports_of"]

M = TypeVar("M", bound=BaseModel)

_PAGE: Final = 1_000
_BROKEN: Final = (
    pa.ArrowException,
    GatewayError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    NotImplementedError,
    MemoryError,
    OverflowError,
)
"""What reading of bytes raises that anybody may have made up."""


class Known(NamedTuple):
    """LSs of a run that somebody knows, and those of them that are closed."""

    numbers: frozenset[int]
    closed: frozenset[int]


async def drawn_by(
    relay: CandidateRelay,
    candidate: Running,
    run: int,
    paths: Collection[str],
    query: dict[str, str],
) -> dict[str, Any]:
    """Contents to draw, as of `ContentsAnswer`: of this run, and of elements that were asked for.

    Raises
    ------
    ProblemError
        As of `CandidateRelay.get`; 502 if the answer is no such contents.
    """
    asked = {"path": list(paths), **query}
    found = await _read(relay, candidate, f"runs/{run}/contents", asked, ContentsAnswer)
    for one in found.contents:
        element, cells = one.element, math.prod(one.element.shape)
        sizes = {len(values) for values in one.arrays.values()}
        if one.window.run != run or element.path not in paths:
            what = f"{element.path!r:.200} of run {one.window.run}, expected what was asked for"
            raise _wrong(candidate, what)
        if min([0, *element.shape]) < 0 or sizes - {cells}:
            what = f"{element.path}: {sorted(sizes)} cells, expected {cells} of {element.shape}"
            raise _wrong(candidate, f"{what:.300}")
    return found.model_dump(mode="json")


async def booked_by(
    relay: CandidateRelay, candidate: Running, run: int, *, after: int = 0, limit: int = _PAGE
) -> dict[str, Any]:
    """One page of what it books in a run, as of `ElementsAnswer`; ProblemError as above."""
    query = {"run": run, "after": after, "limit": limit}
    found = await _read(relay, candidate, "elements", query, ElementsAnswer)
    if len(found.elements) > limit or (found.after is not None and found.after <= after):
        raise _wrong(candidate, f"a page of {len(found.elements)} that goes on at {found.after}")
    return found.model_dump(mode="json")


async def reports_of(
    relay: CandidateRelay, candidate: Running, run: int, query: dict[str, str | int]
) -> dict[str, Any]:
    """One page of its quality reports, as of `ReportsAnswer`; ProblemError as above."""
    found = await _read(relay, candidate, f"runs/{run}/reports", query, ReportsAnswer)
    return found.model_dump(mode="json")


async def lumisections_of(relay: CandidateRelay, candidate: Running, run: int) -> Known:
    """LSs that it knows of a run; ProblemError as above."""
    rows = (
        await _read(
            relay, candidate, f"runs/{run}/lumisections", {"limit": 5_000}, LumisectionsAnswer
        )
    ).lumisections
    return known_of((row.lumisection, row.closed) for row in rows)


def known_of(rows: Iterable[tuple[int, bool]]) -> Known:
    """LSs from their numbers, and whether each is closed."""
    listed = list(rows)
    return Known(
        frozenset(number for number, _ in listed),
        frozenset(number for number, closed in listed if closed),
    )


async def contents_of(
    relay: CandidateRelay,
    candidate: Running,
    run: int,
    paths: Collection[str],
    lumisections: str,
) -> list[Element]:
    """Elements with all their cells, to be compared; ProblemError as above."""
    query = {"path": list(paths), "lumisections": lumisections}
    body = await relay.get(candidate, f"runs/{run}/contents", query, accept=ARROW)
    try:
        return await asyncio.to_thread(_elements, body)
    except _BROKEN as error:
        raise _wrong(candidate, f"no table of elements: {error!s:.200}") from error


def _elements(body: bytes) -> list[Element]:
    for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(body)):
        # A compressed buffer claims a size that is allocated before its bytes are looked at.
        if message.type == "record batch" and is_compressed(message.metadata.to_pybytes()):
            msg = "its buffers are compressed"
            raise GatewayError(msg)
    return elements_of(body)


async def _read(
    relay: CandidateRelay,
    candidate: Running,
    path: str,
    query: dict[str, Any],
    form: type[M],
) -> M:
    body = await relay.get(candidate, path, query)
    try:
        # A newer release may say more: what this one does not know is left out.
        return await asyncio.to_thread(form.model_validate_json, body, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the answer"
        raise _wrong(candidate, f"{path}: {place:.100}: {first['msg']:.200}") from error


def _wrong(candidate: Running, what: str) -> ProblemError:
    detail = f"candidate {candidate.name} answers what cannot be used here: {what}"
    return ProblemError(502, detail)
