"""The service: from a log to answers, whatever the log holds."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from dqmstream.client import AsyncClient
from dqmstream.clock import SystemClock
from dqmstream.messages.booking import Activation, Booking
from dqmstream.messages.events import RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Conditions, Heartbeat
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import (
    BOOKINGS,
    CONDITIONS,
    HEARTBEATS,
    HISTOGRAMS,
    QUALITY,
    TOPICS,
)
from dqmstream.messages.wire import CODEC
from dqmstream.store.store import Store
from dqmstream.store.writer import StoreWriter
from dqmstream.transport.log import Log, Outgoing, TopicSpec
from dqmstream.transport.memory import MemoryLog
from services.gateway import service
from services.gateway.desk import Desk
from services.gateway.intake import TOPICS_READ, Intake, starting_positions
from services.gateway.live import LiveView
from services.gateway.metrics import GatewayMetrics
from services.gateway.service import run_gateway
from services.gateway.settings import GatewaySettings
from services.status.statuses import StatusReport

TOPIC_OF = {
    Booking: BOOKINGS,
    Activation: BOOKINGS,
    RunStart: CONDITIONS,
    Conditions: CONDITIONS,
    HistogramSet: HISTOGRAMS,
    QualityReports: QUALITY,
    Heartbeat: HEARTBEATS,
}


@pytest.fixture
async def log() -> MemoryLog:
    made = MemoryLog(SystemClock(), stride=3)
    await made.ensure_topics(
        [
            TopicSpec(
                name=name,
                partitions=2 if name == HISTOGRAMS else 1,
                compacted=name == BOOKINGS,
                retention_bytes=20_000 if name == QUALITY else None,
            )
            for name in TOPICS
        ]
    )
    return made


async def send(log: MemoryLog, messages: Iterable[Message]) -> None:
    for message in messages:
        headers, value = CODEC.encode(message)
        workspace = getattr(message, "workspace", "")
        await log.send(
            [
                Outgoing(
                    topic=TOPIC_OF[type(message)],
                    partition=len(workspace) % 2 if isinstance(message, HistogramSet) else 0,
                    key=repr(message)[:200].encode(),
                    headers=headers,
                    value=value,
                )
            ]
        )


@contextlib.asynccontextmanager
async def running(log: MemoryLog, store: Store | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway that has said it is ready, and somebody to ask it."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        gateway = tasks.create_task(
            run_gateway(
                log,
                store,
                GatewaySettings(update_interval=0.02),
                clock=SystemClock(),
                ready=ready.set,
                listener=listener,
            )
        )
        await ready.wait()
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            yield client
        gateway.cancel()


async def until(client: httpx.AsyncClient, url: str, wanted) -> dict:
    async with asyncio.timeout(60):
        while True:
            body = (await client.get(url)).json()
            if wanted(body):
                return body
            await asyncio.sleep(0.01)


async def test_when_it_says_it_is_ready_it_has_read_the_log(log, detector):
    await send(log, [*detector.announce(), *detector.fill(1), *detector.close(1)])
    async with running(log) as client:
        assert (await client.get("/ready")).json() == {
            "ready": True,
            "stopping": False,
            "lag": dict.fromkeys(TOPICS_READ, 0),
        }
        found = await client.get("/api/v1/runs/current/contents?path=trigger/paths")
        assert found.json()["contents"][0]["totals"]["entries"] == 200


class FarLog:
    """A log whose readers find nothing at hand at first, as those of a broker do."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.near = False
        self.empty_reads = 0
        self.looked = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    @asynccontextmanager
    async def reader(self, positions):
        async with self._log.reader(positions) as reader:
            yield FarReader(self, reader)


class FarReader:
    def __init__(self, log: FarLog, reader) -> None:
        self._log = log
        self._reader = reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    async def read(self, **limits):
        if self._log.near:
            return await self._reader.read(**limits)
        await asyncio.sleep(0)
        self._log.empty_reads += 1
        if self._log.empty_reads == 3:
            self._log.looked.set()
        return []


async def test_empty_reads_are_no_sign_that_it_has_read_the_log(log, detector):
    await send(log, [*detector.announce(), *detector.fill(1)])
    far = FarLog(log)
    async with Desk.open() as desk, asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        intake = Intake(far, LiveView(), desk, clock=SystemClock(), metrics=GatewayMetrics())
        running_intake = tasks.create_task(intake.run({}))
        await far.looked.wait()
        assert not intake.caught_up.is_set()
        far.near = True
        await intake.caught_up.wait()
        assert not any(intake.lag().values())
        running_intake.cancel()


async def test_what_comes_into_the_log_is_answered_soon_after(log, detector):
    async with running(log) as client:
        await send(log, [*detector.announce(), *detector.fill(1)])
        await until(client, "/api/v1/runs", lambda body: body["current"] == 400_001)
        await send(log, [*detector.fill(1), detector.conditions(1)])
        # The names come on another topic than the events, and are read when they are.
        run = await until(
            client,
            "/api/v1/runs/current",
            lambda body: body["run"]["events"] == 400 and body["labels"],
        )
    assert run["labels"]["path"][0] == "HLT_ZeroBias"


async def test_after_any_hostile_record_the_next_good_one_still_comes_out(log, detector):
    await send(log, detector.announce())
    good = CODEC.encode(next(detector.fill(1)))
    hostile = [
        Outgoing(topic=HISTOGRAMS, partition=0, value=b"", headers=()),
        Outgoing(topic=HISTOGRAMS, partition=0, value=b"\xc1", headers=good.headers),
        Outgoing(topic=HISTOGRAMS, partition=0, value=good.value[:-9], headers=good.headers),
        Outgoing(
            topic=HISTOGRAMS,
            partition=0,
            value=good.value,
            headers=(("type", b"HistogramSet"), ("schema", b"99")),
        ),
        Outgoing(topic=QUALITY, partition=0, value=b"x" * 100, headers=(("type", b"Nothing"),)),
        Outgoing(topic=CONDITIONS, partition=0, value=None, headers=good.headers),
    ]
    await log.send(hostile)
    async with running(log) as client:
        await send(log, detector.fill(1))
        await until(client, "/api/v1/runs", lambda body: body["current"] == 400_001)
        pulse = (await client.get("/api/v1/pulse")).json()
        metrics = (await client.get("/metrics")).text
    assert pulse["rejected"]["bad_body"] >= 1
    assert pulse["rejected"]["no_type"] == 1
    assert pulse["rejected"]["unknown_version"] == 1
    assert 'dqm_gateway_rejected_total{reason="unknown_type"} 1.0' in metrics


async def test_the_status_is_read_off_the_log(log, detector):
    async with running(log) as client:
        await send(log, [*detector.announce()])
        told = StatusReport.model_validate((await client.get("/api/v1/status")).json())
    assert told.log == log.identity
    assert {topic.name for topic in told.topics} > {BOOKINGS, HISTOGRAMS}
    assert "no filler is ready" in told.problems


async def test_with_a_store_reading_begins_near_where_the_store_stands(log, detector):
    await send(log, [*detector.announce()])
    for number in range(1, 4):
        await send(log, [*detector.fill(number), *detector.close(number)])
    end = (await log.bounds(HISTOGRAMS, 1)).end
    positions = await starting_positions(log, {(HISTOGRAMS, 1): end + 6_000})
    assert positions[HISTOGRAMS, 1] == 0, "the overlap reaches back to the start of this short log"
    assert positions[BOOKINGS, 0] == 0
    assert set(positions) == {
        (name, partition)
        for name in TOPICS_READ
        for partition in range(2 if name == HISTOGRAMS else 1)
    }


async def test_records_that_expired_unread_are_counted_and_reading_goes_on(log, detector):
    await send(log, [*detector.announce(), *detector.fill(1)])
    async with Desk.open() as desk:
        view = LiveView()
        intake = Intake(log, view, desk, clock=SystemClock(), metrics=GatewayMetrics())
        async with log.reader({(QUALITY, 0): 0}) as reader:
            for number in range(400):
                await send(log, detector.reports(number + 1, {}))
            await log.maintain()
            assert (await log.bounds(QUALITY, 0)).start > 0
            await intake.step(reader)
            await intake.step(reader)
        assert view.rejected == {"expired_unread": 1}
        assert view.runs[400_001].verdicts.scopes()


@pytest.fixture
async def tail(log, detector, tmp_path: Path) -> AsyncIterator[Store]:
    """LS 1 to 4 in a store, of which the log has LS 4 alone."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    messages = [*detector.announce()]
    for number in range(1, 5):
        messages += [*detector.fill(number), *detector.close(number)]

    def record() -> Store:
        writer = StoreWriter(url, log=log.identity)
        known = (Booking, Activation, HistogramSet)
        writer.write([m for m in messages if isinstance(m, known)], {})
        writer.close()
        return Store(url)

    store = await asyncio.to_thread(record)
    await send(log, [m for m in messages if not isinstance(m, HistogramSet) or m.lumisection == 4])
    yield store
    await asyncio.to_thread(store.close)


async def test_live_and_stored_runs_are_answered_together(log, tail: Store):
    async with running(log, tail) as client:
        body = (await client.get("/api/v1/runs/current/contents?path=pixel/charge")).json()
        assert body["contents"][0]["totals"]["entries"] == 800
        assert body["contents"][0]["window"]["first"] == 1


async def test_it_is_ready_once_it_shows_what_only_the_store_has(
    log, tail: Store, monkeypatch: pytest.MonkeyPatch
):
    """A page that comes from another gateway sees as many LSs here."""
    asked, answers, read = asyncio.Event(), threading.Event(), tail.contents
    loop = asyncio.get_running_loop()

    def slow(*place: Any, **options: Any) -> Any:
        loop.call_soon_threadsafe(asked.set)
        answers.wait(60)
        return read(*place, **options)

    monkeypatch.setattr(tail, "contents", slow)
    listener = socket.create_server(("127.0.0.1", 0))
    port, ready = listener.getsockname()[1], asyncio.Event()
    settings = GatewaySettings(update_interval=0.02)
    async with asyncio.TaskGroup() as tasks:
        gateway = tasks.create_task(
            run_gateway(
                log, tail, settings, clock=SystemClock(), ready=ready.set, listener=listener
            )
        )
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            await asked.wait()
            answer = await client.get("/ready")
            assert (answer.status_code, any(answer.json()["lag"].values())) == (503, False)
            assert not ready.is_set()
            answers.set()
            await ready.wait()
            assert (await client.get("/ready")).status_code == 200
        async with AsyncClient(f"http://127.0.0.1:{port}") as page:
            strip = await anext(page.boards("strip"))
            assert sorted(strip.rows) == ["1", "2", "3", "4"]
        gateway.cancel()


def test_a_program_gives_up_a_connection_that_it_does_not_use_before_the_gateway_does():
    """What is asked on a connection that the other side is about to end gets no answer."""
    expiry = httpx.Limits().keepalive_expiry
    assert expiry is not None
    assert 2 * expiry < service._IDLE_SECONDS


async def test_the_page_is_served_at_the_root_with_types_and_tags(log):
    async with running(log) as client:
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        script = await client.get("/app.js")
        assert script.headers["content-type"].startswith("text/javascript")
        style = await client.get("/style.css")
        assert style.headers["content-type"].startswith("text/css")
        again = await client.get("/app.js", headers={"if-none-match": script.headers["etag"]})
        assert again.status_code == 304
        assert (await client.get("/../settings.py")).status_code == 404
        assert (await client.get("/%2e%2e/settings.py")).status_code == 404


async def test_it_stops_when_cancelled_also_with_open_streams(log):
    async with running(log) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(
            b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b"101" in await reader.readline()
    while await reader.read(4096):
        pass
    writer.close()
    await writer.wait_closed()
