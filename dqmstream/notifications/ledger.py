"""What is to be told to whom, what was, and what could not be: a state machine without a clock.

Every change comes out as the record to write, and the records are all there is: a ledger made of
them goes on where the last one stood. Write, then send; so whatever dies, whenever, a step is told
again rather than never, and its key says that it is the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Final

import msgspec

from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.notifications import Delivery, ReceiverStanding
from dqmstream.notifications.attempt import Attempt, ReceiverState, key_of
from dqmstream.notifications.receiver import Receiver
from dqmstream.notifications.subscription import Subscription, takers

__all__ = ["Ledger"]

_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * _SECOND


@dataclass(slots=True)
class _Queue:
    """What waits of one subscription, by key in the order of the steps."""

    pending: dict[str, Delivery] = field(default_factory=dict)
    next_try: int = 0


class Ledger:
    """Deliveries of all subscriptions to all receivers.

    Parameters
    ----------
    receivers
        Where subscriptions may point.
    random
        Draws from [0, 1), for the waits between tries.
    keep_delivered, keep_dead
        Nanoseconds for which what is over is remembered.
    most_over
        Deliveries that are over and remembered, at most.
    """

    def __init__(
        self,
        receivers: Iterable[Receiver],
        *,
        random: Callable[[], float],
        keep_delivered: int = 7 * _DAY,
        keep_dead: int = 30 * _DAY,
        most_over: int = 20_000,
    ) -> None:
        self._receivers = {each.name: each for each in receivers}
        self._random = random
        self._keep = {"delivered": keep_delivered, "dead": keep_dead}
        self._most_over = most_over
        self._subscriptions: dict[str, Subscription] = {}
        self._queues: dict[str, _Queue] = {}
        self._over: dict[str, Delivery] = {}
        self._states = {name: ReceiverState() for name in self._receivers}

    @property
    def receivers(self) -> Mapping[str, ReceiverState]:
        """How each receiver does."""
        return self._states

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        """Those in force, in their order."""
        return tuple(self._subscriptions.values())

    def pending(self, receiver: str) -> int:
        """Deliveries that wait for a receiver."""
        return sum(len(queue.pending) for _, queue in self._queues_of(receiver))

    def deliveries(self) -> Iterator[Delivery]:
        """All that are remembered: first what is over, then what waits."""
        yield from self._over.values()
        for queue in self._queues.values():
            yield from queue.pending.values()

    def restore(
        self, deliveries: Iterable[Delivery], standings: Iterable[ReceiverStanding] = ()
    ) -> None:
        """Take in what was written before; nothing is on its way, and all may be tried at once."""
        for standing in standings:
            if standing.failing_since and standing.name in self._states:
                self._states[standing.name] = ReceiverState(
                    failing_since=standing.failing_since, problem=standing.problem
                )
        for each in sorted(deliveries, key=lambda one: (one.position, one.since, one.key)):
            self._put(each)

    def subscribe(self, subscriptions: Iterable[Subscription], now: int) -> list[Delivery]:
        """Put other subscriptions in force; what waited for one that is gone is dead."""
        self._subscriptions = {each.name: each for each in subscriptions}
        gone = [name for name in self._queues if self._receiver_of(name) is None]
        records = []
        for name in gone:
            for each in self._queues.pop(name).pending.values():
                problem = f"subscription {name!r} is gone, or its receiver"
                records.append(self._put(_changed(each, state="dead", when=now, problem=problem)))
        return records

    def take(self, step: AlarmTransition, position: int, now: int) -> list[Delivery]:
        """The deliveries that a step of an alarm leads to; none for a step that was here before.

        Parameters
        ----------
        position
            Its offset on `dqm.alarms`.
        """
        records = []
        for subscription in takers(self._subscriptions.values(), step):
            key = key_of(subscription.name, step, position)
            if not self._knows(key):
                records.append(self._enter(subscription, key, step, position, now))
        return records

    def try_out(
        self, subscription: str, step: AlarmTransition, key: str, now: int
    ) -> Delivery | None:
        """A delivery in which nothing happened; None if there is no such subscription, or it was
        asked for before."""
        chosen = self._subscriptions.get(subscription)
        if chosen is None or self._receiver_of(subscription) is None or self._knows(key):
            return None
        return self._enter(chosen, key, step, -1, now, trial=True)

    def again(self, subscription: str, now: int) -> list[Delivery]:
        """Let what is dead of a subscription wait anew."""
        if self._receiver_of(subscription) is None:
            return []
        dead = [
            each
            for each in self._over.values()
            if each.state == "dead" and each.subscription == subscription
        ]
        for each in dead:
            del self._over[each.key]
        return [
            self._put(
                _changed(
                    each, state="pending", when=now, since=now, due=now, attempts=0, problem=""
                )
            )
            for each in dead
        ]

    def due(self, receiver: str, now: int) -> int | None:
        """When `begin` has something for a receiver; None while it is busy or nothing waits."""
        state = self._states[receiver]
        if state.busy:
            return None
        first: int | None = None
        for name, queue in self._queues_of(receiver):
            for ready in self._ready(name, queue, now):
                first = ready if first is None else min(first, ready)
                if ready <= now:
                    break  # most of a long queue waits for its turn, not for its time
        return None if first is None else max(first, state.next_try)

    def begin(self, receiver: str, now: int) -> Attempt | None:
        """What to tell a receiver now, and nothing else until `succeed` or `fail`."""
        state, settings = self._states[receiver], self._receivers[receiver]
        if state.busy or state.next_try > now:
            return None
        best: list[Delivery] = []
        for name, queue in self._queues_of(receiver):
            ready = zip(queue.pending.values(), self._ready(name, queue, now), strict=True)
            due = (each for each, at in ready if at <= now)
            chosen = list(islice(due, settings.together))
            if chosen and (not best or chosen[0].since < best[0].since):
                best = chosen
        if not best:
            return None
        state.busy = True
        chosen = best[:1] if best[0].alone else list(takewhile(_joins, best))
        return Attempt(receiver, best[0].subscription, tuple(chosen))

    def succeed(self, attempt: Attempt, now: int) -> list[Delivery]:
        """The receiver has them."""
        self._states[attempt.receiver] = ReceiverState()
        subscription = self._subscriptions.get(attempt.subscription)
        queue = self._queues.get(attempt.subscription)
        if subscription is not None and queue is not None:
            queue.next_try = now + _ns(subscription.interval)
        return [
            self._put(
                _changed(each, state="delivered", when=now, attempts=each.attempts + 1, problem="")
            )
            for each in attempt.deliveries
        ]

    def fail(
        self, attempt: Attempt, problem: str, now: int, *, refused: bool = False, wait: float = 0.0
    ) -> list[Delivery]:
        """The receiver may not have them.

        Parameters
        ----------
        problem
            Why, in words.
        refused
            It answered, and wants none of it: deliveries that were told together are then told one
            by one, so that one that nobody can take holds up no others for long.
        wait
            Seconds it asked to be left alone, at least; `retry_most` at most.
        """
        settings, state = self._receivers[attempt.receiver], self._states[attempt.receiver]
        state.busy = False
        state.failures += 1
        state.failing_since = state.failing_since or now
        state.problem = problem
        pause = max(settings.wait(state.failures, self._random()), min(wait, settings.retry_most))
        state.next_try = now + _ns(settings.retry_first if refused and not wait else pause)
        records = []
        for each in attempt.deliveries:
            if self._pending(each) is None:
                continue
            tries = each.attempts + 1
            later = refused and len(attempt.deliveries) == 1
            changed = _changed(
                each,
                when=now,
                attempts=tries,
                alone=each.alone or refused,
                due=now + _ns(settings.wait(tries, self._random())) if later else each.due,
                problem=problem,
            )
            if self._is_over(each, attempt.receiver, now, refused=refused):
                changed = _changed(changed, state="dead")
            records.append(self._put(changed))
        if not refused:
            records += self._give_up_others(attempt, problem, now)
        return records

    def forget(self, now: int) -> list[str]:
        """Keys of deliveries that were over for long enough, or are too many: the oldest first.

        Only to be asked when what was taken is written with the position behind it: a step that
        comes again would else be taken for a new one.
        """
        old = [each.key for each in self._over.values() if now - each.when > self._keep[each.state]]
        for key in old:
            del self._over[key]
        too_many = sorted(self._over.values(), key=lambda one: one.when)
        for each in too_many[: max(0, len(too_many) - self._most_over)]:
            del self._over[each.key]
            old.append(each.key)
        return old

    def failing(self, now: int) -> dict[str, ReceiverState]:
        """Receivers that have failed for longer than they may, or for which too much waits."""
        found = {}
        for name, state in self._states.items():
            failed = now - state.failing_since if state.failing_since else -1
            if failed >= _ns(self._receivers[name].failing) or self._full(name):
                found[name] = state
        return found

    def _enter(
        self,
        subscription: Subscription,
        key: str,
        step: AlarmTransition,
        position: int,
        now: int,
        *,
        trial: bool = False,
    ) -> Delivery:
        due = now if trial else now + _ns(subscription.wait)
        if not (trial or subscription.is_loud(step)):
            due = subscription.quiet_end(due) or due
        full = self._full(subscription.receiver)
        return self._put(
            Delivery(
                key=key,
                subscription=subscription.name,
                state="dead" if full else "pending",
                step=step,
                position=position,
                since=due,
                due=due,
                when=now,
                trial=trial,
                problem=full,
            )
        )

    def _full(self, receiver: str) -> str:
        most = self._receivers[receiver].most_pending
        full = self.pending(receiver) >= most
        return f"{most} others wait for {receiver!r} already" if full else ""

    def _ready(self, name: str, queue: _Queue, now: int) -> Iterator[int]:
        """When each delivery of a queue may be told, in its order."""
        subscription = self._subscriptions[name]
        quiet = subscription.quiet_end(now)
        for each in queue.pending.values():
            at = max(each.due, 0 if each.trial else queue.next_try)
            if quiet is not None and at <= now and not each.trial:
                at = at if subscription.is_loud(each.step) else quiet
            yield at

    def _give_up_others(self, attempt: Attempt, problem: str, now: int) -> Iterator[Delivery]:
        """What waits behind a receiver that is away has been tried with what went first."""
        tried = {each.key for each in attempt.deliveries}
        for _, queue in self._queues_of(attempt.receiver):
            for each in list(queue.pending.values()):
                if each.key not in tried and self._is_over(each, attempt.receiver, now):
                    yield self._put(_changed(each, state="dead", when=now, problem=problem))

    def _is_over(
        self, delivery: Delivery, receiver: str, now: int, *, refused: bool = False
    ) -> bool:
        """Whether a delivery was tried for long enough: one that quiet hours kept back for a night
        is not given up for a moment in which its receiver was away."""
        since = delivery.since
        if not refused:
            since = max(since, self._states[receiver].failing_since)
        return now - since >= _ns(self._receivers[receiver].give_up)

    def _put(self, delivery: Delivery) -> Delivery:
        queue = self._queues.get(delivery.subscription)
        if delivery.state == "pending":
            queue = self._queues.setdefault(delivery.subscription, _Queue())
            queue.pending[delivery.key] = delivery
            self._over.pop(delivery.key, None)
        else:
            if queue is not None:
                queue.pending.pop(delivery.key, None)
            self._over[delivery.key] = delivery
        return delivery

    def _pending(self, delivery: Delivery) -> Delivery | None:
        queue = self._queues.get(delivery.subscription)
        return None if queue is None else queue.pending.get(delivery.key)

    def _knows(self, key: str) -> bool:
        return key in self._over or any(key in each.pending for each in self._queues.values())

    def _receiver_of(self, subscription: str) -> str | None:
        chosen = self._subscriptions.get(subscription)
        if chosen is None or chosen.receiver not in self._receivers:
            return None
        return chosen.receiver

    def _queues_of(self, receiver: str) -> Iterator[tuple[str, _Queue]]:
        for name, queue in self._queues.items():
            if queue.pending and self._receiver_of(name) == receiver:
                yield name, queue


def _joins(delivery: Delivery) -> bool:
    return not delivery.alone


def _changed(delivery: Delivery, **fields: object) -> Delivery:
    return msgspec.structs.replace(delivery, **fields)


def _ns(seconds: float) -> int:
    return round(seconds * _SECOND)
