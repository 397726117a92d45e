"""A gateway that was told to stop: what it says, and what becomes of who is connected to it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dqmstream.clock import SystemClock
from dqmstream.messages.topics import TOPICS
from dqmstream.transport.log import TopicSpec
from dqmstream.transport.memory import MemoryLog
from services.draining import Drain
from services.gateway.service import run_gateway
from services.gateway.settings import GatewaySettings

RESTART = 1012


@dataclass
class Running:
    """A gateway that is ready, who it can be told by, and who ends it."""

    port: int
    drain: Drain
    end: Callable[[], object]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def stream(self) -> ClientConnection:
        """A stream that was greeted."""
        opened = await connect(f"ws://127.0.0.1:{self.port}/api/v1/stream", open_timeout=60)
        await opened.recv()
        return opened


@asynccontextmanager
async def running(seconds: float) -> AsyncIterator[Running]:
    log, ready, drain = MemoryLog(SystemClock()), asyncio.Event(), Drain(seconds)
    await log.ensure_topics([TopicSpec(name=name, partitions=1) for name in TOPICS])
    listener = socket.create_server(("127.0.0.1", 0))
    async with asyncio.TaskGroup() as tasks:
        gateway = tasks.create_task(
            run_gateway(
                log,
                None,
                GatewaySettings(),
                clock=SystemClock(),
                ready=ready.set,
                listener=listener,
                drain=drain,
            )
        )
        await ready.wait()
        yield Running(listener.getsockname()[1], drain, gateway.cancel)
        gateway.cancel()


async def code(stream: ClientConnection) -> int | None:
    """With which a stream is closed, whatever it brings before."""
    async with asyncio.timeout(60):
        with suppress(ConnectionClosed):
            while True:
                await stream.recv()
    return stream.close_code


async def test_it_says_so_and_goes_on_answering_each_connection_once_more() -> None:
    """Balancers see 503; a program's kept connection ends with the answer, and not without one."""
    async with (
        running(300.0) as gateway,
        httpx.AsyncClient(base_url=gateway.url, timeout=60) as client,
    ):
        before = await client.get("/ready")
        assert (before.status_code, before.json()["stopping"]) == (200, False)
        assert "connection" not in before.headers
        stream = await gateway.stream()
        gateway.drain.begun.set()
        after = await client.get("/ready")
        assert (after.status_code, after.json()["stopping"]) == (503, True)
        assert after.json()["ready"] is False
        assert (await client.get("/health")).status_code == 200
        runs = await client.get("/api/v1/runs")
        assert (runs.status_code, runs.headers["connection"]) == (200, "close")
        # Whom a balancer has sent to it before it noticed.
        late = await gateway.stream()
        gateway.end()
        assert {await code(stream), await code(late)} == {RESTART}


async def test_streams_are_sent_away_one_by_one_and_who_comes_then_at_once() -> None:
    async with running(0.4) as gateway:
        streams = [await gateway.stream() for _ in range(8)]
        gateway.drain.begun.set()
        gone: list[int] = []

        async def follow(number: int) -> None:
            assert await code(streams[number]) == RESTART
            gone.append(number)

        async with asyncio.TaskGroup() as tasks:
            for number in range(len(streams)):
                tasks.create_task(follow(number))
        assert sorted(gone) == list(range(8))
        late = await gateway.stream()
        assert await code(late) == RESTART


async def test_without_time_to_drain_streams_are_told_to_connect_again_too() -> None:
    async with running(0.0) as gateway:
        stream = await gateway.stream()
        gateway.end()
        assert await code(stream) == RESTART
