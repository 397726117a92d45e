"""Deliveries that are remembered: what waits, by subscription, and what is over."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dqmstream.messages.notifications import Delivery, DeliveryState
from dqmstream.notifications.subscription import Subscription

__all__ = ["Queue", "Remembered"]


@dataclass(slots=True)
class Queue:
    """What waits of one subscription, by key in the order of the steps.

    `next_try` is when its next notification may be sent, nanoseconds since 1970.
    """

    pending: dict[str, Delivery] = field(default_factory=dict)
    next_try: int = 0

    def ready(self, subscription: Subscription, now: int) -> Iterator[int]:
        """When each may be told, in their order; by the subscription whose queue it is."""
        quiet = subscription.quiet_end(now)
        for each in self.pending.values():
            at = max(each.due, 0 if each.trial else self.next_try)
            if quiet is not None and at <= now and not each.trial:
                at = at if subscription.is_loud(each.step) else quiet
            yield at


class Remembered:
    """All deliveries, each once by its key.

    Parameters
    ----------
    keep
        Nanoseconds for which what is over is remembered, by what became of it.
    most_over
        Deliveries that are over and remembered, at most.
    """

    def __init__(self, keep: Mapping[DeliveryState, int], most_over: int) -> None:
        self._keep = keep
        self._most_over = most_over
        self._over: dict[str, Delivery] = {}
        self.queues: dict[str, Queue] = {}
        """By subscription."""

    def __iter__(self) -> Iterator[Delivery]:
        """First what is over, then what waits."""
        yield from self._over.values()
        for queue in self.queues.values():
            yield from queue.pending.values()

    def put(self, delivery: Delivery) -> Delivery:
        """Remember it as it is now, and return it."""
        queue = self.queues.get(delivery.subscription)
        if delivery.state == "pending":
            queue = self.queues.setdefault(delivery.subscription, Queue())
            queue.pending[delivery.key] = delivery
            self._over.pop(delivery.key, None)
        else:
            if queue is not None:
                queue.pending.pop(delivery.key, None)
            self._over[delivery.key] = delivery
        return delivery

    def waits(self, delivery: Delivery) -> bool:
        """Whether it is not over."""
        queue = self.queues.get(delivery.subscription)
        return queue is not None and delivery.key in queue.pending

    def knows(self, key: str) -> bool:
        """Whether there is one of this key."""
        return key in self._over or any(key in each.pending for each in self.queues.values())

    def take_dead(self, subscription: str) -> list[Delivery]:
        """What is dead of a subscription, which is then remembered no more."""
        dead = [
            each
            for each in self._over.values()
            if each.state == "dead" and each.subscription == subscription
        ]
        for each in dead:
            del self._over[each.key]
        return dead

    def forget(self, now: int) -> list[str]:
        """Keys of what was over for long enough, or is too much: the oldest first."""
        old = [each.key for each in self._over.values() if now - each.when > self._keep[each.state]]
        for key in old:
            del self._over[key]
        too_many = sorted(self._over.values(), key=lambda one: one.when)
        for each in too_many[: max(0, len(too_many) - self._most_over)]:
            del self._over[each.key]
            old.append(each.key)
        return old
