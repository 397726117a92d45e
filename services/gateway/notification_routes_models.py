"""What HTTP takes and answers about receivers and subscriptions that are tried or activated."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from dqmstream.notifications.dry_run import Rerouted
from services.gateway.models import Answer
from services.gateway.notification_routes_desk import RoutesTried
from services.gateway.version_models import Text, VersionAnswer

__all__ = ["ActivatedRoutes", "RoutesTriedAnswer", "TryRoutes", "tried_body"]

_MOST_STEPS: Final = 500


class TryRoutes(BaseModel):
    """Receivers and subscriptions to try."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Text = Field(description="TOML.")
    last: int = Field(200, ge=1, le=5_000, description="Steps of alarms, the newest.")


class ActivatedRoutes(VersionAnswer):
    """A version, and what the notifier says of it."""

    problem: str = Field(
        description="Why the notifier cannot follow it: what was in force before still is. Empty "
        "if it does, or has not said."
    )


class SubscriptionCount(Answer):
    """How many steps a subscription takes."""

    name: str
    before: int
    after: int


class ReroutedStep(Answer):
    """A step that other receivers would be told of."""

    alarm: str
    number: int
    event: str
    severity: str
    no_longer: list[str] = Field(description="Receivers that are told of it now.")
    newly: list[str]


class RoutesTriedAnswer(Answer):
    """What other subscriptions would tell whom. Nothing is changed by it, nobody is told."""

    steps: int = Field(description="That were looked at.")
    changed: int = Field(description="That other receivers would be told of.")
    untold: int = Field(description="That somebody is told of now, and nobody would be.")
    subscriptions: list[SubscriptionCount]
    changes: list[ReroutedStep] = Field(description="The last 500.")
    standing: list[ReroutedStep] = Field(
        description="Alarms that stand, if each were raised now: those with other receivers."
    )


def tried_body(found: RoutesTried) -> dict[str, Any]:
    """What was tried, as an answer has it."""
    lately = found.lately
    names = sorted(lately.before.keys() | lately.after.keys())
    return {
        "steps": found.steps,
        "changed": len(lately.steps),
        "untold": lately.untold,
        "subscriptions": [
            {"name": name, "before": lately.before[name], "after": lately.after[name]}
            for name in names
        ],
        "changes": _rows(lately)[-_MOST_STEPS:],
        "standing": _rows(found.standing),
    }


def _rows(found: Rerouted) -> list[dict[str, Any]]:
    return [
        {
            "alarm": step.alarm,
            "number": step.number,
            "event": step.event or step.after,
            "severity": step.severity,
            "no_longer": list(lost),
            "newly": list(gained),
        }
        for step, lost, gained in found.steps
    ]
