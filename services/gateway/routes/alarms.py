"""Routes: alarms. Everybody may look; shifters acknowledge and shelve, experts take them out."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from dqmstream.alarms.commanding import SUBJECT, is_pattern, subjects_of
from dqmstream.alarms.displayed import HIDDEN
from dqmstream.messages.alarms import AlarmKind, AlarmState
from dqmstream.messages.operations import Command
from services.gateway.access import Expert, requires
from services.gateway.access_tokens import Role
from services.gateway.alarm_desk import AlarmDesk
from services.gateway.alarm_models import (
    AlarmAnswer,
    AlarmHistoryAnswer,
    AlarmsAnswer,
    DecideAlarm,
    DecidedAlarm,
    ShelveAlarm,
)
from services.gateway.alarm_states import alarm_row
from services.gateway.asking import PROBLEMS, Gateway, answer
from services.gateway.caller import Caller
from services.gateway.problems import ProblemError, not_found, problem_answer

__all__ = ["router"]

_WRITING: Final[dict[int | str, dict[str, Any]]] = {
    400: problem_answer("The body is no JSON."),
    409: problem_answer("Of the alarms named there is none to which it applies."),
}

router = APIRouter(tags=["alarms"], responses=PROBLEMS)

Shifter = Annotated[Caller, Depends(requires(Role.SHIFTER))]
Name = Annotated[
    str, Path(max_length=1_000, description="Name of the alarm, as `quality:Muon/pt:spectrum`.")
]


def _desk(parts: Gateway) -> AlarmDesk:
    if parts.alarms is None:
        raise not_found("this gateway does not follow alarms")
    return parts.alarms


OpenDesk = Annotated[AlarmDesk, Depends(_desk)]


@router.get("/alarms", response_model=AlarmsAnswer, summary="Alarms, and what to do about them")
async def list_alarms(
    *,
    desk: OpenDesk,
    show: Annotated[
        Literal["raised", "hidden", "all"],
        Query(description="In sight and not normal; shelved, masked, ...; or all ever raised."),
    ] = "raised",
    kind: Annotated[AlarmKind | None, Query()] = None,
    workspace: Annotated[str | None, Query(max_length=255)] = None,
    limit: Annotated[int, Query(ge=1, le=5_000)] = 500,
) -> Response:
    """By name; `groups` say where most is wrong, and are what to look at in a flood."""
    states = await desk.states()
    found = [
        one
        for one in states
        if kind in {None, one.kind} and workspace in {None, one.workspace} and _is_in(show, one)
    ]
    return answer(
        {
            "summary": desk.summary(states),
            "groups": desk.groups(found),
            "alarms": [alarm_row(one) for one in found[:limit]],
            "total": len(found),
        }
    )


def _is_in(show: str, state: AlarmState) -> bool:
    if show == "all":
        return True
    return (
        (state.state in HIDDEN)
        if show == "hidden"
        else (state.state not in HIDDEN and state.state != "normal")
    )


@router.get(
    "/alarms/{alarm:path}/history", response_model=AlarmHistoryAnswer, summary="Steps of an alarm"
)
async def show_history(
    desk: OpenDesk, alarm: Name, limit: Annotated[int, Query(ge=1, le=5_000)] = 200
) -> Response:
    """Who did what, why and when."""
    return answer({"alarm": alarm, "steps": await desk.history(alarm, limit)})


@router.get("/alarms/{alarm:path}", response_model=AlarmAnswer, summary="One alarm")
async def show_alarm(desk: OpenDesk, alarm: Name) -> Response:
    """How it stands, also if it is normal."""
    return answer(alarm_row(await desk.state(alarm)))


@router.post(
    "/alarm-actions/acknowledge",
    response_model=DecidedAlarm,
    responses=_WRITING,
    summary="Say that somebody has seen it",
)
async def acknowledge_alarm(caller: Shifter, desk: OpenDesk, asked: DecideAlarm) -> Response:
    """It is quiet until it is worse, or comes again."""
    return await _decided(desk, caller, asked, "acknowledge")


@router.post(
    "/alarm-actions/shelve",
    response_model=DecidedAlarm,
    responses=_WRITING,
    summary="Put it aside for a while",
)
async def shelve_alarm(caller: Shifter, desk: OpenDesk, asked: ShelveAlarm) -> Response:
    """It is still evaluated, and calls nobody."""
    until = desk.clock.wall() + round(asked.seconds * 1e9)
    arguments = {"until": str(until), "one_shot": str(asked.one_shot).lower()}
    return await _decided(desk, caller, asked, "shelve", arguments)


@router.post(
    "/alarm-actions/unshelve",
    response_model=DecidedAlarm,
    responses=_WRITING,
    summary="Take it off the shelf",
)
async def unshelve_alarm(caller: Shifter, desk: OpenDesk, asked: DecideAlarm) -> Response:
    """Before its time is over."""
    return await _decided(desk, caller, asked, "unshelve")


@router.post(
    "/alarm-actions/out-of-service",
    response_model=DecidedAlarm,
    responses=_WRITING,
    summary="Take it out of service",
)
async def take_out(caller: Expert, desk: OpenDesk, asked: DecideAlarm) -> Response:
    """Until an expert puts it back."""
    if not asked.why.strip():
        raise ProblemError(422, "taking an alarm out of service needs a reason")
    return await _decided(desk, caller, asked, "out_of_service")


@router.post(
    "/alarm-actions/in-service",
    response_model=DecidedAlarm,
    responses=_WRITING,
    summary="Put it back in service",
)
async def put_back(caller: Expert, desk: OpenDesk, asked: DecideAlarm) -> Response:
    """It is shown as it stands."""
    return await _decided(desk, caller, asked, "in_service")


async def _decided(
    desk: AlarmDesk,
    caller: Caller,
    asked: DecideAlarm,
    action: str,
    arguments: dict[str, str] | None = None,
) -> Response:
    command = Command(
        subject=f"{SUBJECT}{asked.alarm}",
        action=action,
        who=caller.name,
        why=asked.why,
        when=desk.clock.wall(),
        arguments=arguments or {},
    )
    if is_pattern(asked.alarm):
        known = {one.alarm: one for one in await desk.states()}
    else:
        known = {asked.alarm: await desk.state(asked.alarm)}
    named = [known[name] for name in subjects_of(command, known)]
    fit = [one.alarm for one in named if _applies(action, one)]
    if not fit:
        detail = f"{action} does not apply to {asked.alarm!r:.200}: " + (
            f"it is {named[0].state}" if named else "no alarm has such a name"
        )
        raise ProblemError(409, detail)
    return answer({"offset": await desk.decide(command), "alarms": fit})


def _applies(action: str, state: AlarmState) -> bool:
    match action:
        case "acknowledge":
            return state.life in {"raised", "returned"}
        case "unshelve":
            return state.shelf is not None
        case "out_of_service":
            return not state.out_of_service
        case "in_service":
            return bool(state.out_of_service)
    return True
