"""One notification on its way, the keys of what is in it, and how its receiver does."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.notifications import Delivery

__all__ = ["Attempt", "ReceiverState", "key_of"]


def key_of(subscription: str, step: AlarmTransition, position: int) -> str:
    """The key of a delivery; records of the first version have no number, but a place."""
    number = f"#{step.number}" if step.number else f"@{position}"
    return f"{step.alarm}{number}@{subscription}"


class Attempt(NamedTuple):
    """One notification that is on its way: deliveries of one subscription, in their order."""

    receiver: str
    subscription: str
    deliveries: tuple[Delivery, ...]

    @property
    def identity(self) -> str:
        """The same whenever the same steps are told together."""
        keys = "\n".join(each.key for each in self.deliveries)
        return blake2b(keys.encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class ReceiverState:
    """How one receiver does: failures in a row, since when, why; times in ns since 1970."""

    busy: bool = False
    failures: int = 0
    failing_since: int = 0
    next_try: int = 0
    problem: str = ""
