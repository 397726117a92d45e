"""Routes: the record of alarms, read backwards, and how alarms stood at a moment."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from dqmstream.messages.alarms import AlarmSeverity
from services.gateway.alarm_record import StepFilter
from services.gateway.alarm_record_models import NewestStepsAnswer, StoodAnswer
from services.gateway.asking import PROBLEMS, answer
from services.gateway.routes.alarms import OpenDesk

__all__ = ["router"]

router = APIRouter(tags=["alarms"], responses=PROBLEMS)

_LATEST = 1 << 62


@router.get(
    "/alarm-steps/newest",
    response_model=NewestStepsAnswer,
    summary="Steps of all alarms, the newest first",
)
async def list_newest(
    *,
    desk: OpenDesk,
    before: Annotated[
        int | None, Query(ge=0, lt=_LATEST, description="A sequence; by default the end.")
    ] = None,
    workspace: Annotated[str, Query(max_length=255, description="Of this one alone.")] = "",
    severity: Annotated[AlarmSeverity | None, Query(description="Of this one alone.")] = None,
    text: Annotated[
        str, Query(max_length=200, description="In the alarm, what happened, who or why.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """Who did what, why and when. A page may be short where few steps are meant: `before` of the
    answer is where to ask on, null at the beginning."""
    meant = StepFilter(workspace=workspace, severity=severity or "", text=text)
    steps, further = await desk.record.newest(before, limit, meant)
    return answer({"steps": steps, "before": further})


@router.get(
    "/alarm-steps/stood", response_model=StoodAnswer, summary="How alarms stood at a moment"
)
async def list_stood(
    desk: OpenDesk,
    at: Annotated[int, Query(ge=0, lt=_LATEST, description="Nanoseconds since 1970.")],
) -> Response:
    """Those that were not normal then, each with the last step that it had made."""
    return answer({"at": at, "alarms": await desk.record.stood(at)})
