"""Notifications: what receivers are told of alarms, and what became of telling them."""

from typing import ClassVar, Literal

from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.struct import Message, Value

__all__ = [
    "Delivery",
    "DeliveryState",
    "NotifierStanding",
    "ReceiverStanding",
    "SubscriptionStanding",
]

DeliveryState = Literal["pending", "delivered", "dead"]


class Delivery(Message, frozen=True, kw_only=True, tag=True):
    """One step of an alarm for one subscription, and what became of telling it.

    `key` is the same however often it is sent: receivers drop what they had. `since` is from when
    on it could be sent, `due` when it may be tried next, `when` the time of this record, all in
    nanoseconds since 1970. `position` is the offset of the step on `dqm.alarms`. In a `trial`
    nothing happened: somebody tries whether notifications arrive, and `position` is -1. One that
    was refused together with others is sent `alone`.
    """

    key: str
    subscription: str
    state: DeliveryState
    step: AlarmTransition
    position: int
    since: int
    due: int
    when: int
    attempts: int = 0
    trial: bool = False
    alone: bool = False
    problem: str = ""
    """Why the last try failed, or why it was given up."""


class ReceiverStanding(Value, frozen=True, kw_only=True):
    """Where notifications go, and whether they arrive; `address` shows no secret."""

    name: str
    kind: Literal["webhook", "apprise"]
    address: str
    pending: int = 0
    failing_since: int = 0
    """When the first try failed after the last that did not, nanoseconds since 1970; 0 if none."""
    problem: str = ""


class SubscriptionStanding(Value, frozen=True, kw_only=True):
    """One subscription in force, as it was declared."""

    name: str
    receiver: str
    declared: dict[str, str]
    """What else was declared, as text."""
    enabled: bool
    origin: Literal["file", "command", "version"]
    whole: str = ""
    """All of it, as JSON."""


class NotifierStanding(Message, frozen=True, kw_only=True, tag=True):
    """How far the notifier is, and what is in force; below its positions all is in the ledger."""

    version: ClassVar[int] = 2

    alarms: int
    """Next offset of `dqm.alarms`."""
    commands: int
    """Next offset of `dqm.commands`."""
    when: int
    receivers: tuple[ReceiverStanding, ...] = ()
    subscriptions: tuple[SubscriptionStanding, ...] = ()
    routes: int = 0
    """Number of the version that is in force; 0 if there is none."""
    refused: int = 0
    """Number of a later version that this notifier cannot follow; 0 if there is none."""
    problem: str = ""
    """Why it cannot."""
