"""Routes: what holds for all alarms: which rules are in force, what others would change."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.access import Expert
from services.gateway.alarm_rules_desk import AlarmRulesDesk
from services.gateway.alarm_rules_models import RulesTriedAnswer, TryRules, tried_body
from services.gateway.asking import PROBLEMS, Gateway, answer
from services.gateway.problems import not_found
from services.gateway.version_models import (
    WRITING,
    ActivateText,
    RollBack,
    VersionAnswer,
    VersionsAnswer,
    VersionWord,
    shown_version,
    version_row,
    versions_body,
)

__all__ = ["router"]

router = APIRouter(tags=["alarms"], responses=PROBLEMS)


def _desk(parts: Gateway) -> AlarmRulesDesk:
    if parts.alarm_rules is None:
        raise not_found("this gateway does not follow alarm rules")
    return parts.alarm_rules


OpenDesk = Annotated[AlarmRulesDesk, Depends(_desk)]


@router.get("/alarm-rules", response_model=VersionsAnswer, summary="Versions of alarm rules")
async def list_rules(desk: OpenDesk) -> Response:
    """Who put which in force, when and why."""
    return answer(versions_body(await desk.history(), await desk.followed()))


@router.get(
    "/alarm-rules/versions/{number}", response_model=VersionAnswer, summary="One version, whole"
)
async def show_rules(
    desk: OpenDesk,
    number: VersionWord,
) -> Response:
    """With its text; `active` for the one in force."""
    return answer(shown_version(await desk.history(), number, "alarm rules"))


@router.post(
    "/alarm-rules/dry-run",
    response_model=RulesTriedAnswer,
    responses=WRITING,
    summary="What other rules would make of alarms",
)
async def try_rules(_: Expert, desk: OpenDesk, asked: TryRules) -> Response:
    """Of those that stand, and of what was logged in the last minutes; nothing is changed by it."""
    found = await desk.dry_run(asked.text, asked.minutes)
    return answer(await asyncio.to_thread(tried_body, asked.minutes, found))


@router.post(
    "/alarm-rules/activate",
    response_model=VersionAnswer,
    responses=WRITING,
    summary="Put alarm rules in force",
)
async def activate_rules(caller: Expert, desk: OpenDesk, asked: ActivateText) -> Response:
    """The service of alarms goes by them within a second. What does not read is refused."""
    version = await desk.activate(asked.text, caller.name, asked.why)
    return answer(version_row(version, active=True, with_text=True))


@router.post(
    "/alarm-rules/rollback",
    response_model=VersionAnswer,
    responses=WRITING,
    summary="Put earlier alarm rules in force again",
)
async def roll_back_rules(caller: Expert, desk: OpenDesk, asked: RollBack) -> Response:
    """By default those that were in force before."""
    version = await desk.roll_back(asked.to, caller.name, asked.why)
    return answer(version_row(version, active=version.restores != 0, with_text=True))
