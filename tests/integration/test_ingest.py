"""Events over HTTP end to end: whatever is lost, repeated or killed on the way, closed histograms
are the batch fill of what the source has."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest

from dqmstream.booking.columns import encode_batch
from dqmstream.booking_set import BookingSet
from dqmstream.clock import SystemClock
from dqmstream.fold.merge import Merged
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.layout import Layout
from dqmstream.transport.log import Log
from dqmstream.transport.memory import MemoryLog
from playback.bench.program import command, environment
from playback.broker import Cluster
from playback.broker.ports import free_port
from services.gateway.access_tokens import Role
from services.log import open_log
from services.settings_layers import load_settings
from tests.filled import fill_to_the_end, make_topics
from tests.ingesting import ARROW, INGEST, access, bearer, gateway, send_over_http
from tests.random_run import BOOKING, RandomRun, assert_equal_to_boost, batch_fill, random_batch
from tests.troubled_log import TroubledLog

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PARTITIONS = 3


@pytest.fixture(scope="module", autouse=True)
def _warm_kernels() -> None:
    """Compile before anything waits."""
    batch_fill(Layout(BOOKING), [random_batch(np.random.default_rng(0), 10)])


def assert_exact(found: list[Merged], *sources: RandomRun) -> None:
    """Every LS is complete, on time, and the batch fill of all that the sources have."""
    layout = Layout(BOOKING)
    assert len(found) == sources[0].length
    for one in found:
        batches: list[pa.RecordBatch] = [
            batch for source in sources for batch in source.batches(one.key.lumisection)
        ]
        assert one.complete, one.account.lacking
        assert one.late is None
        assert not one.account.refused
        assert one.account.seen == sum(batch.num_rows for batch in batches)
        assert batch_fill(layout, batches).equals(one.contents)
        assert_equal_to_boost(layout, one.contents, batches)


@pytest.mark.parametrize("seed", [1, 2])
async def test_repeats_reorder_and_a_log_in_trouble_lose_and_double_nothing(seed: int) -> None:
    """Two sources through two gateways that take turns; a third of all sends fail, before they
    are written, after it, or halfway. The log checks what the protocol asks of a producer."""
    memory = MemoryLog(SystemClock())
    await make_topics(memory, PARTITIONS)
    log = TroubledLog(memory, trouble=0.3, seed=seed, pause=0.0005)
    sources = [
        RandomRun(name="a", seed=seed, length=6),
        RandomRun(name="b", seed=seed, length=6, rereadable=False),
    ]
    begun = asyncio.Barrier(len(sources))
    async with (
        gateway(memory, ingest_log=log) as one,
        gateway(memory, ingest_log=log) as other,
        httpx.AsyncClient(
            mounts={"http://": _Turns(one, other)}, base_url=one, headers=bearer(Role.PRODUCER)
        ) as client,
        asyncio.TaskGroup() as tasks,
    ):
        for source in sources:
            tasks.create_task(send_over_http(client, source, seed=seed, begun=begun))
    assert min(log.failures[how] for how in ("before", "half", "after")) > 0
    found = await fill_to_the_end(
        memory, BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS)), 6
    )
    assert_exact(found, *sources)


class _Turns(httpx.AsyncBaseTransport):
    """Sends each request to the next of several gateways, as a balancer would."""

    def __init__(self, *urls: str) -> None:
        self._urls = [httpx.URL(url) for url in urls]
        self._inner = httpx.AsyncHTTPTransport()
        self._asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._asked += 1
        url = self._urls[self._asked % len(self._urls)]
        request.url = request.url.copy_with(host=url.host, port=url.port)
        request.headers["host"] = f"{url.host}:{url.port}"
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Killed:
    """A command as a process that is killed, and started again, while a source sends."""

    def __init__(self, arguments: list[str], settings: Mapping[str, str]) -> None:
        self._arguments = arguments
        self._environment = environment(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self.lives = 0

    def start(self) -> None:
        self.lives += 1
        self._process = subprocess.Popen(
            command(self._arguments), env=self._environment, stdout=subprocess.DEVNULL
        )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(120)
        finally:
            self._process.kill()
            self._process.wait()


async def _sent_through_killed(killed: _Killed, url: str, source: RandomRun) -> None:
    """Send a run; the process is killed each time some more LSs are in the log, twice."""
    headers = bearer(Role.PRODUCER)
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
        await asyncio.to_thread(killed.start)
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(send_over_http(client, source, seed=5))
                for reached in (3, 12):
                    while await _lumisection(client, source) < reached:
                        assert not sending.done()
                        await asyncio.sleep(0.005)
                    await asyncio.to_thread(killed.kill)
                    await asyncio.to_thread(killed.start)
        finally:
            await asyncio.to_thread(killed.stop)
    assert killed.lives == 3


async def _lumisection(client: httpx.AsyncClient, source: RandomRun) -> int:
    try:
        answer = await client.get(f"{INGEST}/runs/{source.run}/sources/{source.name}")
    except httpx.TransportError:
        await asyncio.sleep(0.2)  # or asking would take the time that it needs to start
        return 0
    return int(answer.json()["lumisection"]) if answer.status_code == 200 else 0


@pytest.fixture
def embedded(tmp_path: Path) -> dict[str, str]:
    """Settings of a process with tokens, on the embedded log."""
    (tmp_path / "tokens.json").write_bytes(access().tokens.encode())
    return {
        "data": str(tmp_path / "data"),
        "tokens_file": str(tmp_path / "tokens.json"),
        "port": str(free_port()),
        "partitions": str(PARTITIONS),
        "workspaces": "tests.random_run:BOOKING",
        "requests_per_second": "0",
        # However long a life takes to begin, no LS is closed for its source's silence meanwhile.
        "lumisection_timeout": "600",
        "run_timeout": "600",
    }


@asynccontextmanager
async def _opened(settings: Mapping[str, str]) -> AsyncIterator[Log]:
    """The log of processes with these settings."""
    variables = {f"DQMSTREAM_{name.upper()}": value for name, value in settings.items()}
    async with open_log(load_settings({}, variables).settings, SystemClock()) as log:
        yield log


async def test_a_gateway_on_kafka_that_is_killed_again_and_again(
    kafka: str, kafka_prefix: str, embedded: dict[str, str]
) -> None:
    """Only the gateway is a process: the fillers read the same Kafka."""
    settings = {**embedded, "kafka": kafka, "kafka_prefix": kafka_prefix}
    source = RandomRun(name="a", seed=3, length=20, chunks=(3, 8))
    async with _opened(settings) as log:
        killed = _Killed(["serve"], settings)
        await _sent_through_killed(killed, f"http://127.0.0.1:{settings['port']}", source)
        found = await fill_to_the_end(
            log, BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS)), source.length
        )
    assert_exact(found, source)


async def test_a_whole_system_on_the_embedded_log_that_is_killed_again_and_again(
    embedded: dict[str, str],
) -> None:
    """Gateway, filler and log in one process, which dies with all of them."""
    settings = embedded
    source = RandomRun(name="a", seed=4, length=20, chunks=(3, 8), rereadable=False)
    killed = _Killed(["run"], settings)
    await _sent_through_killed(killed, f"http://127.0.0.1:{settings['port']}", source)
    async with _opened(settings) as log:
        booking_set = BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS))
        found = await fill_to_the_end(log, booking_set, source.length)
    assert_exact(found, source)


def test_without_its_broker_a_gateway_says_503_and_when_to_come_again(
    embedded: dict[str, str], kafka_prefix: str, tmp_path: Path
) -> None:
    """In bounded time; the same request is taken once it is back."""
    source = RandomRun(name="a", seed=6, length=2, chunks=(2, 4))
    with Cluster.start(tmp_path / "brokers") as cluster:
        settings = {**embedded, "kafka": cluster.bootstrap, "kafka_prefix": kafka_prefix}
        url = f"http://127.0.0.1:{settings['port']}"
        killed = _Killed(["serve"], settings)
        killed.start()
        try:
            asyncio.run(_sent(url, source, 1))
            cluster.brokers[0].stop()
            with httpx.Client(base_url=url, headers=bearer(Role.PRODUCER), timeout=60) as client:
                place = f"{INGEST}/runs/{source.run}/sources/a/one/lumisections/2/chunks"
                body = encode_batch(source.batches(2)[0])
                answer = client.put(f"{place}/0", content=body, headers=ARROW)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                assert client.get("/health").status_code == 200
            cluster.brokers[0].start()
            asyncio.run(_sent(url, source, 2))
        finally:
            killed.stop()
        found = asyncio.run(_filled(settings, source.length))
    for one in found:
        assert one.complete, one.account.lacking
        assert batch_fill(Layout(BOOKING), source.batches(one.key.lumisection)).equals(one.contents)


async def _sent(url: str, source: RandomRun, length: int) -> None:
    """Send the first LSs of a source, as a live one that goes on later."""
    part = replace(source, length=length, rereadable=False)
    async with httpx.AsyncClient(base_url=url, headers=bearer(Role.PRODUCER), timeout=60) as client:
        await send_over_http(client, part, seed=length, ends=length == source.length)


async def _filled(settings: Mapping[str, str], length: int) -> list[Merged]:
    async with _opened(settings) as log:
        booking_set = BookingSet([BOOKING], FoldSettings(partitions=PARTITIONS))
        return await fill_to_the_end(log, booking_set, length)
