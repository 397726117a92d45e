"""The service of alarms and the notifier together: what is wrong reaches somebody."""

import asyncio
from random import Random

from dqmstream.alarms.rules import default_rules
from dqmstream.clock import SystemClock
from dqmstream.messages.alarms import AlarmCondition
from dqmstream.messages.topics import HEARTBEATS
from dqmstream.notifications.declaration import Declared
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.alarms.service import run_alarms
from services.notifier.address import Address
from services.notifier.service import NotifierSettings, run_notifier
from services.notifier.webhook import Webhook
from tests.filled import make_topics
from tests.notified import receiver, subscription
from tests.receiving import SECRET, FaultyReceiver

CLOCK = SystemClock()
RULES = default_rules()


async def test_that_a_receiver_fails_is_told_to_another_and_so_is_its_end() -> None:
    """An alarm leads to a notification, that fails, that is an alarm, another receiver has it."""
    works = False
    log = MemoryLog(CLOCK)
    await make_topics(log, 1)
    quick = {"retry_first": 0.01, "retry_most": 0.02}
    async with (
        FaultyReceiver.listening(lambda one: "none" if works or one is None else "500") as bad,
        FaultyReceiver.listening() as good,
        asyncio.TaskGroup() as tasks,
    ):
        receivers = (receiver("bad", **quick, failing=0.05), receiver("good", **quick))
        urls = {"bad": bad.url, "good": good.url}
        senders = {
            each.name: Webhook(Address(receiver=each, url=urls[each.name], secret=SECRET), CLOCK)
            for each in receivers
        }
        subscriptions = (
            subscription("shift", receiver="bad"),
            subscription(
                "experts",
                receiver="good",
                alarms=("condition:receiver/**",),
                events=("raised", "returned", "normal"),
            ),
        )
        ready = [asyncio.Event(), asyncio.Event()]
        running = [
            tasks.create_task(run_alarms(log, RULES, (), clock=CLOCK, ready=ready[0].set)),
            tasks.create_task(
                run_notifier(
                    log,
                    Declared(receivers=receivers, subscriptions=subscriptions),
                    senders,
                    clock=CLOCK,
                    random=Random(1).random,
                    ready=ready[1].set,
                    settings=NotifierSettings(look=0.02),
                )
            ),
        ]
        for each in ready:
            await each.wait()
        wrong = AlarmCondition(
            subject="disk", active=True, why="full", process="p", service="s", when=CLOCK.wall()
        )
        await log.send([outgoing(HEARTBEATS, 0, wrong, b"condition/disk")])
        await good.until(lambda: len(good.arrived) == 1)
        (told,) = good.requests[0].document["notifications"]
        assert told["alarm"] == "condition:receiver/bad"
        assert (told["event"], told["severity"], told["why"]) == ("raised", "high", "HTTP 500")
        assert "dqmstream notifications again" in told["action"]
        works = True
        await good.until(lambda: len(good.arrived) >= 2)
        assert good.requests[1].document["notifications"][0]["event"] in {"returned", "normal"}
        await bad.until(lambda: any("condition:disk#" in key for key in bad.arrived))
        for each in running:
            each.cancel()
        for sender in senders.values():
            await sender.close()
