"""Real brokers: killed, stopped, paused, cut off and started again; locked by TLS and SASL."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context

from playback.broker import Access, BrokerError, Cluster
from playback.broker.certificates import make_certificates

# Several Java processes start here, perhaps on a busy machine.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

_SECONDS = 100
_WRONG = "wrong"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One broker behind a proxy; every test leaves it running and reachable."""
    with Cluster.start(tmp_path_factory.mktemp("one"), proxied=True) as cluster:
        yield cluster


def _client(cluster: Cluster, access: Access | None = None) -> dict[str, Any]:
    """Arguments of every client of aiokafka."""
    access = access or cluster.access
    context = None
    if access.ca_file:
        context = create_ssl_context(
            cafile=access.ca_file,
            certfile=access.cert_file or None,
            keyfile=access.key_file or None,
        )
    return {
        "bootstrap_servers": cluster.bootstrap,
        "security_protocol": access.security.upper(),
        "ssl_context": context,
        "sasl_mechanism": access.mechanism,
        "sasl_plain_username": access.username or None,
        "sasl_plain_password": access.password or None,
    }


@asynccontextmanager
async def _started(folder: Path, **options: Any) -> AsyncIterator[Cluster]:
    """A cluster of this test's own, started and ended beside the event loop."""
    cluster = await asyncio.to_thread(Cluster.start, folder, **options)
    try:
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


async def _create(cluster: Cluster, topic: str, *, copies: int = 1) -> None:
    admin = AIOKafkaAdminClient(**_client(cluster))
    try:
        await admin.start()
        answer = await admin.create_topics([NewTopic(topic, 1, copies)])
        assert [error for _, error, *_ in answer.topic_errors] == [0]
    finally:
        await admin.close()


@asynccontextmanager
async def _producer(cluster: Cluster, access: Access | None = None) -> AsyncIterator[Any]:
    producer = AIOKafkaProducer(
        **_client(cluster, access), acks="all", enable_idempotence=True, request_timeout_ms=40_000
    )
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


async def _values(cluster: Cluster, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(**_client(cluster), auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic, 0)])
    try:
        await consumer.start()
        async with asyncio.timeout(_SECONDS):
            return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_what_was_acknowledged_is_there_after_a_kill_and_after_a_stop(
    cluster: Cluster, kafka_prefix: str
) -> None:
    topic, broker = f"{kafka_prefix}kept", cluster.brokers[0]
    await _create(cluster, topic)
    async with _producer(cluster) as producer:
        await producer.send_and_wait(topic, b"before the kill")
        first = broker.pid
        await asyncio.to_thread(broker.kill)
        assert broker.pid is None
        await asyncio.to_thread(broker.start)
        assert broker.pid not in {None, first}
        await producer.send_and_wait(topic, b"before the stop")
        await asyncio.to_thread(broker.stop)
        assert broker.pid is None
        await asyncio.to_thread(broker.start)
        await producer.send_and_wait(topic, b"after both")
    assert await _values(cluster, topic, 3) == [
        b"before the kill",
        b"before the stop",
        b"after both",
    ]


async def test_a_paused_broker_keeps_its_connections_and_says_nothing(
    cluster: Cluster, kafka_prefix: str
) -> None:
    topic, broker = f"{kafka_prefix}paused", cluster.brokers[0]
    await _create(cluster, topic)
    async with _producer(cluster) as producer:
        await producer.send_and_wait(topic, b"before")
        broker.pause()
        sent = await producer.send(topic, b"meanwhile")
        # That nothing comes can only be seen by waiting a while.
        done, _ = await asyncio.wait([sent], timeout=1)
        broker.resume()
        assert not done
        await asyncio.wait_for(sent, _SECONDS)
    assert await _values(cluster, topic, 2) == [b"before", b"meanwhile"]


async def test_clients_that_are_cut_off_come_back_when_it_is_mended(
    cluster: Cluster, kafka_prefix: str
) -> None:
    topic = f"{kafka_prefix}cut"
    await _create(cluster, topic)
    async with _producer(cluster) as producer:
        await producer.send_and_wait(topic, b"before")
        await asyncio.to_thread(cluster.cut)
        with pytest.raises(KafkaError):
            async with _producer(cluster):
                pass
        sent = await producer.send(topic, b"meanwhile")
        await asyncio.to_thread(cluster.mend)
        await asyncio.wait_for(sent, _SECONDS)
    assert await _values(cluster, topic, 2) == [b"before", b"meanwhile"]


def test_a_broker_that_runs_is_not_started_twice(cluster: Cluster) -> None:
    with pytest.raises(BrokerError, match=r"broker 1 runs already, as process \d+"):
        cluster.brokers[0].start()


async def test_two_of_three_brokers_take_and_give_records(
    tmp_path: Path, kafka_prefix: str
) -> None:
    async with _started(tmp_path, brokers=3) as cluster:
        topic = f"{kafka_prefix}copied"
        await _create(cluster, topic, copies=3)
        async with _producer(cluster) as producer:
            await producer.send_and_wait(topic, b"by three")
            await asyncio.to_thread(cluster.brokers[0].kill)
            await producer.send_and_wait(topic, b"by two")
            assert await _values(cluster, topic, 2) == [b"by three", b"by two"]
            await asyncio.to_thread(cluster.brokers[0].start)
            await producer.send_and_wait(topic, b"by three again")
        assert await _values(cluster, topic, 3) == [b"by three", b"by two", b"by three again"]
        with pytest.raises(BrokerError, match="proxied=True"):
            cluster.cut()


async def _refused(cluster: Cluster, access: Access) -> None:
    """A client with `access` does not get in."""
    with pytest.raises((KafkaError, OSError)):
        async with _producer(cluster, access):
            pass


async def test_tls_with_scram_lets_in_who_has_both_certificate_and_password(
    tmp_path: Path, kafka_prefix: str
) -> None:
    options = {"security": "sasl_ssl", "mechanism": "SCRAM-SHA-512", "client_certificates": True}
    async with _started(tmp_path, **options) as cluster:
        topic = f"{kafka_prefix}locked"
        await _create(cluster, topic)
        async with _producer(cluster) as producer:
            await producer.send_and_wait(topic, b"in")
        assert await _values(cluster, topic, 1) == [b"in"]
        good = cluster.access
        await _refused(cluster, replace(good, password=_WRONG))
        await _refused(cluster, replace(good, cert_file="", key_file=""))
        await _refused(cluster, replace(good, security="sasl_plaintext", ca_file=""))
        foreign = await asyncio.to_thread(make_certificates, tmp_path / "foreign", os.environ)
        await _refused(cluster, replace(good, ca_file=str(foreign.authority)))


async def test_a_plain_password_is_asked_for(tmp_path: Path, kafka_prefix: str) -> None:
    async with _started(tmp_path, security="sasl_plaintext") as cluster:
        await _create(cluster, f"{kafka_prefix}plain")
        await _refused(cluster, replace(cluster.access, password=_WRONG))
        await _refused(cluster, replace(cluster.access, security="plaintext"))


def test_a_broker_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"(?s)broker 1 is not running.*no\.such\.Authorizer"):
        Cluster.start(tmp_path, changes={"authorizer.class.name": "no.such.Authorizer"})


def test_a_wrong_property_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"(?s)broker 1: formatting.*num\.io\.threads"):
        Cluster.start(tmp_path, changes={"num.io.threads": "many"})


_COMMAND = [sys.executable, "-m", "playback.broker", "--"]


def test_a_command_runs_beside_a_broker_gets_its_signals_and_gives_the_status() -> None:
    script = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print(os.environ["DQMSTREAM_KAFKA"], flush=True)
signal.pause()
"""
    command = [*_COMMAND, sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"127.0.0.1:")
        process.terminate()
        assert process.wait(_SECONDS) == 7


def test_without_a_command_it_says_how_it_is_used() -> None:
    result = subprocess.run(_COMMAND, check=False, capture_output=True, text=True)
    assert result.returncode == 2
    assert "give either a command, after --, or --fetch" in result.stderr


def test_no_broker_outlives_the_process_that_started_it(tmp_path: Path) -> None:
    script = f"""
import pathlib, time
from playback.broker import Cluster
cluster = Cluster.start(pathlib.Path({str(tmp_path)!r}))
print(cluster.brokers[0].pid, flush=True)
time.sleep(1000)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        broker = int(parent.stdout.readline())
        assert b"kafka.Kafka" in _command_line(broker)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + _SECONDS
    while _command_line(broker) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _command_line(broker) == b""


def _command_line(process: int) -> bytes:
    """Of a running process; empty once it has ended, even if nobody has asked for its status."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
