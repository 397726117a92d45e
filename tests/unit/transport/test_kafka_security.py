"""Brokers that ask for TLS and a login: who is let in, and what the others are told."""

import asyncio
import re
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dqmstream.errors import ConfigurationError, LogError, LogUnavailableError
from dqmstream.transport.kafka import KafkaLog, KafkaSettings
from dqmstream.transport.log import Outgoing, TopicSpec
from playback.broker import Cluster

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

LONG = 60.0
WRONG = "wrong-horse"
# Within it a broker has answered once, and is asked again: it is waited for to the end.
LAST_REASON = 6.0


@asynccontextmanager
async def started(folder, **options):
    cluster = await asyncio.to_thread(Cluster.start, folder, **options)
    try:
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


def settings(cluster, **changes):
    access = cluster.access
    files = {name: getattr(access, name) for name in ("ca_file", "cert_file", "key_file")}
    given = {
        "servers": tuple(cluster.bootstrap.split(",")),
        "security": access.security,
        "mechanism": access.mechanism,
        "username": access.username,
        "password": access.password,
        "connect_timeout": 60.0,
    }
    given |= {name: Path(file) if file else None for name, file in files.items()}
    return KafkaSettings(**(given | changes))


async def check_works(settings):
    """Send, read and commit: every kind of connection."""
    async with KafkaLog.open(settings) as log:
        await log.ensure_topics([TopicSpec(name="t", partitions=1)])
        await log.send([Outgoing(topic="t", partition=0, value=b"in")])
        async with log.group("g", ["t"], member="a") as member, asyncio.timeout(LONG):
            records = await member.read(timeout=LONG)
            assert {record.value for record in records} == {b"in"}
            await member.commit({("t", 0): records[-1].offset + 1})


async def check_refused(settings, said, error=LogError):
    with pytest.raises(error, match=said) as refused:
        async with KafkaLog.open(settings):
            pass
    assert WRONG not in str(refused.value)


async def test_tls_lets_in_who_trusts_the_authority_and_shows_a_certificate(tmp_path):
    async with started(tmp_path, security="ssl", client_certificates=True) as cluster:
        good = settings(cluster)
        await check_works(good)
        (server,) = good.servers
        await check_refused(
            settings(cluster, ca_file=None), f"{server}: its certificate is not accepted: .*issuer"
        )
        elsewhere = server.replace("127.0.0.1", "127.1")
        await check_refused(
            settings(cluster, servers=(elsewhere,)),
            rf"{re.escape(elsewhere)}: its certificate is not accepted: .*127\.1",
        )
        await check_refused(
            settings(cluster, cert_file=None, key_file=None, connect_timeout=LAST_REASON),
            f"{server} .*certificate",
        )
        await check_refused(
            KafkaSettings(servers=good.servers, connect_timeout=LAST_REASON),
            f"{server} .*another security than plaintext",
            LogUnavailableError,
        )
        await check_refused(
            settings(cluster, ca_file=tmp_path / "none.pem"),
            "ca_file .*none.pem",
            ConfigurationError,
        )
        await check_refused(
            settings(cluster, key_file=good.ca_file),
            "key_file .*cannot be used",
            ConfigurationError,
        )


@pytest.mark.parametrize(
    ("security", "mechanism", "other"),
    [
        ("sasl_plaintext", "PLAIN", "SCRAM-SHA-256"),
        ("sasl_plaintext", "SCRAM-SHA-256", "PLAIN"),
        ("sasl_ssl", "SCRAM-SHA-512", "SCRAM-SHA-256"),
    ],
)
async def test_a_login_lets_in_who_knows_the_password(tmp_path, security, mechanism, other):
    async with started(tmp_path, security=security, mechanism=mechanism) as cluster:
        good = settings(cluster)
        await check_works(good)
        (server,) = good.servers
        said = f"{server} refuses user '{good.username}' with {mechanism}: .*uthentication failed"
        await check_refused(settings(cluster, password=WRONG), said)
        await check_refused(
            settings(cluster, username="nobody"), f"{server} refuses user 'nobody' with {mechanism}"
        )
        await check_refused(
            settings(cluster, mechanism=other), f"{server} does not offer to log in with {other}"
        )
        anonymous = {"security": security.removeprefix("sasl_"), "username": "", "password": ""}
        if security == "sasl_plaintext":
            anonymous["security"] = "plaintext"
        await check_refused(
            settings(cluster, **anonymous, connect_timeout=LAST_REASON),
            f"{server} .*another security than {anonymous['security']}",
            LogUnavailableError,
        )


async def test_tls_to_a_port_without_it_is_said(kafka):
    (server, *_) = kafka.split(",")
    wrong = KafkaSettings(servers=(server,), security="ssl", connect_timeout=LAST_REASON)
    await check_refused(wrong, f"{server} .*does this port speak ssl", LogUnavailableError)
