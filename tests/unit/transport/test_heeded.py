"""Who is told to end ends, whatever a library does with that."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from aiokafka.errors import KafkaConnectionError

from dqmstream.errors import LogUnavailableError
from dqmstream.transport.heeded import Heeded
from dqmstream.transport.kafka import KafkaSettings, sender
from dqmstream.transport.kafka.failures import translated
from dqmstream.transport.patience import Pace, insist
from dqmstream.transport.record import Outgoing


async def lose_one() -> None:
    """Wait as aiokafka does for a task to end: who cancels the one that waits is not heard."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def ask_kafka() -> None:
    with translated("nothing can be read"):
        await lose_one()


async def ask_kafka_that_fails() -> None:
    with translated("nothing can be read"):
        await lose_one()
        raise KafkaConnectionError


async def try_again() -> None:
    async def attempt() -> None:
        await lose_one()
        raise LogUnavailableError

    await insist(attempt, "it fails", pace=Pace(first=0.001))


@pytest.mark.parametrize("wait", [ask_kafka, ask_kafka_that_fails, try_again])
async def test_a_cancellation_that_was_swallowed_counts(
    wait: Callable[[], Awaitable[None]],
) -> None:
    async def run() -> None:
        await wait()
        pytest.fail("it went on")

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(run())
        await asyncio.sleep(0.01)
        task.cancel()
    assert task.cancelled()


async def test_who_cleans_up_after_being_cancelled_may_still_try_again() -> None:
    tries: list[int] = []

    async def attempt() -> None:
        tries.append(len(tries))
        if len(tries) < 3:
            raise LogUnavailableError

    async def run() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await insist(attempt, "it fails", pace=Pace(first=0.001))
            with translated("nothing can be written"):
                await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(run())
        await asyncio.sleep(0.01)
        task.cancel()
    assert task.cancelled()
    assert len(tries) == 3


async def test_a_time_out_of_ones_own_is_no_cancellation() -> None:
    heeded = Heeded()
    with suppress(TimeoutError):
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()
    heeded.check()


async def test_a_log_that_cannot_send_closes_though_the_client_is_being_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Closing a client swallows being cancelled, and no broker ends the tries to start one."""
    closing = asyncio.Event()

    class Unable:
        def __init__(self, **_: object) -> None:
            pass

        async def start(self) -> None:
            raise KafkaConnectionError

    async def abandon(*_: object) -> None:
        if not closing.is_set():
            closing.set()
            await lose_one()

    monkeypatch.setattr(sender, "AIOKafkaProducer", Unable)
    monkeypatch.setattr(sender, "abandon", abandon)
    message = Outgoing(topic="t", partition=0, value=b"x")
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        sending = sender.KafkaSender(KafkaSettings(servers=("k:1",)), {}, tasks)
        waiting = tasks.create_task(sending.send([message], lambda topic: (topic, 1000)))
        await closing.wait()
        waiting.cancel()
        await sending.close()
