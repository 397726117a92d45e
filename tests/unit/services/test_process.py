"""A process: services start together, say when they are ready, end together, and beat meanwhile."""

import asyncio
from pathlib import Path

import pytest

from dqmstream.clock import SystemClock
from dqmstream.errors import StoreError
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.operations import Heartbeat
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import CONDITIONS, HEARTBEATS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from services.processes.process import Process, Ready, Service
from services.processes.produce import Producing, Sent
from services.settings import Settings
from tests.random_run import RandomRun


async def messages(process: Process, topic: str) -> list[Message]:
    """All of a topic."""
    records = [record async for record in read_to_end(process.log, topic)]
    return [CODEC.decode(record.headers, record.value) for record in records]


def producing(settings: Settings, told: list[list[Sent]], *, runs: int) -> Producing:
    """Two sources in each run, and a third in the first one only."""

    async def tell(sent: list[Sent]) -> None:
        told.append(list(sent))

    sources = [
        [
            RandomRun(name=name, seed=run, length=2, run=run, chunks=(1, 4))
            for name in ("a", "b", "c")[: 3 if run == 1 else 2]
        ]
        for run in range(1, runs + 1)
    ]
    return Producing(settings, sources, speed=None, on_run=tell)


async def test_runs_are_sent_one_after_another_with_their_sources_side_by_side(
    tmp_path: Path,
) -> None:
    """The next begins when all sources of the one before have ended, and the caller was told."""
    settings = Settings(data=tmp_path)
    told: list[list[Sent]] = []
    services = producing(settings, told, runs=2).services()
    assert [service.name for service in services] == ["producer-a", "producer-b", "producer-c"]
    async with Process.running(settings, services, SystemClock()) as process:
        await process.finished.wait()
        spoken = await messages(process, CONDITIONS)
        beats = await messages(process, HEARTBEATS)
    assert [[(one.source.name, one.lumisection) for one in sent] for sent in told] == [
        [("a", 2), ("b", 2), ("c", 2)],
        [("a", 2), ("b", 2)],
    ]
    ends = [n for n, one in enumerate(spoken) if isinstance(one, RunEnd) and one.run == 1]
    starts = [n for n, one in enumerate(spoken) if isinstance(one, RunStart) and one.run == 2]
    assert (len(ends), len(starts)) == (3, 2)
    assert max(ends) < min(starts)
    last = {one.service: one.state for one in beats if isinstance(one, Heartbeat)}
    assert last == {service.name: "stopping" for service in services}


async def test_what_was_sent_before_is_not_counted_again(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    for expected in (False, True):
        told: list[list[Sent]] = []
        services = producing(settings, told, runs=1).services()
        async with Process.running(settings, services, SystemClock()) as process:
            await process.finished.wait()
        assert all((one.chunks == 0) is expected for one in told[0])


async def test_a_service_that_fails_ends_the_others_and_is_named(tmp_path: Path) -> None:
    """The error bears its name; the others are cancelled."""
    cancelled = asyncio.Event()

    async def fails(_: Process, ready: Ready) -> None:
        ready()
        await asyncio.sleep(0)
        raise StoreError("full")

    async def waits(_: Process, ready: Ready) -> None:
        ready()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    services = [Service(name="one", start=fails), Service(name="other", start=waits)]
    with pytest.raises(BaseExceptionGroup) as failed:
        async with Process.running(Settings(data=tmp_path), services, SystemClock()) as process:
            await process.finished.wait()
    leaf = failed.value
    while isinstance(leaf, BaseExceptionGroup):
        (leaf,) = leaf.exceptions
    assert isinstance(leaf, StoreError)
    assert leaf.__notes__ == ["one"]
    assert cancelled.is_set()


async def test_nothing_is_begun_before_the_log_is_there_and_nothing_served_before_it_is_begun(
    tmp_path: Path,
) -> None:
    order: list[str] = []

    async def begin(process: Process) -> None:
        await process.log.bounds(CONDITIONS, 0)
        order.append("begun")

    async def serve(_: Process, ready: Ready) -> None:
        order.append("served")
        ready()

    services = [Service(name="one", start=serve)]
    async with Process.running(
        Settings(data=tmp_path), services, SystemClock(), begin=begin
    ) as process:
        order.append("ready")
        await process.finished.wait()
    assert order == ["begun", "served", "ready"]
