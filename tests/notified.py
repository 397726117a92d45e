"""Steps of alarms, subscriptions and receivers, made up for tests of notifications."""

from typing import Any, Final

from dqmstream.messages.alarms import AlarmTransition
from dqmstream.notifications.receiver import Receiver
from dqmstream.notifications.subscription import Subscription

__all__ = ["NOON", "SECOND", "receiver", "step", "subscription"]

NOON: Final = 1_760_000_000_000_000_000
SECOND: Final = 1_000_000_000


def step(number: int = 1, **fields: Any) -> AlarmTransition:
    """A step of an alarm on `Muon/pt`: raised, unless said otherwise."""
    given = {
        "alarm": "quality:Muon/pt:pt_not_empty",
        "before": "normal",
        "after": "raised",
        "event": "raised",
        "who": "alarms",
        "why": "1 of 4 bins is empty.",
        "when": NOON,
        "run": 398600,
        "lumisection": 3,
        "workspace": "Muon",
        "path": "Muon/pt",
        "qtname": "pt_not_empty",
        "run_type": "pp_run",
    }
    return AlarmTransition(**given | {"number": number} | fields)  # type: ignore[arg-type]


def receiver(name: str = "log", **fields: Any) -> Receiver:
    """A webhook."""
    given = {"kind": "webhook", "url": "http://127.0.0.1:9", "secret_variable": "SECRET"}
    return Receiver(name=name, **given | fields)  # type: ignore[arg-type]


def subscription(name: str = "all", **fields: Any) -> Subscription:
    """One that takes everything, at once."""
    return Subscription(name=name, **{"receiver": "log", "wait": 0.0} | fields)  # type: ignore[arg-type]
