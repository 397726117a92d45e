"""Alive is who tries, ready is whose heartbeats the log takes; both are said over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from dqmstream.clock import SettableClock, SystemClock
from dqmstream.errors import ConfigurationError, LogUnavailableError
from dqmstream.messages.operations import Heartbeat
from dqmstream.messages.topics import HEARTBEATS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log, TopicSpec
from dqmstream.transport.memory import MemoryLog
from services.analyser.progress import AnalyserProgress
from services.draining import Drain
from services.filler.progress import FillerProgress
from services.monitoring.health import Health
from services.monitoring.heartbeat import Standing, beat, standing_of
from services.monitoring.metrics import ProcessMetrics
from services.monitoring.server import serve_metrics
from services.processes.posted_progress import PostedProgress


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def health(clock: SettableClock) -> Health:
    return Health(clock, ["filler", "recorder"])


def test_a_process_is_ready_once_all_have_said_so_and_the_log_takes_heartbeats(clock, health):
    assert health.obstacles() == ["filler is starting", "recorder is starting"]
    health.ready("filler")
    assert health.obstacles() == ["recorder is starting"]
    health.ready("recorder")
    assert health.all_ready
    assert health.obstacles() == []
    clock.advance(11)
    health.beat("recorder", acknowledged=True)
    assert health.obstacles() == ["the log has taken no heartbeat of filler for 11 s"]


def test_a_process_that_was_told_to_stop_is_not_ready_and_lives(clock):
    drain = Drain(10)
    health = Health(clock, ["gateway"], drain)
    health.ready("gateway")
    assert health.obstacles() == []
    drain.begun.set()
    assert health.obstacles() == ["the process was told to stop"]
    assert health.ailments() == []


def test_a_log_that_is_away_makes_unready_but_not_dead(clock, health):
    for service in health.vitals:
        health.ready(service)
        health.beat(service, acknowledged=True)
    for _ in range(60):
        clock.advance(5)
        for service in health.vitals:
            health.beat(service, acknowledged=False)
    assert health.ailments() == []
    assert len(health.obstacles()) == 2
    assert health.document()["filler"]["heartbeat_failures"] == 60


def test_one_that_does_not_even_try_is_dead(clock, health):
    for service in health.vitals:
        health.beat(service, acknowledged=True)
    clock.advance(91)
    health.beat("recorder", acknowledged=False)
    assert health.ailments() == ["filler has not tried to send a heartbeat for 91 s"]


def test_one_that_starts_for_long_is_alive(clock, health):
    clock.advance(3600)
    assert health.ailments() == []


def test_one_that_is_done_is_neither_dead_nor_unready(clock, health):
    for service in health.vitals:
        health.ready(service)
        health.beat(service, acknowledged=True)
    health.stop("filler")
    clock.advance(100)
    health.beat("recorder", acknowledged=True)
    assert (health.ailments(), health.obstacles()) == ([], [])


# ---------------------------------------------------------------- heartbeats


class Fickle(MemoryLog):
    """A log that can be away."""

    away = False

    async def send(self, messages):
        if self.away:
            raise LogUnavailableError("no broker answers")
        return await super().send(messages)


@pytest.fixture
async def log() -> Fickle:
    made = Fickle(SystemClock())
    await made.ensure_topics([TopicSpec(name=HEARTBEATS, partitions=1)])
    return made


@asynccontextmanager
async def beating(log: Log, health: Health) -> AsyncIterator[None]:
    standing = Standing(run=7, counts={"records": 3}, positions={("dqm.events", 1): 9})
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(
            beat(
                log,
                process="p",
                service="filler",
                clock=SystemClock(),
                standing=lambda: standing,
                health=health,
            )
        )
        yield
        running.cancel()


async def heartbeats(log: Log) -> list[Heartbeat]:
    records = [record async for record in read_to_end(log, HEARTBEATS)]
    messages = [CODEC.decode(record.headers, record.value) for record in records]
    return [message for message in messages if isinstance(message, Heartbeat)]


async def until(condition) -> None:
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come in 30 s")


async def test_a_service_says_where_it_stands_and_at_last_that_it_stops(log):
    health = Health(SystemClock(), ["filler"])
    health.ready("filler")
    async with beating(log, health):
        await until(lambda: health.vitals["filler"].beats >= 1)
    first, *_, last = await heartbeats(log)
    assert (first.state, last.state) == ("ready", "stopping")
    assert (first.run, first.counts, first.positions) == (7, {"records": 3}, {"dqm.events/1": 9})
    assert first.memory > 1 << 20


async def test_heartbeats_outlive_a_log_that_is_away(log):
    health = Health(SystemClock(), ["filler"])
    log.away = True
    async with beating(log, health):
        await until(lambda: health.vitals["filler"].failures >= 1)
        log.away = False
        await until(lambda: health.vitals["filler"].beats >= 1)
        log.away = True
    (only,) = await heartbeats(log)
    assert only.state == "starting"


# -------------------------------------------------------------------- server


async def test_health_and_metrics_are_served(health, clock):
    metrics = ProcessMetrics(health)
    async with (
        serve_metrics("127.0.0.1", 0, metrics.registry, health) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        starting = await client.get("/readyz")
        assert (starting.status_code, starting.json()["ready"]) == (503, False)
        for service in health.vitals:
            health.ready(service)
            health.beat(service, acknowledged=True)
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["problems"]) == (200, [])
        assert (await client.get("/healthz")).json()["alive"] is True
        clock.advance(91)
        dead = await client.get("/healthz")
        assert dead.status_code == 503
        assert "filler" in dead.json()["problems"][0]
        plain = await client.get("/metrics")
        assert plain.headers["content-type"].startswith("text/plain")
        assert 'dqm_process_heartbeat_age_seconds{service="filler"} 91.0' in plain.text
        assert "process_resident_memory_bytes " in plain.text
        asked = {"accept": "application/openmetrics-text; version=1.0.0"}
        assert (await client.get("/metrics", headers=asked)).text.endswith("# EOF\n")
        assert (await client.get("/other")).status_code == 404
        assert (await client.post("/metrics")).status_code == 405


async def test_an_address_that_is_taken_stops_the_start(health):
    metrics = ProcessMetrics(health)
    async with serve_metrics("127.0.0.1", 0, metrics.registry, health) as port:
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with serve_metrics("127.0.0.1", port, metrics.registry, health):
                pytest.fail("two servers on one port")


@pytest.mark.parametrize(
    "progress",
    [AnalyserProgress(held=7), FillerProgress(buffers={"mine": 8}), PostedProgress(), None],
)
async def test_what_any_service_counts_fits_into_its_heartbeat(
    progress: object, clock: SettableClock, health: Health
) -> None:
    """A field of a progress that has the name of one of a heartbeat is of its type, too."""
    log = MemoryLog(clock)
    await log.ensure_topics([TopicSpec(name=HEARTBEATS, partitions=1)])
    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(
            beat(
                log,
                process="p",
                service="filler",
                clock=clock,
                standing=lambda: standing_of(progress),
                health=health,
            )
        )
        async with asyncio.timeout(60):
            while (await log.bounds(HEARTBEATS, 0)).end == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        beating.cancel()
    record, *_ = [one async for one in read_to_end(log, HEARTBEATS)]
    heard = CODEC.decode(record.headers, record.value)
    assert isinstance(heard, Heartbeat)
    assert heard.held == ({"mine": 8} if isinstance(progress, FillerProgress) else {})
    assert heard.counts.get("held", 7) == 7
