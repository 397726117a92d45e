"""Routes: who is told of alarms. Everybody may look, experts change it and try it out."""

from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from dqmstream.errors import ConfigurationError
from dqmstream.notifications.commands import subscription_command
from dqmstream.notifications.declaration import read_subscription
from dqmstream.notifications.subscription import Subscription
from services.gateway.access import Expert
from services.gateway.asking import PROBLEMS, Gateway, answer
from services.gateway.caller import Caller
from services.gateway.notification_desk import NotificationDesk
from services.gateway.problems import ProblemError, not_found, problem_answer
from services.gateway.subscription_models import (
    SUBSCRIPTION,
    Decide,
    DecidedAnswer,
    DeclareSubscription,
    DeliveriesAnswer,
    StepsAnswer,
    SubscriptionsAnswer,
    delivery_row,
)

__all__ = ["router"]

_WRITING: Final[dict[int | str, dict[str, Any]]] = {
    400: problem_answer("The body is no JSON."),
    422: problem_answer("The subscription is none, or its receiver is not declared."),
}

router = APIRouter(tags=["notifications"], responses=PROBLEMS)

Name = Annotated[str, Path(pattern=SUBSCRIPTION, description="Name of the subscription.")]


def _desk(parts: Gateway) -> NotificationDesk:
    if parts.notifications is None:
        raise not_found("this gateway does not follow notifications")
    return parts.notifications


OpenDesk = Annotated[NotificationDesk, Depends(_desk)]


@router.get(
    "/subscriptions",
    response_model=SubscriptionsAnswer,
    summary="Who is told of which alarms, and whether it arrives",
)
async def list_subscriptions(desk: OpenDesk) -> Response:
    """Receivers and subscriptions in force, as the notifier says."""
    body = msgspec.to_builtins(await desk.standing())
    for name in ("type", "routes", "refused", "problem"):
        del body[name]  # of the last three /notification-routes tells
    for row in body["subscriptions"]:
        row["declaration"] = msgspec.json.decode(row.pop("whole") or "null")
    return answer(body)


@router.get("/deliveries", response_model=DeliveriesAnswer, summary="What became of notifications")
async def list_deliveries(
    *,
    desk: OpenDesk,
    state: Annotated[
        Literal["pending", "delivered", "dead"] | None,
        Query(description="`dead`: given up; somebody was not told."),
    ] = None,
    subscription: Annotated[str | None, Query(max_length=100)] = None,
    key: Annotated[str | None, Query(max_length=1_000)] = None,
    limit: Annotated[int, Query(ge=1, le=5_000)] = 200,
) -> Response:
    """The newest first, for as long as the notifier remembers them."""
    found = await desk.deliveries(state=state, subscription=subscription, key=key)
    rows = [delivery_row(each) for each in found[:limit]]
    return answer({"deliveries": rows, "total": len(found)})


@router.get("/alarm-steps", response_model=StepsAnswer, summary="Steps of alarms since a sequence")
async def list_steps(
    *,
    desk: OpenDesk,
    after: Annotated[
        int, Query(ge=-1, lt=1 << 62, description="The sequence seen last; -1 for none.")
    ] = -1,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> Response:
    """All there are, for whoever was away for longer than the stream's board `steps` remembers."""
    steps, reached = await desk.steps(after, limit)
    return answer({"steps": steps, "reached": reached})


@router.put(
    "/subscriptions/{name}",
    response_model=DecidedAnswer,
    responses=_WRITING,
    summary="Declare a subscription, or another in the place of it",
)
async def declare_subscription(
    caller: Expert, desk: OpenDesk, name: Name, asked: DeclareSubscription
) -> Response:
    """It is in force from now on, over what the file says. Receivers are declared in the file."""
    try:
        chosen = read_subscription(
            {**asked.subscription, "name": name}, f"subscription {name!r:.100}"
        )
    except ConfigurationError as error:
        raise ProblemError(422, str(error)) from error
    standing = await desk.standing()
    names = [each.name for each in standing.receivers]
    if chosen.receiver not in names:
        detail = (
            f"receiver {chosen.receiver!r:.100} is not declared, there are: "
            f"{', '.join(names) or 'none'}"
        )
        raise ProblemError(422, detail)
    return await _decided(
        desk, caller, name, action="subscribe", why=asked.why, subscription=chosen
    )


@router.delete("/subscriptions/{name}", response_model=DecidedAnswer, summary="End a subscription")
async def end_subscription(
    caller: Expert,
    desk: OpenDesk,
    name: Name,
    why: Annotated[str, Query(max_length=1_000, description="For who reads the record.")] = "",
) -> Response:
    """What still waits for it is given up, and stands among the dead."""
    await _check(desk, name)
    return await _decided(desk, caller, name, action="unsubscribe", why=why)


@router.post(
    "/subscriptions/{name}/{action}",
    response_model=DecidedAnswer,
    responses=_WRITING,
    summary="Enable, disable, try out, or send again what was given up",
)
async def act_on_subscription(
    caller: Expert,
    desk: OpenDesk,
    name: Name,
    action: Literal["enable", "disable", "test", "again"],
    asked: Decide,
) -> Response:
    """`test` sends a notification in which nothing happened; `again` tries anew what is dead."""
    await _check(desk, name)
    return await _decided(desk, caller, name, action=action, why=asked.why)


async def _check(desk: NotificationDesk, name: str) -> None:
    names = [each.name for each in (await desk.standing()).subscriptions]
    if name not in names:
        detail = f"no subscription {name!r}, there are: {', '.join(names) or 'none'}"
        raise not_found(detail)


async def _decided(
    desk: NotificationDesk,
    caller: Caller,
    name: str,
    *,
    action: str,
    why: str,
    subscription: Subscription | None = None,
) -> Response:
    command = subscription_command(
        name,
        action,
        who=caller.name,
        why=why,
        when=desk.clock.wall(),
        subscription=subscription,
    )
    offset = await desk.decide(command)
    key = f"trial@{offset}@{name}" if action == "test" else None
    return answer({"offset": offset, "key": key})
