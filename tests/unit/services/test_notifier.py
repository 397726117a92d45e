"""The notifier on a log, and receivers that fail: everything arrives, whatever happens."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from dqmstream.clock import SystemClock
from dqmstream.messages.alarms import AlarmCondition, AlarmTransition
from dqmstream.messages.notifications import Delivery, NotifierStanding
from dqmstream.messages.topics import ALARMS, COMMANDS, DELIVERIES, HEARTBEATS, dead_topic
from dqmstream.messages.wire import CODEC
from dqmstream.notifications.attempt import Attempt
from dqmstream.notifications.commands import subscription_command
from dqmstream.notifications.declaration import Declared
from dqmstream.notifications.receiver import Receiver
from dqmstream.notifications.subscription import Subscription
from dqmstream.transport.compacted import latest_by_key, read_to_end
from dqmstream.transport.embedded import EmbeddedLog
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.notifier.address import Address
from services.notifier.sender import Failure, Sender
from services.notifier.service import NotifierProgress, NotifierSettings, run_notifier
from services.notifier.webhook import Webhook
from tests.filled import make_topics
from tests.notified import receiver, step, subscription
from tests.receiving import SECRET, Fault, FaultyReceiver, Request

CLOCK = SystemClock()
QUICK: dict[str, Any] = {"retry_first": 0.01, "retry_most": 0.05, "timeout": 10.0}


async def new_log() -> MemoryLog:
    log = MemoryLog(CLOCK)
    await make_topics(log, 1)
    return log


async def tell(log: Log, *steps: AlarmTransition) -> None:
    """Append steps of alarms."""
    await log.send([outgoing(ALARMS, 0, each, each.alarm.encode()) for each in steps])


def now(number: int = 1, **fields: Any) -> AlarmTransition:
    return step(number, when=CLOCK.wall(), **fields)


@asynccontextmanager
async def notifying(
    log: Log,
    receivers: Sequence[Receiver],
    subscriptions: Sequence[Subscription],
    urls: dict[str, str],
    *,
    senders: dict[str, Sender] | None = None,
    progress: NotifierProgress | None = None,
    member: str = "notifier",
) -> AsyncIterator[asyncio.Task[None]]:
    """A notifier for the length of the block, then cancelled."""
    declared = Declared(receivers=tuple(receivers), subscriptions=tuple(subscriptions))
    made: dict[str, Sender] = senders or {
        each.name: Webhook(Address(receiver=each, url=urls[each.name], secret=SECRET), CLOCK)
        for each in receivers
    }
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(
            run_notifier(
                log,
                declared,
                made,
                clock=CLOCK,
                random=Random(1).random,
                ready=ready.set,
                settings=NotifierSettings(look=0.02, member=member),
                progress=progress,
            )
        )
        await ready.wait()
        try:
            yield running
        finally:
            running.cancel()
            for sender in made.values():
                await sender.close()


async def ledger(log: Log) -> dict[str, Delivery]:
    """What the ledger says, by key."""
    records = await latest_by_key(log, DELIVERIES)
    messages = [CODEC.decode(one.headers, one.value) for one in records.values()]
    return {one.key: one for one in messages if isinstance(one, Delivery)}


async def until(condition: Callable[[], Any]) -> None:
    """Wait until something awaited holds."""
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 a log has no event to wait for
            await asyncio.sleep(0.01)


async def settled(log: Log, count: int) -> bool:
    found = await ledger(log)
    return len(found) == count and all(one.state == "delivered" for one in found.values())


@pytest.mark.parametrize(
    "fault", ["500", "429", "400", "hang", "reset", "deaf", "cut", "redirect", "huge", "junk"]
)
async def test_whatever_a_receiver_does_first_each_step_arrives_in_the_end(fault: Fault) -> None:
    """And no other host is ever asked, whatever it says."""
    bad = 3

    def choose(request: Request | None) -> Fault:
        nonlocal bad
        if fault == "deaf" and request is None:
            bad -= 1
            return "deaf" if bad >= 0 else "none"
        if request is not None and fault != "deaf" and bad > 0:
            bad -= 1
            return fault
        return "none"

    log = await new_log()
    async with FaultyReceiver.listening(choose) as faulty, FaultyReceiver.listening() as foreign:
        faulty.elsewhere = foreign.url
        await tell(log, now(1), now(2, event="returned", after="returned"))
        hook = receiver(**QUICK | ({"timeout": 1.0} if fault == "hang" else {}))
        async with notifying(log, [hook], [subscription()], {"log": faulty.url}):
            await until(lambda: settled(log, 2))
        assert set(faulty.arrived) == set(await ledger(log))
        assert faulty.verified(CLOCK.wall() / 1e9)
        assert foreign.connections == 0
    assert bad <= 0


async def test_a_slow_answer_is_an_answer() -> None:
    log = await new_log()
    async with FaultyReceiver.listening(lambda one: "slow" if one else "none") as slow:
        await tell(log, now())
        patient = receiver(**QUICK | {"timeout": 10.0})
        async with notifying(log, [patient], [subscription()], {"log": slow.url}):
            await until(lambda: settled(log, 1))
        assert list(slow.arrived.values()) == [1]


async def test_what_is_told_says_what_happened_what_it_means_and_what_to_do() -> None:
    log = await new_log()
    said = now(meaning="A sector is dark.", action="Ring.", contact="16 5000", severity="high")
    async with FaultyReceiver.listening() as taking:
        await tell(log, said)
        async with notifying(log, [receiver(**QUICK)], [subscription()], {"log": taking.url}):
            await until(lambda: settled(log, 1))
        (request,) = taking.requests
    (told,) = request.document["notifications"]
    expected = msgspec.to_builtins(said)
    del expected["type"]
    assert told == expected | {"key": f"{said.alarm}#1@all", "trial": False, "flags": []}
    assert request.document["subscription"] == "all"
    assert request.headers["content-type"] == "application/json"


async def test_a_receiver_that_hangs_holds_up_no_other() -> None:
    log = await new_log()
    async with (
        FaultyReceiver.listening(lambda one: "hang" if one else "none") as hanging,
        FaultyReceiver.listening() as good,
    ):
        receivers = [receiver("bad", **QUICK | {"timeout": 60.0}), receiver("good", **QUICK)]
        both = [subscription("a", receiver="bad"), subscription("b", receiver="good")]
        urls = {"bad": hanging.url, "good": good.url}
        async with notifying(log, receivers, both, urls):
            for number in range(1, 6):
                await tell(log, now(number))
                await good.until(lambda n=number: len(good.arrived) == n)  # type: ignore[misc]
            await hanging.until(lambda: bool(hanging.requests))
        assert len(hanging.requests) == 1


async def test_a_restart_sends_what_is_missing_and_not_again_what_arrived(tmp_path: Path) -> None:
    """On the embedded log, opened anew each time."""
    works = True

    def choose(request: Request | None) -> Fault:
        return "none" if works or request is None else "500"

    async with FaultyReceiver.listening(choose) as taking:
        for life in range(3):
            works = True
            async with EmbeddedLog.open(tmp_path / "log", clock=CLOCK) as log:
                await make_topics(log, 1)
                first = 2 * life + 1
                async with notifying(
                    log, [receiver(**QUICK)], [subscription()], {"log": taking.url}
                ):
                    await tell(log, now(first))
                    await until(lambda log=log, n=first: settled(log, n))  # type: ignore[misc]
                    works = False
                    await tell(log, now(first + 1))
                    await taking.until(lambda: taking.requests[-1].fault == "500")
        works = True
        async with (
            EmbeddedLog.open(tmp_path / "log", clock=CLOCK) as log,
            notifying(log, [receiver(**QUICK)], [subscription()], {"log": taking.url}),
        ):
            await until(lambda: settled(log, 6))
        assert set(taking.arrived.values()) == {1}
        assert len(taking.arrived) == 6


async def test_however_often_it_dies_each_step_arrives() -> None:
    """A notifier cancelled at moments drawn by chance, before receivers of all kinds of faults."""
    random = Random(7)
    faults: list[Fault] = ["none", "none", "500", "reset", "cut", "400"]

    def choose(request: Request | None) -> Fault:
        return "none" if request is None else random.choice(faults)

    log = await new_log()
    async with FaultyReceiver.listening(choose) as faulty:
        asked = {"log": faulty.url}
        for number in range(1, 16):
            await tell(log, now(number))
            async with notifying(log, [receiver(**QUICK)], [subscription()], asked):
                await asyncio.sleep(random.random() * 0.02)
        async with notifying(log, [receiver(**QUICK)], [subscription()], asked):
            await until(lambda: settled(log, 15))
        assert set(faulty.arrived) == set(await ledger(log))
        assert {one.step.number for one in (await ledger(log)).values()} == set(range(1, 16))


async def test_of_two_notifiers_one_tells_and_the_other_takes_over() -> None:
    log = await new_log()
    async with FaultyReceiver.listening() as taking:
        given = ([receiver(**QUICK)], [subscription()], {"log": taking.url})
        async with notifying(log, *given):
            async with notifying(log, *given, member="other"):
                await tell(log, now(1))
                await until(lambda: settled(log, 1))
            await tell(log, now(2))
            await until(lambda: settled(log, 2))
        assert set(taking.arrived.values()) == {1}


async def test_a_receiver_that_fails_for_long_is_an_alarm_until_it_takes_something() -> None:
    works = False

    def choose(request: Request | None) -> Fault:
        return "none" if works or request is None else "500"

    async def said() -> list[tuple[str, bool]]:
        messages = [
            CODEC.decode(one.headers, one.value) async for one in read_to_end(log, HEARTBEATS)
        ]
        return [(one.subject, one.active) for one in messages if isinstance(one, AlarmCondition)]

    log, progress = await new_log(), NotifierProgress()
    async with FaultyReceiver.listening(choose) as faulty:
        quick = receiver(**QUICK, failing=0.1)
        given = ([quick], [subscription()], {"log": faulty.url})
        await tell(log, now())
        async with notifying(log, *given, progress=progress):
            await until(lambda: _equal(said, [("receiver/log", True)]))
            assert progress.failing == 1
        async with notifying(log, *given):  # what it said, the next one takes back
            works = True
            await until(lambda: _ends(said, ("receiver/log", False)))


async def _equal(asked: Callable[[], Any], expected: object) -> bool:
    return bool(await asked() == expected)


async def _ends(asked: Callable[[], Any], expected: object) -> bool:
    return bool((await asked())[-1:] == [expected])


async def test_what_is_dead_is_said_and_sent_when_somebody_asks_for_it() -> None:
    works = False

    def choose(request: Request | None) -> Fault:
        return "none" if works or request is None else "500"

    async def dead() -> bool:
        return [one.state for one in (await ledger(log)).values()] == ["dead"]

    log, progress = await new_log(), NotifierProgress()
    async with FaultyReceiver.listening(choose) as faulty:
        dying = receiver(**QUICK | {"timeout": 10.0}, give_up=0.05)
        async with notifying(
            log, [dying], [subscription()], {"log": faulty.url}, progress=progress
        ):
            await tell(log, now())
            await until(dead)
            assert progress.dead == {"log": 1}
            works = True
            await command(log, "all", "again")
            await until(lambda: settled(log, 1))
        assert list(faulty.arrived.values()) == [1]


async def command(log: Log, name: str, action: str, chosen: Subscription | None = None) -> None:
    """Append a command of a person."""
    made = subscription_command(
        name, action, who="me", why="", when=CLOCK.wall(), subscription=chosen
    )
    await log.send([outgoing(COMMANDS, 0, made, made.subject.encode())])


async def test_subscriptions_change_without_a_restart_and_survive_one() -> None:
    async def in_force() -> list[tuple[str, bool, str]]:
        found = (await latest_by_key(log, DELIVERIES)).get(b"standing")
        if found is None:
            return []
        standing = CODEC.decode(found.headers, found.value)
        assert isinstance(standing, NotifierStanding)
        return [(one.name, one.enabled, one.origin) for one in standing.subscriptions]

    log = await new_log()
    async with FaultyReceiver.listening() as taking:
        given = ([receiver(**QUICK)], [subscription("file")], {"log": taking.url})
        async with notifying(log, *given):
            await command(log, "mine", "subscribe", subscription("mine", tests=("pt_*",)))
            await command(log, "file", "disable")
            await command(log, "nobody", "enable")  # cannot be followed, and harms nothing
            await command(log, "mine", "subscribe", subscription("mine", receiver="nobody"))
            await command(log, "mine", "subscribe", subscription("other"))
            await command(log, "mine", "dance")
            await log.send([Outgoing(topic=COMMANDS, partition=0, key=b"x", value=b"junk")])
            expected = [("file", False, "command"), ("mine", True, "command")]
            await until(lambda: _equal(in_force, expected))
            await command(log, "mine", "test")
            await until(lambda: settled(log, 1))
        async with notifying(log, *given):
            assert await in_force() == expected
            await tell(log, now())
            await until(lambda: settled(log, 2))
            await command(log, "mine", "unsubscribe")
            await until(lambda: _equal(in_force, expected[:1]))
        assert sorted(taking.arrived.values()) == [1, 1]
        trial, told = (one.document["notifications"][0] for one in taking.requests)
        assert (trial["trial"], told["trial"]) == (True, False)


async def _stands(log: Log) -> bool:
    """Whether somebody has begun to tell."""
    return b"standing" in await latest_by_key(log, DELIVERIES)


async def test_a_test_asked_for_while_nobody_was_there_is_sent_once() -> None:
    log = await new_log()
    async with FaultyReceiver.listening() as taking:
        given = ([receiver(**QUICK)], [subscription()], {"log": taking.url})
        async with notifying(log, *given):
            await until(lambda: _stands(log))
        await command(log, "all", "test")
        for _ in range(2):
            async with notifying(log, *given):
                await until(lambda: settled(log, 1))
        assert list(taking.arrived.values()) == [1]


async def test_what_is_no_step_is_buried_and_the_next_one_told() -> None:
    log, progress = await new_log(), NotifierProgress()
    async with FaultyReceiver.listening() as taking:
        await log.send([Outgoing(topic=ALARMS, partition=0, key=b"x", value=b"junk")])
        await tell(log, now())
        given = ([receiver(**QUICK)], [subscription()], {"log": taking.url})
        async with notifying(log, *given, progress=progress):
            await until(lambda: settled(log, 1))
    assert progress.refused == {"no_type": 1}
    assert [one.key async for one in read_to_end(log, dead_topic(ALARMS))] == [b"dqm.alarms/0/0"]


async def test_a_sender_that_crashes_is_a_failure_like_another() -> None:
    class Crashing:
        address = "nowhere"
        tries = 0

        async def send(self, _: Attempt) -> Failure | None:
            self.tries += 1
            if self.tries < 3:
                msg = "a bug"
                raise RuntimeError(msg)
            return None

        async def close(self) -> None:
            pass

    log, crashing = await new_log(), Crashing()
    await tell(log, now())
    async with notifying(log, [receiver(**QUICK)], [subscription()], {}, senders={"log": crashing}):
        await until(lambda: settled(log, 1))
    assert crashing.tries == 3


async def test_without_receivers_it_reads_and_waits() -> None:
    log, progress = await new_log(), NotifierProgress()
    await tell(log, now())
    async with notifying(log, [], [], {}, progress=progress):
        await until(lambda: _true(progress.records == 1))


async def _true(value: bool) -> bool:
    return value
