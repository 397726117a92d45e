"""Receivers and subscriptions activated on the log: told by at once, and after any restart."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
import structlog

from dqmstream.configuration.history import NOTIFICATIONS, History
from dqmstream.errors import ConfigurationError
from dqmstream.messages.alarms import AlarmCondition
from dqmstream.messages.notifications import NotifierStanding
from dqmstream.messages.topics import CONFIGURATION, DELIVERIES, HEARTBEATS
from dqmstream.messages.wire import CODEC
from dqmstream.notifications.declaration import Declared
from dqmstream.notifications.routes import read_routes
from dqmstream.transport.compacted import latest_by_key, read_to_end
from dqmstream.transport.log import Log
from services.configuration.known import version_records
from services.notifier.address import Address
from services.notifier.addresses import addresses_of
from services.notifier.service import NotifierSettings, run_notifier
from services.notifier.webhook import Webhook
from tests.notified import receiver, subscription
from tests.receiving import SECRET, FaultyReceiver
from tests.unit.services.test_notifier import (
    CLOCK,
    QUICK,
    command,
    ledger,
    new_log,
    now,
    tell,
    until,
)

SECRETS = {"SECRET": SECRET, "NIGHT_KEY": SECRET}


class Desk:
    """Puts routes on the log, as a gateway does."""

    def __init__(self, log: Log) -> None:
        self.log, self.history = log, History(NOTIFICATIONS)

    async def activate(self, text: str) -> None:
        await self.send(self.history.next_version(text, who="ada", why="night", when=1))

    async def roll_back(self) -> None:
        await self.send(self.history.rolled_back(who="ada", why="day", when=1))

    async def send(self, version: Any) -> None:
        await self.log.send(version_records(version, "activate"))
        self.history.take(version)


def routes(*subscriptions: str, night: str = "", key: str = "NIGHT_KEY") -> str:
    """A version: subscriptions `name>receiver`, and the receiver `night` if it has an address."""
    tables = [
        f'[[subscription]]\nname = "{name}"\nreceiver = "{to}"\nwait = 0\n'
        for name, to in (each.split(">") for each in subscriptions)
    ]
    if night:
        tables.append(
            f'[[receiver]]\nname = "night"\nkind = "webhook"\nurl = "{night}"\n'
            f'secret_variable = "{key}"\nretry_first = 0.01\nretry_most = 0.05\n'
        )
    return "\n".join(tables)


@asynccontextmanager
async def notifying(
    log: Log, day: FaultyReceiver, allowed: str = "http://127.0.0.1:*"
) -> AsyncIterator[None]:
    """A notifier whose file has the receiver `log` and the subscription `all`."""
    hook = receiver(**QUICK)
    declared = Declared(
        receivers=(hook,),
        subscriptions=(subscription(),),
        allowed=(allowed,),
        offered=("NIGHT_*",),
    )
    sender = Webhook(Address(receiver=hook, url=day.url, secret=SECRET), CLOCK)

    def find(others: Declared) -> Mapping[str, Address]:
        return addresses_of(others, SECRETS)

    ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(
            run_notifier(
                log,
                declared,
                {"log": sender},
                clock=CLOCK,
                random=Random(1).random,
                ready=ready.set,
                settings=NotifierSettings(look=0.02),
                find=find,
            )
        )
        await ready.wait()
        try:
            yield
        finally:
            running.cancel()
            await sender.close()


async def standing(log: Log) -> NotifierStanding | None:
    record = (await latest_by_key(log, DELIVERIES)).get(b"standing")
    found = None if record is None else CODEC.decode(record.headers, record.value)
    return found if isinstance(found, NotifierStanding) else None


async def follows(log: Log, number: int) -> bool:
    found = await standing(log)
    return found is not None and found.routes == number


async def refuses(log: Log, number: int) -> bool:
    found = await standing(log)
    return found is not None and found.refused == number


async def settled(log: Log, count: int) -> bool:
    found = await ledger(log)
    return len(found) == count and all(one.state != "pending" for one in found.values())


async def test_a_receiver_comes_and_goes_without_a_restart() -> None:
    log = await new_log()
    desk = Desk(log)
    async with FaultyReceiver.listening() as day, FaultyReceiver.listening() as night:
        allowed = night.url.rsplit("/", 1)[0]
        async with notifying(log, day, allowed):
            await tell(log, now(1))
            await until(lambda: settled(log, 1))
            await desk.activate(routes("all>log", "dark>night", night=night.url))
            await until(lambda: follows(log, 1))
            await tell(log, now(2))
            await until(lambda: settled(log, 3))
            assert (len(day.arrived), len(night.arrived)) == (2, 1)
        # A restart goes on with what was in force.
        async with notifying(log, day, allowed):
            await tell(log, now(3))
            await until(lambda: settled(log, 5))
            assert (len(day.arrived), len(night.arrived)) == (3, 2)
            await desk.roll_back()
            await until(lambda: follows(log, 2))
            await tell(log, now(4))
            await until(lambda: settled(log, 6))
        assert (len(day.arrived), len(night.arrived)) == (4, 2)
    found = await ledger(log)
    assert {one.state for one in found.values()} == {"delivered"}


async def test_what_waits_for_a_receiver_that_goes_is_dead_and_says_why() -> None:
    log = await new_log()
    desk = Desk(log)
    async with (
        FaultyReceiver.listening() as day,
        FaultyReceiver.listening(lambda _: "500") as night,
        notifying(log, day, night.url.rsplit("/", 1)[0]),
    ):
        await desk.activate(routes("dark>night", night=night.url))
        await until(lambda: follows(log, 1))
        await tell(log, now(1))

        async def tried() -> bool:
            return bool(night.requests)

        await until(tried)
        await desk.roll_back()
        await until(lambda: settled(log, 1))
    (dead,) = (await ledger(log)).values()
    assert dead.state == "dead"
    assert "'dark' is gone" in dead.problem


async def test_a_receiver_that_goes_while_it_is_told_ends_nothing_else() -> None:
    """Its try ends as it ends: with a failure, after the receiver was taken away."""
    log = await new_log()
    desk = Desk(log)
    with structlog.testing.capture_logs() as lines:
        async with (
            FaultyReceiver.listening() as day,
            FaultyReceiver.listening(lambda _: "hang") as night,
            notifying(log, day, night.url.rsplit("/", 1)[0]),
        ):
            text = routes("dark>night", night=night.url)
            await desk.activate(text.replace("retry_first", "timeout = 3\nretry_first"))
            await until(lambda: follows(log, 1))
            await tell(log, now(1))

            async def tried() -> bool:
                return bool(night.requests)

            async def failed() -> bool:
                said = [(line["event"], line.get("receiver")) for line in lines]
                return ("notification not delivered", "night") in said

            await until(tried)
            await desk.roll_back()
            await until(lambda: follows(log, 2))
            await until(failed)
            await tell(log, now(2))

            await until(lambda: settled(log, 2))
            assert len(day.arrived) == 1
    assert sorted(one.state for one in (await ledger(log)).values()) == ["dead", "delivered"]


async def test_what_cannot_be_followed_changes_nothing_and_is_an_alarm_until_it_is_over() -> None:
    """A host that is not allowed, a secret that is not offered, one that is not there."""
    log = await new_log()
    desk = Desk(log)
    async with FaultyReceiver.listening() as day, FaultyReceiver.listening() as night:
        allowed = night.url.rsplit("/", 1)[0]
        wrong = [
            routes("dark>night", night="http://example.org/x"),
            routes("dark>night", night=night.url, key="SHELL"),
            routes("dark>night", night=night.url, key="NIGHT_OTHER"),
            routes("dark>nobody"),
        ]
        async with notifying(log, day, allowed):
            for number, text in enumerate(wrong, 1):
                await desk.activate(text)
                await until(lambda number=number: refuses(log, number))
            found = await standing(log)
            assert found is not None
            assert found.routes == 0
            await tell(log, now(1))
            await until(lambda: settled(log, 1))
        async with notifying(log, day, allowed):
            await until(lambda: refuses(log, 4))
            await desk.activate(routes("all>log"))
            await until(lambda: follows(log, 5))

            async def over() -> bool:
                return not (await conditions(log))[-1].active

            await until(over)
        assert len(day.arrived) == 1
        assert not night.requests
    said = await conditions(log)
    assert {one.subject for one in said} == {"notifications/version"}
    assert all(one.why for one in said)
    assert SECRET not in "".join(one.why for one in said)


async def conditions(log: Log) -> list[AlarmCondition]:
    return [
        one
        async for record in read_to_end(log, HEARTBEATS)
        if isinstance(one := CODEC.decode(record.headers, record.value), AlarmCondition)
    ]


async def test_what_was_commanded_before_an_activation_holds_no_longer() -> None:
    log = await new_log()
    desk = Desk(log)

    async def enabled() -> dict[str, bool]:
        found = await standing(log)
        return {} if found is None else {one.name: one.enabled for one in found.subscriptions}

    async def is_(expected: dict[str, bool]) -> bool:
        return await enabled() == expected

    async with FaultyReceiver.listening() as day:
        async with notifying(log, day):
            await command(log, "all", "disable")
            await until(lambda: is_({"all": False}))
            await desk.activate(routes("all>log", "more>log"))
            await until(lambda: is_({"all": True, "more": True}))
            await command(log, "more", "disable")
            await until(lambda: is_({"all": True, "more": False}))
        async with notifying(log, day):
            await until(lambda: is_({"all": True, "more": False}))
            await desk.roll_back()
            await until(lambda: is_({"all": True}))


async def test_no_secret_is_on_the_topic_of_versions() -> None:
    """What is activated was read by the gateway: it is what `read_routes` takes."""
    log = await new_log()
    text = routes("dark>night", night="http://127.0.0.1:1/x")
    read_routes(text, "it")
    await Desk(log).activate(text)
    async for record in read_to_end(log, CONFIGURATION):
        assert SECRET.encode() not in (record.value or b"")


@pytest.mark.parametrize(
    "url", ["http://u:p@h/x", "http://h/x?token=1", "http://h/hooks/a8f3k29dk2l1k3"]
)
def test_an_address_that_may_hold_a_secret_is_refused_without_saying_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="url_variable") as refused:
        read_routes(routes("dark>night", night=url), "it")
    assert url not in str(refused.value)
