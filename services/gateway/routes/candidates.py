"""Routes: what a candidate that runs beside has of a run, read from its gateway, and what of it
differs from production."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from services.deploying.beside import is_good, rank
from services.gateway.asking import (
    PROBLEMS,
    ChosenWindow,
    Gateway,
    Parts,
    RunWord,
    answer,
    range_window,
)
from services.gateway.candidate_comparing import Comparing
from services.gateway.candidate_reading import booked_by, drawn_by, reports_of
from services.gateway.candidate_relay import CandidateRelay, Running, running
from services.gateway.deployment_models import CompareAnswer
from services.gateway.element_models import ContentsAnswer, ElementsAnswer
from services.gateway.moments import Moment
from services.gateway.pages import paged
from services.gateway.problems import ProblemError, not_found, problem_answer
from services.gateway.report_models import ReportsAnswer
from services.gateway.windows import MAX_LUMISECTION, Window

__all__ = ["router"]

_BESIDE: Final[dict[int | str, dict[str, Any]]] = {
    502: problem_answer("The candidate's gateway is away, or answers what cannot be used."),
    504: problem_answer("The candidate's gateway does not answer in time."),
}
_OFFSET: Final = "as_of is an offset of production's log, expected a time: a candidate has its own"

router = APIRouter(tags=["deployments"], responses={**PROBLEMS, **_BESIDE})


async def _running(
    parts: Gateway,
    name: Annotated[str, Path(max_length=40, description="Of a candidate that runs beside.")],
) -> Running:
    if parts.deployments is None:
        raise not_found("this gateway does not follow deployments")
    _, standing = await parts.deployments.steps()
    return running(standing, name)


def _relay(parts: Gateway) -> CandidateRelay:
    if parts.relay is None:
        raise not_found("this gateway asks no candidates")
    return parts.relay


def _comparing(parts: Gateway) -> Comparing:
    if parts.comparing is None:
        raise not_found("this gateway asks no candidates")
    return parts.comparing


Candidate = Annotated[Running, Depends(_running)]
Relay = Annotated[CandidateRelay, Depends(_relay)]
OpenComparing = Annotated[Comparing, Depends(_comparing)]
Lumisections = Annotated[str | None, Query(max_length=20, description="LSs `a-b` or `a`.")]


def _as_of(
    as_of: Annotated[
        str | None,
        Query(
            max_length=60,
            description="Only what was stored then: ISO 8601 (UTC without a zone), or nanoseconds "
            "since 1970.",
            examples=["2026-11-22T09:30:00Z"],
        ),
    ] = None,
) -> dict[str, str]:
    try:
        moment = Moment.parse(as_of, late=False)
    except ValueError as error:
        raise ProblemError(422, str(error)) from error
    if moment.as_of.offset is not None:
        raise ProblemError(422, _OFFSET)
    return {"as_of": moment.word} if moment.word else {}


@router.get(
    "/deployments/{name}/runs/{run}/elements",
    response_model=ElementsAnswer,
    summary="MonitorElements that a candidate books in a run",
)
async def list_elements_beside(
    *,
    request: Request,
    parts: Gateway,
    relay: Relay,
    candidate: Candidate,
    run: RunWord,
    after: Annotated[int, Query(ge=0, le=1 << 40, description="`after` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=5_000, description="At most so many.")] = 1_000,
) -> Response:
    """As `/elements` there; `current` is the run that is current here."""
    number = await parts.library.run_number(run)
    body = await booked_by(relay, candidate, number, after=after, limit=limit)
    return paged(request, body, body["after"])


@router.get(
    "/deployments/{name}/runs/{run}/contents",
    response_model=ContentsAnswer,
    summary="Elements of a candidate over a window",
)
async def show_contents_beside(
    *,
    parts: Gateway,
    relay: Relay,
    candidate: Candidate,
    run: RunWord,
    window: ChosenWindow,
    moment: Annotated[dict[str, str], Depends(_as_of)],
    paths: Annotated[
        list[str],
        Query(alias="path", description="Path of an element; may be repeated.", max_length=1_000),
    ] = [],  # noqa: B006 FastAPI copies it
) -> Response:
    """As `/runs/{run}/contents` there, to be drawn.

    The newest LSs are those that are newest here: a candidate may lag.
    """
    _check_paths(paths, parts.settings.limits.elements)
    number = await parts.library.run_number(run)
    query = await _same_lumisections(parts, number, window)
    return answer(await drawn_by(relay, candidate, number, paths, {**query, **moment}))


def _check_paths(paths: Sequence[str], most: int) -> None:
    if not paths:
        raise ProblemError(422, "no element named, expected path (repeated)")
    if len(paths) > most or any(len(path) > 255 for path in paths):
        detail = f"{len(paths)} paths asked for, expected at most {most}, of 255 characters each"
        raise ProblemError(413, detail)


async def _same_lumisections(parts: Parts, number: int, window: Window) -> dict[str, str]:
    """The window in words that mean the same LSs to the candidate."""
    if window.kind == "run":
        return {"window": "run"}
    if window.kind != "range":
        rows = await parts.library.lumisections(number, 1, MAX_LUMISECTION)
        chosen = window.select([row["lumisection"] for row in rows])
        if not chosen:
            msg = f"run {number} has no LS yet"
            raise not_found(msg)
        window = Window("range", chosen[0], chosen[-1])
    return {"lumisections": window.word}


@router.get(
    "/deployments/{name}/runs/{run}/reports",
    response_model=ReportsAnswer,
    summary="Quality reports of a candidate",
)
async def list_reports_beside(
    *,
    request: Request,
    parts: Gateway,
    relay: Relay,
    candidate: Candidate,
    run: RunWord,
    lumisections: Lumisections = None,
    scope: Annotated[
        str | None,
        Query(max_length=220, description="As reports name it: `lumisection`, `run`, `last:5`."),
    ] = None,
    made_by: Annotated[
        int | None,
        Query(ge=0, lt=1 << 63, description="Only what was found by then, ns since 1970."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=5_000, description="At most so many.")] = 1_000,
    after: Annotated[
        str | None,
        Query(pattern=r"^[1-9][0-9]{0,7}\.[0-9]{1,6}$", description="`after` of the page before."),
    ] = None,
) -> Response:
    """As `/runs/{run}/reports` there."""
    number = await parts.library.run_number(run)
    asked = {
        "lumisections": None if lumisections is None else range_window(lumisections).word,
        "scope": scope,
        "made_by": made_by,
        "limit": limit,
        "after": after,
    }
    query = {name: value for name, value in asked.items() if value is not None}
    body = await reports_of(relay, candidate, number, query)
    return paged(request, body, body["after"])


@router.get(
    "/deployments/{name}/compare",
    response_model=CompareAnswer,
    summary="What of a run differs between a candidate and production",
)
async def compare_with_production(
    *,
    request: Request,
    parts: Gateway,
    comparing: OpenComparing,
    candidate: Candidate,
    run: Annotated[
        str,
        Query(
            pattern=r"^(current|[1-9][0-9]{0,9})$",
            description="A run number, or `current` for the one that began last.",
        ),
    ] = "current",
    lumisections: Annotated[
        str | None,
        Query(
            max_length=20,
            description="LSs `a-b` or `a`; by default the newest stretch of LSs that are closed in "
            "both.",
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="At most so many.")] = 100,
    after: Annotated[
        str | None,
        Query(pattern=r"^[0-9]:.{1,255}$", description="`after` of the page before."),
    ] = None,
) -> Response:
    """Each element of both, bin by bin, as `dqmstream deploy compare` does; what differs is first.

    It asks for the contents of all elements there and here, so it takes its time; answers are kept
    for some seconds.
    """
    number = await parts.library.run_number(run)
    asked = None if lumisections is None else range_window(lumisections).word
    found = await comparing.compared(candidate, number, asked)
    rest = list(found.pairs)
    if after is not None:
        word, _, path = after.partition(":")
        rest = [one for one in rest if (rank(one), one.path) > (int(word), path)]
    page = rest[:limit]
    more = f"{rank(page[-1])}:{page[-1].path}" if len(rest) > limit else None
    body = {
        "deployment": candidate.name,
        "run": number,
        "lumisections": found.lumisections,
        "made": found.made,
        "same": is_good(found.counts),
        "counts": found.counts,
        "elements": [msgspec.to_builtins(one) for one in page],
    }
    return paged(request, body, more)
