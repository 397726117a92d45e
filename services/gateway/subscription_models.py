"""What routes about subscriptions take and answer."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from dqmstream.messages.notifications import Delivery

__all__ = [
    "SUBSCRIPTION",
    "Decide",
    "DecidedAnswer",
    "DeclareSubscription",
    "DeliveriesAnswer",
    "StepsAnswer",
    "SubscriptionsAnswer",
    "delivery_row",
]

SUBSCRIPTION: Final = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$"
_WHY: Final = 1_000


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Decide(_Model):
    """Why something is decided."""

    why: str = Field("", max_length=_WHY, description="For whoever reads the record later.")


class DeclareSubscription(Decide):
    """A subscription, with the keys of a table `[[subscription]]` but its name."""

    subscription: dict[str, Any] = Field(
        description="As in the file: `receiver`, and whatever else differs from the defaults.",
        examples=[{"receiver": "experts", "workspaces": ["pixel*"], "severity": "high"}],
    )


class DecidedAnswer(_Model):
    """A decision that is written down; the notifier follows it within a second or two."""

    offset: int = Field(description="On `dqm.commands`.")
    key: str | None = Field(
        description="Of a test: the delivery to look for, at `/deliveries?key=...`."
    )


class ReceiverRow(_Model):
    """Where notifications go."""

    name: str
    kind: Literal["webhook", "apprise"]
    address: str = Field(description="Without its secrets.")
    pending: int
    failing_since: int = Field(description="Nanoseconds since 1970; 0 if it does not fail.")
    problem: str


class SubscriptionRow(_Model):
    """A subscription in force."""

    name: str
    receiver: str
    declared: dict[str, str] = Field(description="What differs from the defaults, as text.")
    enabled: bool
    origin: Literal["file", "command", "version"]
    declaration: dict[str, Any] | None = Field(description="All of it, as a table of the file.")


class SubscriptionsAnswer(_Model):
    """What is in force."""

    alarms: int = Field(description="Next offset of `dqm.alarms`.")
    commands: int = Field(description="Next offset of `dqm.commands`.")
    when: int = Field(description="When the notifier said so, nanoseconds since 1970.")
    receivers: list[ReceiverRow]
    subscriptions: list[SubscriptionRow]


class DeliveryRow(_Model):
    """A step of an alarm for a subscription, and what became of telling it."""

    key: str
    subscription: str
    state: Literal["pending", "delivered", "dead"]
    alarm: str
    number: int = Field(description="Which step of the alarm.")
    event: str
    severity: str
    run: int
    lumisection: int
    stepped: int = Field(description="When the alarm did, nanoseconds since 1970.")
    due: int = Field(description="When it may be tried next, nanoseconds since 1970.")
    when: int = Field(description="When this became of it, nanoseconds since 1970.")
    attempts: int
    trial: bool
    problem: str


class DeliveriesAnswer(_Model):
    """Deliveries, the newest first."""

    deliveries: list[DeliveryRow]
    total: int = Field(description="Those that fit what was asked, and are remembered.")


class StepRow(BaseModel):
    """A step of an alarm: all fields of an AlarmTransition, and its sequence."""

    model_config = ConfigDict(extra="allow")

    sequence: int = Field(description="Its offset on `dqm.alarms`: it only grows.")
    alarm: str
    number: int
    event: str
    before: str
    after: str
    severity: str
    who: str
    why: str
    when: int = Field(description="Nanoseconds since 1970.")


class StepsAnswer(_Model):
    """Steps of alarms, the oldest first."""

    steps: list[StepRow]
    reached: int = Field(description="Ask on after this sequence.")


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    """A delivery as it is answered."""
    step = delivery.step
    return {
        "key": delivery.key,
        "subscription": delivery.subscription,
        "state": delivery.state,
        "alarm": step.alarm,
        "number": step.number,
        "event": step.event or step.after,
        "severity": step.severity,
        "run": step.run,
        "lumisection": step.lumisection,
        "stepped": step.when,
        "due": delivery.due,
        "when": delivery.when,
        "attempts": delivery.attempts,
        "trial": delivery.trial,
        "problem": delivery.problem,
    }
