"""Routes: receivers and subscriptions as a whole: which are in force, what others would change."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.access import Expert
from services.gateway.asking import PROBLEMS, Gateway, answer
from services.gateway.notification_routes_desk import NotificationRoutesDesk
from services.gateway.notification_routes_models import (
    ActivatedRoutes,
    RoutesTriedAnswer,
    TryRoutes,
    tried_body,
)
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

router = APIRouter(tags=["notifications"], responses=PROBLEMS)


def _desk(parts: Gateway) -> NotificationRoutesDesk:
    if parts.notification_routes is None:
        raise not_found("this gateway does not follow notifications")
    return parts.notification_routes


OpenDesk = Annotated[NotificationRoutesDesk, Depends(_desk)]


@router.get(
    "/notification-routes",
    response_model=VersionsAnswer,
    summary="Versions of who is told of alarms",
)
async def list_routes(desk: OpenDesk) -> Response:
    """Who put which in force, when and why."""
    followed, problem = await desk.followed()
    return answer(versions_body(await desk.history(), followed, problem))


@router.get(
    "/notification-routes/versions/{number}",
    response_model=VersionAnswer,
    summary="One version, whole",
)
async def show_routes(
    desk: OpenDesk,
    number: VersionWord,
) -> Response:
    """With its text; `active` for the one in force."""
    return answer(shown_version(await desk.history(), number, "notifications"))


@router.post(
    "/notification-routes/dry-run",
    response_model=RoutesTriedAnswer,
    responses=WRITING,
    summary="What other subscriptions would tell whom",
)
async def try_routes(_: Expert, desk: OpenDesk, asked: TryRoutes) -> Response:
    """Of the last steps of alarms, and of those that stand; nobody is told by it."""
    return answer(tried_body(await desk.dry_run(asked.text, asked.last)))


@router.post(
    "/notification-routes/activate",
    response_model=ActivatedRoutes,
    responses=WRITING,
    summary="Put receivers and subscriptions in force",
)
async def activate_routes(caller: Expert, desk: OpenDesk, asked: ActivateText) -> Response:
    """The notifier goes by them within seconds, or says why it cannot. Secrets are never in it:
    they are named, and are among those that the notifier's own file has or offers."""
    version = await desk.activate(asked.text, caller.name, asked.why)
    problem = await desk.problem_with(version)
    return answer({**version_row(version, active=True, with_text=True), "problem": problem})


@router.post(
    "/notification-routes/rollback",
    response_model=ActivatedRoutes,
    responses=WRITING,
    summary="Put earlier receivers and subscriptions in force again",
)
async def roll_back_routes(caller: Expert, desk: OpenDesk, asked: RollBack) -> Response:
    """By default those that were in force before."""
    version = await desk.roll_back(asked.to, caller.name, asked.why)
    problem = await desk.problem_with(version)
    row = version_row(version, active=version.restores != 0, with_text=True)
    return answer({**row, "problem": problem})
