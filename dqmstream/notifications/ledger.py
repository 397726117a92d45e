"""What is to be told to whom, what was, and what could not be: a state machine without a clock.

Every change comes out as the record to write, and the records are all there is: a ledger made of
them goes on where the last one stood. Write, then send; so whatever dies, whenever, a step is told
again rather than never, and its key says that it is the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile
from typing import Final

import msgspec

from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.notifications import Delivery, ReceiverStanding
from dqmstream.notifications.attempt import Attempt, ReceiverState, key_of
from dqmstream.notifications.receiver import Receiver
from dqmstream.notifications.receivers import Receivers, nanoseconds
from dqmstream.notifications.remembered import Queue, Remembered
from dqmstream.notifications.subscription import Subscription, takers

__all__ = ["Ledger"]

_DAY: Final = nanoseconds(86_400)


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
        self._receivers = Receivers(receivers)
        self._random = random
        self._remembered = Remembered({"delivered": keep_delivered, "dead": keep_dead}, most_over)
        self._subscriptions: dict[str, Subscription] = {}

    @property
    def receivers(self) -> Mapping[str, ReceiverState]:
        """How each receiver does."""
        return self._receivers.states

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        """Those in force, in their order."""
        return tuple(self._subscriptions.values())

    def pending(self, receiver: str) -> int:
        """Deliveries that wait for a receiver."""
        return sum(len(queue.pending) for _, queue in self._queues_of(receiver))

    def deliveries(self) -> Iterator[Delivery]:
        """All that are remembered: first what is over, then what waits."""
        yield from self._remembered

    def restore(
        self, deliveries: Iterable[Delivery], standings: Iterable[ReceiverStanding] = ()
    ) -> None:
        """Take in what was written before; nothing is on its way, and all may be tried at once."""
        self._receivers.restore(standings)
        for each in sorted(deliveries, key=lambda one: (one.position, one.since, one.key)):
            self._remembered.put(each)

    def follow(self, receivers: Iterable[Receiver]) -> None:
        """Go by other receivers from here on; `subscribe` is asked next.

        Those that stay, by name, stand as they stood: a receiver that fails does not do better for
        being declared otherwise.
        """
        self._receivers.follow(receivers)

    def subscribe(self, subscriptions: Iterable[Subscription], now: int) -> list[Delivery]:
        """Put other subscriptions in force; what waited for one that is gone is dead."""
        self._subscriptions = {each.name: each for each in subscriptions}
        queues = self._remembered.queues
        gone = [name for name in queues if self._receiver_of(name) is None]
        records = []
        for name in gone:
            for each in queues.pop(name).pending.values():
                problem = f"subscription {name!r} is gone, or its receiver"
                records.append(
                    self._remembered.put(_changed(each, state="dead", when=now, problem=problem))
                )
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
            if not self._remembered.knows(key):
                records.append(self._enter(subscription, key, step, position, now))
        return records

    def try_out(
        self, subscription: str, step: AlarmTransition, key: str, now: int
    ) -> Delivery | None:
        """A delivery in which nothing happened; None if there is no such subscription, or it was
        asked for before."""
        chosen = self._subscriptions.get(subscription)
        if chosen is None or self._receiver_of(subscription) is None or self._remembered.knows(key):
            return None
        return self._enter(chosen, key, step, -1, now, trial=True)

    def again(self, subscription: str, now: int) -> list[Delivery]:
        """Let what is dead of a subscription wait anew."""
        if self._receiver_of(subscription) is None:
            return []
        return [
            self._remembered.put(
                _changed(
                    each, state="pending", when=now, since=now, due=now, attempts=0, problem=""
                )
            )
            for each in self._remembered.take_dead(subscription)
        ]

    def due(self, receiver: str, now: int) -> int | None:
        """When `begin` has something for a receiver; None while it is busy or nothing waits."""
        state = self.receivers.get(receiver)
        if state is None or state.busy:
            return None
        first: int | None = None
        for name, queue in self._queues_of(receiver):
            for ready in queue.ready(self._subscriptions[name], now):
                first = ready if first is None else min(first, ready)
                if ready <= now:
                    break  # most of a long queue waits for its turn, not for its time
        return None if first is None else max(first, state.next_try)

    def begin(self, receiver: str, now: int) -> Attempt | None:
        """What to tell a receiver now, and nothing else until `succeed` or `fail`."""
        state = self.receivers.get(receiver)
        if state is None or state.busy or state.next_try > now:
            return None
        best: list[Delivery] = []
        for name, queue in self._queues_of(receiver):
            ready = zip(
                queue.pending.values(), queue.ready(self._subscriptions[name], now), strict=True
            )
            due = (each for each, at in ready if at <= now)
            chosen = list(islice(due, self._receivers[receiver].together))
            if chosen and (not best or chosen[0].since < best[0].since):
                best = chosen
        if not best:
            return None
        state.busy = True
        chosen = best[:1] if best[0].alone else list(takewhile(lambda one: not one.alone, best))
        return Attempt(receiver, best[0].subscription, tuple(chosen))

    def succeed(self, attempt: Attempt, now: int) -> list[Delivery]:
        """The receiver has them."""
        self._receivers.succeeded(attempt.receiver)
        subscription = self._subscriptions.get(attempt.subscription)
        queue = self._remembered.queues.get(attempt.subscription)
        if subscription is not None and queue is not None:
            queue.next_try = now + nanoseconds(subscription.interval)
        return [
            self._remembered.put(
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
        if attempt.receiver not in self._receivers:
            return []  # it is gone meanwhile, and so is what waited for it
        settings = self._receivers[attempt.receiver]
        self._receivers.failed(
            attempt.receiver, problem, now, refused=refused, wait=wait, random=self._random()
        )
        records = []
        for each in attempt.deliveries:
            if not self._remembered.waits(each):
                continue
            tries = each.attempts + 1
            later = refused and len(attempt.deliveries) == 1
            changed = _changed(
                each,
                when=now,
                attempts=tries,
                alone=each.alone or refused,
                due=now + nanoseconds(settings.wait(tries, self._random())) if later else each.due,
                problem=problem,
            )
            if self._receivers.is_over(each, attempt.receiver, now, refused=refused):
                changed = _changed(changed, state="dead")
            records.append(self._remembered.put(changed))
        if not refused:
            records += self._give_up_others(attempt, problem, now)
        return records

    def forget(self, now: int) -> list[str]:
        """Keys of deliveries that were over for long enough, or are too many: the oldest first.

        Only to be asked when what was taken is written with the position behind it: a step that
        comes again would else be taken for a new one.
        """
        return self._remembered.forget(now)

    def failing(self, now: int) -> dict[str, ReceiverState]:
        """Receivers that have failed for longer than they may, or for which too much waits."""
        full = {name: state for name, state in self.receivers.items() if self._full(name)}
        return self._receivers.failing(now) | full

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
        due = now if trial else now + nanoseconds(subscription.wait)
        if not (trial or subscription.is_loud(step)):
            due = subscription.quiet_end(due) or due
        full = self._full(subscription.receiver)
        return self._remembered.put(
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

    def _give_up_others(self, attempt: Attempt, problem: str, now: int) -> Iterator[Delivery]:
        """What waits behind a receiver that is away has been tried with what went first."""
        tried = {each.key for each in attempt.deliveries}
        for _, queue in self._queues_of(attempt.receiver):
            for each in list(queue.pending.values()):
                if each.key not in tried and self._receivers.is_over(each, attempt.receiver, now):
                    yield self._remembered.put(
                        _changed(each, state="dead", when=now, problem=problem)
                    )

    def _receiver_of(self, subscription: str) -> str | None:
        chosen = self._subscriptions.get(subscription)
        if chosen is None or chosen.receiver not in self._receivers:
            return None
        return chosen.receiver

    def _queues_of(self, receiver: str) -> Iterator[tuple[str, Queue]]:
        for name, queue in self._remembered.queues.items():
            if queue.pending and self._receiver_of(name) == receiver:
                yield name, queue


def _changed(delivery: Delivery, **fields: object) -> Delivery:
    return msgspec.structs.replace(delivery, **fields)
