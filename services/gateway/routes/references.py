"""Routes: the catalogue of references. Everybody may look, experts make, accept and retire."""

import asyncio
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from dqmstream.messages.references import Validity
from dqmstream.quality.pattern import compile_pattern
from dqmstream.references.making import Described
from dqmstream.references.proposals import Criteria
from services.gateway.access import Expert
from services.gateway.asking import PROBLEMS, Gateway, answer
from services.gateway.problems import ProblemError, not_found, problem_answer
from services.gateway.reference_asked import NAME, AskedReference, DecideReference, MakeReference
from services.gateway.reference_desk import ReferenceDesk
from services.gateway.reference_history import history_of
from services.gateway.reference_models import (
    HistoryAnswer,
    MadeAnswer,
    ProposalsAnswer,
    ReferenceAnswer,
    ReferencesAnswer,
    proposal_row,
)
from services.gateway.reference_proposing import propose
from services.gateway.reference_reading import AskedData, workspaces_of

__all__ = ["WRITING", "OpenDesk", "Version", "described", "router", "status_of"]

_DAY: Final = 86_400 * 10**9
WRITING: Final[dict[int | str, dict[str, Any]]] = {
    400: problem_answer("The body broke off, or is damaged."),
    408: problem_answer("The body did not come in time."),
    409: problem_answer("That is what it is already."),
    413: problem_answer("The body, or what is to be made of it, is too large."),
    415: problem_answer("The body is of another type, or compressed in an unknown way."),
}

router = APIRouter(tags=["references"], responses=PROBLEMS)

Version = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="Id of a version.")]
Name = Annotated[str, Query(pattern=NAME, description="Name of a reference.")]
Workspace = Annotated[str | None, Query(max_length=255)]


def _desk(parts: Gateway) -> ReferenceDesk:
    if parts.references is None:
        raise not_found("this gateway has no catalogue of references")
    return parts.references


OpenDesk = Annotated[ReferenceDesk, Depends(_desk)]


@router.get("/references", response_model=ReferencesAnswer, summary="Versions of references")
async def list_references(
    *,
    desk: OpenDesk,
    workspace: Workspace = None,
    name: Annotated[str | None, Query(pattern=NAME)] = None,
    status: Annotated[Literal["proposed", "accepted", "retired"] | None, Query()] = None,
    standing: Annotated[
        bool, Query(description="Only those that are used, in the order they are tried in.")
    ] = False,
    limit: Annotated[int, Query(ge=1, le=5_000)] = 1_000,
) -> Response:
    """The catalogue; contents are asked for one by one."""
    await desk.ready()
    versions = desk.standing() if standing else desk.known.catalogue.versions
    found = [
        one
        for one in versions
        if workspace in {None, one.workspace}
        and name in {None, one.name}
        and status in {None, one.status}
    ]
    rows = [desk.row(one) for one in found[:limit]]
    return answer({"references": rows, "total": len(found)})


@router.get(
    "/references/history", response_model=HistoryAnswer, summary="Who decided what, why and when"
)
async def show_history(desk: OpenDesk, name: Name, workspace: Workspace = None) -> Response:
    """Every step in the life of all versions of a name: from the record of decisions."""
    await desk.ready()
    if not desk.known.catalogue.history(name, workspace):
        msg = f"no reference has the name {name!r}"
        raise not_found(msg)
    return answer({"name": name, "history": await history_of(desk.log, name, workspace)})


@router.get(
    "/references/proposals",
    response_model=ProposalsAnswer,
    summary="Which runs would be good references for a run",
)
async def list_proposals(
    *,
    parts: Gateway,
    desk: OpenDesk,
    run: Annotated[
        str,
        Query(
            pattern=r"^(current|[1-9][0-9]{0,9})$",
            description="A run number, or `current` for the one that began last.",
        ),
    ],
    ratio: Annotated[
        float, Query(gt=1, le=10, description="How far luminosity and pile-up may be apart.")
    ] = 1.15,
    days: Annotated[float, Query(gt=0, le=3_650, description="... and the runs.")] = 10.0,
    lumisections: Annotated[int, Query(ge=1, le=10_000, description="Least it must have.")] = 5,
    bad: Annotated[float, Query(ge=0, le=1, description="Most of its tests that were BAD.")] = 0.05,
) -> Response:
    """A ranking with reasons; nothing is used until an expert makes, or accepts, a version."""
    if desk.archive is None:
        raise not_found("this gateway has no store to look for runs in")
    number = await parts.library.run_number(run)
    criteria = Criteria(ratio=ratio, days=days, lumisections=lumisections, bad=bad)
    wanted, ranked = await asyncio.to_thread(propose, desk.archive, number, criteria)
    return answer(
        {
            "run": number,
            "facts": msgspec.to_builtins(wanted),
            "proposals": [proposal_row(one) for one in ranked],
        }
    )


@router.get("/references/{version}", response_model=ReferenceAnswer, summary="One version")
async def show_reference(desk: OpenDesk, version: Version) -> Response:
    """What it is, what it was made of, who decided what of it last."""
    return answer(desk.row(await desk.version(version)))


# -------------------------------------------------------------------- decisions


@router.post(
    "/references",
    response_model=MadeAnswer,
    responses=WRITING,
    summary="Make a reference out of stored runs",
)
async def make_reference(
    caller: Expert, parts: Gateway, desk: OpenDesk, asked: MakeReference
) -> Response:
    """A version for each workspace. Asked twice for the same, it is made once."""
    if desk.archive is None:
        raise not_found("this gateway has no store that a reference could be made out of")
    runs = {int(run): [(a, b) for a, b in ranges] for run, ranges in asked.runs.items()}
    data = AskedData(runs=runs, per=asked.band, require=asked.require)
    names = asked.workspaces
    if not names:
        names = await asyncio.to_thread(workspaces_of, desk.archive, list(runs))
    made, left_out = [], {}
    for workspace in dict.fromkeys(names):
        said = described(asked, workspace, parts.clock.wall())
        decision = desk.decision(status_of(asked), caller.name, asked.reason)
        try:
            made.append(await desk.make(said, data, decision))
        except ProblemError as problem:
            # Of all workspaces those are left out that have nothing of the elements wanted.
            if asked.workspaces or problem.status != 422:
                raise
            left_out[workspace] = problem.detail
    if not made:
        raise ProblemError(422, "; ".join(left_out.values())[:1_000])
    rows = [desk.row(one) for one in made]
    return answer({"references": rows, "left_out": left_out})


@router.post(
    "/references/{version}/accept",
    response_model=ReferenceAnswer,
    responses=WRITING,
    summary="Use a version",
)
async def accept_reference(
    caller: Expert, desk: OpenDesk, version: Version, asked: DecideReference
) -> Response:
    """Of a proposed one, or again of one that was retired."""
    decision = desk.decision("accepted", caller.name, asked.why)
    return answer(desk.row(await desk.decide(version, "accept", decision)))


@router.post(
    "/references/{version}/retire",
    response_model=ReferenceAnswer,
    responses=WRITING,
    summary="Use a version no more",
)
async def retire_reference(
    caller: Expert, desk: OpenDesk, version: Version, asked: DecideReference
) -> Response:
    """The accepted version of its name before it, if there is one, stands again."""
    decision = desk.decision("retired", caller.name, asked.why)
    return answer(desk.row(await desk.decide(version, "retire", decision)))


def status_of(asked: AskedReference) -> Literal["proposed", "accepted"]:
    """Of a version that is made so."""
    return "proposed" if asked.proposed else "accepted"


def described(asked: AskedReference, workspace: str, now: int) -> Described:
    """What a person says of a reference, for one workspace; ProblemError 422 of a wrong pattern, or
    of runs that are none."""
    for pattern in asked.paths:
        try:
            compile_pattern(pattern)
        except ValueError as error:
            raise ProblemError(422, f"paths: {error}") from error
    valid = asked.valid
    if valid.first_run and valid.last_run and valid.first_run > valid.last_run:
        msg = f"first_run {valid.first_run} is after last_run {valid.last_run}: good for no run"
        raise ProblemError(422, msg)
    expires = None if asked.expires_days is None else now + round(asked.expires_days * _DAY)
    return Described(
        name=asked.name,
        workspace=workspace,
        owner=asked.owner,
        reason=asked.reason,
        paths=tuple(asked.paths),
        rank=asked.rank,
        valid=Validity(
            run_types=tuple(valid.run_types),
            beam_modes=tuple(valid.beam_modes),
            prescales=tuple(valid.prescales),
            energies=tuple(valid.energies),
            first_run=valid.first_run,
            last_run=valid.last_run,
        ),
        labels=dict(asked.labels),
        expires=expires,
    )
