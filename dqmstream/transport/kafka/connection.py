"""The first contact with a cluster: it answers, or a sentence says why not."""

import asyncio
import ssl
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from dqmstream.errors import ConfigurationError, LogError, LogUnavailableError
from dqmstream.transport.kafka.failures import described
from dqmstream.transport.kafka.settings import KafkaSettings

__all__ = ["client_arguments", "reach", "tls_context"]

_PAUSE = 0.2  # between two rounds over the servers
_REFUSED = (SaslAuthenticationFailed, IllegalSaslStateError)


def tls_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """What TLS connections trust and show; `None` without TLS. Reads files.

    Raises
    ------
    ConfigurationError
        If a file cannot be read or does not hold what it should.
    """
    if not settings.encrypts:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        msg = f"kafka ca_file {settings.ca_file} cannot be used: {error}"
        raise ConfigurationError(msg) from error
    if settings.cert_file:
        try:
            # A password callback, so that a locked key is an error and no question in a terminal.
            context.load_cert_chain(settings.cert_file, settings.key_file, password=lambda: "")
        except OSError as error:
            msg = (
                f"kafka cert_file {settings.cert_file} with key_file {settings.key_file} "
                f"cannot be used: {error}"
            )
            raise ConfigurationError(msg) from error
    return context


def client_arguments(settings: KafkaSettings, tls: ssl.SSLContext | None) -> dict[str, Any]:
    """What every client of aiokafka is told about the connection."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": list(settings.servers),
        "security_protocol": settings.security.upper(),
        "ssl_context": tls,
        "request_timeout_ms": round(settings.request_timeout * 1000),
        "retry_backoff_ms": 100,
        "metadata_max_age_ms": 60_000,
    }
    return arguments | _who(settings)


def _who(settings: KafkaSettings) -> dict[str, Any]:
    if not settings.logs_in:
        return {}
    return {
        "sasl_mechanism": settings.mechanism,
        "sasl_plain_username": settings.username,
        "sasl_plain_password": settings.password,
    }


async def reach(settings: KafkaSettings, tls: ssl.SSLContext | None) -> None:
    """Return once one of the servers has answered a request.

    aiokafka's own start keeps to itself why a server could not be used.

    Raises
    ------
    LogUnavailableError
        If none answers within `connect_timeout`: names the servers and the last reason of each.
    LogError
        If a server answers and refuses us: unknown authority, wrong host name, wrong password.
    """
    reasons: dict[str, str] = {}
    try:
        async with asyncio.timeout(settings.connect_timeout):
            while True:
                for server in settings.servers:
                    reason = await _ask(server, settings, tls)
                    if reason is None:
                        return
                    reasons[server] = reason
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        why = ", ".join(f"{s} ({reasons.get(s, 'no answer')})" for s in settings.servers)
        msg = f"no Kafka broker can be reached within {settings.connect_timeout:g} s: {why}"
        raise LogUnavailableError(msg) from None


async def _ask(server: str, settings: KafkaSettings, tls: ssl.SSLContext | None) -> str | None:
    """Ask one server for its cluster; the reason why it did not answer, if it may do so later."""
    host, _, port = server.rpartition(":")
    connection = None
    try:
        connection = await create_conn(
            host.strip("[]"),
            int(port),
            client_id="dqmstream",
            request_timeout_ms=round(settings.request_timeout * 1000),
            security_protocol=settings.security.upper(),
            ssl_context=tls,
            **_who(settings),
        )
        await connection.send(MetadataRequest([]))
    except ssl.SSLCertVerificationError as error:
        msg = f"Kafka broker {server}: its certificate is not accepted: {error.verify_message}"
        raise LogError(msg) from error
    except ssl.SSLError as error:
        msg = f"Kafka broker {server}: TLS failed ({error.reason}): does this port speak TLS?"
        raise LogError(msg) from error
    except UnsupportedSaslMechanismError as error:
        msg = f"Kafka broker {server} does not offer to log in with {settings.mechanism}"
        raise LogError(msg) from error
    except _REFUSED as error:
        msg = (
            f"Kafka broker {server} refuses user {settings.username!r} with "
            f"{settings.mechanism}: {described(error)}"
        )
        raise LogError(msg) from error
    except TimeoutError:
        return "no answer"
    except ConnectionResetError:
        return f"it closed the connection: does this port speak {settings.security}?"
    except OSError as error:
        return error.strerror or described(error)
    except KafkaError as error:
        return (
            f"it closed the connection, which it does when it expects another security than "
            f"{settings.security}: {described(error)}"
        )
    finally:
        if connection is not None:
            connection.close()
    return None
