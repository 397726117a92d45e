"""Whatever fails, and whenever everything begins anew: each step is told, or said to be dead."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.notifications import Delivery, ReceiverStanding
from dqmstream.notifications.attempt import Attempt, key_of
from dqmstream.notifications.ledger import Ledger
from dqmstream.notifications.quiet_hours import QuietHours
from dqmstream.notifications.receiver import Receiver
from dqmstream.notifications.subscription import Subscription
from tests.notified import NOON, SECOND, receiver, step, subscription


def ledger(*subscriptions: Subscription, receivers: tuple[Receiver, ...] = ()) -> Ledger:
    made = Ledger(receivers or (receiver(),), random=lambda: 0.0)
    made.subscribe(subscriptions or (subscription(),), NOON)
    return made


def begun(made: Ledger, now: int, name: str = "log") -> Attempt:
    attempt = made.begin(name, now)
    assert attempt is not None
    return attempt


def numbers(attempt: Attempt) -> list[int]:
    return [each.step.number for each in attempt.deliveries]


def test_steps_that_come_together_are_told_together_in_their_order() -> None:
    made = ledger(subscription(wait=2.0))
    for number in (1, 2, 3):
        (record,) = made.take(step(number), 10 + number, NOON)
        assert (record.state, record.due) == ("pending", NOON + 2 * SECOND)
    assert made.begin("log", NOON) is None
    assert made.due("log", NOON) == NOON + 2 * SECOND
    attempt = begun(made, NOON + 2 * SECOND)
    assert numbers(attempt) == [1, 2, 3]
    assert made.due("log", NOON) is None  # busy
    assert made.begin("log", NOON + 3 * SECOND) is None
    assert {each.state for each in made.succeed(attempt, NOON + 3 * SECOND)} == {"delivered"}
    assert made.pending("log") == 0


def test_a_step_that_comes_twice_is_told_once() -> None:
    made = ledger()
    assert len(made.take(step(1), 10, NOON)) == 1
    assert made.take(step(1), 11, NOON) == []  # the same step, written twice
    made.succeed(begun(made, NOON), NOON)
    assert made.take(step(1), 10, NOON) == []
    assert made.begin("log", NOON) is None


def test_records_of_the_first_version_are_told_by_their_place() -> None:
    old = step(0, event="")
    assert key_of("s", old, 7) != key_of("s", old, 8)


def test_failures_wait_twice_as_long_each_time() -> None:
    made = ledger(receivers=(receiver(retry_first=1.0, retry_most=8.0),))
    made.take(step(), 1, NOON)
    now, waits = NOON, []
    for _ in range(6):
        made.fail(begun(made, now), "HTTP 500", now)
        due = made.due("log", now)
        assert due is not None
        waits.append((due - now) / SECOND)
        now = due
    assert waits == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]  # with the lowest draw: half of what there is


def test_a_receiver_may_ask_to_be_left_alone_for_a_while_but_not_for_ever() -> None:
    made = ledger(receivers=(receiver(retry_most=60.0),))
    made.take(step(), 1, NOON)
    made.fail(begun(made, NOON), "HTTP 429", NOON, wait=30.0)
    assert made.due("log", NOON) == NOON + 30 * SECOND
    now = NOON + 30 * SECOND
    made.fail(begun(made, now), "HTTP 429", now, wait=1e9)
    assert made.due("log", now) == now + 60 * SECOND


def test_what_cannot_be_delivered_is_dead_in_the_end_and_can_be_tried_again() -> None:
    made = ledger(receivers=(receiver(give_up=10.0),))
    made.take(step(1), 1, NOON)
    (record,) = made.fail(begun(made, NOON), "refused", NOON)
    assert (record.state, record.attempts, record.problem) == ("pending", 1, "refused")
    made.take(step(2), 2, NOON + 5 * SECOND)
    late = NOON + 10 * SECOND
    records = made.fail(begun(made, late), "still", late)
    assert {(each.step.number, each.state) for each in records} == {(1, "dead"), (2, "pending")}
    (again,) = made.again("all", late)
    assert (again.state, again.attempts, again.since) == ("pending", 0, late)
    assert made.again("all", late) == []
    assert made.again("nobody", late) == []


def test_what_quiet_hours_kept_back_is_not_given_up_for_a_moment() -> None:
    """A receiver that was well all night fails once: that is no reason."""
    quiet = QuietHours(start="00:00", until="23:59", but="nothing")
    made = ledger(
        subscription("quiet", quiet=quiet),
        subscription("loud"),
        receivers=(receiver(give_up=10.0, retry_most=1.0),),
    )
    made.take(step(1), 1, NOON)
    morning = quiet.end(NOON)
    assert morning is not None
    made.succeed(begun(made, NOON), NOON)
    late = morning + 60 * SECOND
    made.take(step(2), 2, late)
    records = made.fail(begun(made, late), "HTTP 500", late)
    assert {one.state for one in records} == {"pending"}
    later = late + 10 * SECOND
    records = made.fail(begun(made, later), "HTTP 500", later)
    assert {one.state for one in records} == {"dead"}


def test_one_that_nobody_can_take_holds_up_no_others() -> None:
    made = ledger(receivers=(receiver(retry_first=1.0, retry_most=100.0, give_up=1000.0),))
    for number in (1, 2, 3):
        made.take(step(number), number, NOON)
    now, delivered, tries = NOON, set(), 0
    while len(delivered) < 2:
        tries += 1
        attempt = begun(made, now)
        if 2 in numbers(attempt):
            made.fail(attempt, "HTTP 400", now, refused=True)
        else:
            made.succeed(attempt, now)
            delivered |= set(numbers(attempt))
        due = made.due("log", now)
        assert due is not None
        now = due
    assert delivered == {1, 3}
    assert tries < 8
    assert made.pending("log") == 1


def test_a_slow_receiver_holds_up_no_other() -> None:
    made = ledger(
        subscription("a", receiver="slow"),
        subscription("b", receiver="log"),
        receivers=(receiver("slow"), receiver("log")),
    )
    made.take(step(), 1, NOON)
    begun(made, NOON, "slow")  # never ends
    for number in (2, 3):
        made.succeed(begun(made, NOON), NOON)
        made.take(step(number), number, NOON)
    assert made.pending("slow") == 3
    assert made.pending("log") == 1


def test_too_much_that_waits_is_dead_and_said() -> None:
    made = ledger(receivers=(receiver(most_pending=2),))
    states = [made.take(step(number), number, NOON)[0].state for number in (1, 2, 3)]
    assert states == ["pending", "pending", "dead"]
    assert list(made.failing(NOON)) == ["log"]
    (dead,) = [each for each in made.deliveries() if each.state == "dead"]
    assert "2 others wait" in dead.problem


def test_a_receiver_that_fails_for_long_is_said_until_it_takes_something() -> None:
    made = ledger(receivers=(receiver(failing=60.0),))
    made.take(step(), 1, NOON)
    made.fail(begun(made, NOON), "HTTP 500", NOON)
    assert made.failing(NOON + 59 * SECOND) == {}
    late = NOON + 60 * SECOND
    assert made.failing(late)["log"].problem == "HTTP 500"
    anew = Ledger([receiver(failing=60.0)], random=lambda: 0.0)
    said = ReceiverStanding(name="log", kind="webhook", address="", failing_since=NOON, problem="x")
    anew.restore(made.deliveries(), [said])
    anew.subscribe([subscription()], late)
    assert list(anew.failing(late)) == ["log"]  # a restart mends nothing
    anew.succeed(begun(anew, late), late)
    assert anew.failing(late) == {}


def test_in_quiet_hours_only_severe_alarms_are_told_the_others_afterwards() -> None:
    quiet = QuietHours(start="00:00", until="23:59", but="high")
    made = ledger(subscription(quiet=quiet))
    end = quiet.end(NOON)
    assert end is not None
    made.take(step(1), 1, NOON)
    made.take(step(2, severity="high"), 2, NOON)
    attempt = begun(made, NOON)
    assert numbers(attempt) == [2]
    made.succeed(attempt, NOON)
    assert made.due("log", NOON) == end
    assert numbers(begun(made, end)) == [1]


def test_what_failed_before_quiet_hours_waits_for_their_end() -> None:
    quiet = QuietHours(start="12:00", until="13:00")
    before = NOON - NOON % (86_400 * SECOND) + 86_400 * SECOND // 2 - SECOND  # 11:59:59 UTC
    made = ledger(subscription(quiet=quiet))
    made.take(step(), 1, before)
    made.fail(begun(made, before), "HTTP 500", before)
    end = quiet.end(before + 2 * SECOND)
    assert end is not None
    assert made.begin("log", before + 2 * SECOND) is None
    assert made.due("log", before + 2 * SECOND) == end


def test_an_interval_lies_between_two_notifications_but_not_before_a_trial() -> None:
    made = ledger(subscription(interval=30.0))
    made.take(step(1), 1, NOON)
    made.succeed(begun(made, NOON), NOON)
    made.take(step(2), 2, NOON)
    made.take(step(3), 3, NOON + SECOND)
    assert made.due("log", NOON) == NOON + 30 * SECOND
    assert made.try_out("all", step(), "trial", NOON) is not None
    assert made.try_out("all", step(), "trial", NOON) is None
    assert made.try_out("nobody", step(), "other", NOON) is None
    trial = begun(made, NOON)
    assert [each.trial for each in trial.deliveries] == [True]


def test_what_waited_for_a_subscription_that_goes_is_dead() -> None:
    made = ledger(subscription("a"), subscription("b"))
    made.take(step(), 1, NOON)
    (dead,) = made.subscribe([subscription("b")], NOON)
    assert (dead.subscription, dead.state) == ("a", "dead")
    assert "is gone" in dead.problem


def test_what_is_over_is_forgotten_when_it_is_old_or_too_much() -> None:
    made = Ledger([receiver()], random=lambda: 0.0, keep_delivered=10 * SECOND, most_over=2)
    made.subscribe([subscription()], NOON)
    for number in range(1, 5):
        made.take(step(number), number, NOON + number)
        made.succeed(begun(made, NOON + number), NOON + number)
    assert len(made.forget(NOON + 5)) == 2
    assert [each.step.number for each in made.deliveries()] == [3, 4]
    assert len(made.forget(NOON + 11 * SECOND)) == 2


def test_an_attempt_has_the_same_identity_whenever_the_same_is_told() -> None:
    made = ledger()
    made.take(step(), 1, NOON)
    first = begun(made, NOON)
    made.fail(first, "HTTP 500", NOON)
    second = begun(made, NOON + 10 * SECOND)
    assert second.deliveries != first.deliveries
    assert second.identity == first.identity


@dataclass
class World:
    """A log, a ledger topic and receivers; a service that may die between any two of its acts."""

    random: Random
    receivers: tuple[Receiver, ...]
    subscriptions: tuple[Subscription, ...]
    alarms: list[AlarmTransition] = field(default_factory=list)
    topic: dict[str, Delivery] = field(default_factory=dict)
    position: int = 0
    now: int = NOON
    arrived: list[tuple[str, str]] = field(default_factory=list)
    """(receiver, key) of everything that was answered, or received before the answer was lost."""
    dying: float = 0.0

    def dies(self) -> bool:
        return self.random.random() < self.dying

    def live(self, acts: int) -> None:
        """One life of the service."""
        made = Ledger(self.receivers, random=self.random.random)
        made.restore(
            msgspec.msgpack.decode(
                msgspec.msgpack.encode(list(self.topic.values())), type=list[Delivery]
            )
        )
        self.write(made.subscribe(self.subscriptions, self.now))
        for _ in range(acts):
            if self.dies():
                return
            if self.position < len(self.alarms) and self.random.random() < 0.5:
                records = made.take(self.alarms[self.position], self.position, self.now)
                if self.dies():
                    return
                if self.dies():
                    self.write(records[: self.random.randint(0, len(records))])
                    return
                self.write(records)
                if self.dies():
                    return
                self.position += 1
            self.tell(made)
            self.now += self.random.randint(0, 3 * SECOND)
            for key in made.forget(self.now):
                del self.topic[key]

    def tell(self, made: Ledger) -> None:
        chosen = self.random.choice(self.receivers).name
        attempt = made.begin(chosen, self.now)
        if attempt is None:
            return
        fate = self.random.random()
        works = fate >= 0.6 or self.dying == 0.0
        if works or fate < 0.2:  # it came in, though the answer may be lost
            self.arrived += [(chosen, each.key) for each in attempt.deliveries]
        if self.dies():
            return
        if works:
            self.write(made.succeed(attempt, self.now))
        else:
            self.write(made.fail(attempt, "no", self.now, refused=fate < 0.1))

    def write(self, records: list[Delivery]) -> None:
        for record in records:
            self.topic[record.key] = record


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(0, 15), st.sampled_from([5.0, 1e6]))
def test_every_step_arrives_or_is_dead_whatever_fails_and_whenever_it_dies(
    seed: int, steps: int, give_up: float
) -> None:
    """And none arrives that nobody asked for, none under two keys, none at another receiver."""
    random = Random(seed)
    receivers = (
        receiver("a", give_up=give_up, retry_most=4.0, together=3),
        receiver("b", give_up=1e6, retry_most=4.0),
    )
    subscriptions = (
        subscription("one", receiver="a", wait=1.0, tests=("x*",)),
        subscription("two", receiver="b", interval=2.0),
        subscription("three", receiver="b", events=("returned",)),
    )
    world = World(random, receivers, subscriptions)
    for number in range(steps):
        event = random.choice(["raised", "returned"])
        made = step(
            number // 2 + 1,
            alarm=f"alarm{number % 2}",
            event=event,
            after=event,
            qtname=random.choice(["x1", "y"]),
        )
        world.alarms.append(made)
        if random.random() < 0.1:
            world.alarms.append(made)  # written twice
    world.dying = 0.1
    for _ in range(8):
        world.live(20)
    world.dying = 0.0  # from here on all is well
    world.live(400)
    wanted = {
        (each.receiver, key_of(each.name, one, 0))
        for each in subscriptions
        for one in world.alarms
        if each.takes(one)
    }
    dead = {key for key, each in world.topic.items() if each.state == "dead"}
    assert world.position == len(world.alarms)
    assert {each.state for each in world.topic.values()} <= {"delivered", "dead"}
    assert {pair for pair in wanted if pair[1] not in dead} <= set(world.arrived) <= wanted
    assert not dead or give_up < 1e6
    assert all(world.topic[key].problem for key in dead)


@given(st.integers(0, 2**32))
def test_steps_of_a_subscription_arrive_in_order_if_nothing_is_refused_or_dies(seed: int) -> None:
    random = Random(seed)
    made = Ledger([receiver(retry_most=4.0, together=random.randint(1, 4))], random=random.random)
    made.subscribe([subscription(wait=random.choice([0.0, 1.0]))], NOON)
    now, arrived, taken = NOON, [], 0
    for _ in range(100):
        if taken < 10 and random.random() < 0.3:
            made.take(step(taken + 1), taken, now)
            taken += 1
        if (attempt := made.begin("log", now)) is not None:
            if random.random() < 0.5:
                made.fail(attempt, "no", now)
            else:
                made.succeed(attempt, now)
                arrived += numbers(attempt)
        now += random.randint(0, 3 * SECOND)
    assert arrived == sorted(arrived)
    assert Counter(arrived).most_common(1)[0][1] == 1 if arrived else True


def test_the_wait_grows_to_its_limit_and_never_beyond() -> None:
    one = receiver(retry_first=1.0, retry_most=300.0)
    assert one.wait(1, 0.999999) == pytest.approx(1.0, rel=1e-3)
    assert one.wait(1000, 0.0) == 150.0
    assert all(one.wait(n, 0.5) <= 300.0 for n in range(1, 2000))
