"""What the client's errors mean to whoever uses the log."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    ConsumerStoppedError,
    GroupAuthorizationFailedError,
    IllegalOperation,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedVersionError,
)

from dqmstream.errors import LogError, LogUnavailableError
from dqmstream.transport.heeded import Heeded

__all__ = ["described", "refusals", "translated"]

refusals = (
    TopicAuthorizationFailedError,
    GroupAuthorizationFailedError,
    ClusterAuthorizationFailedError,
    SaslAuthenticationFailed,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnsupportedVersionError,
)
"""Errors that trying again does not help."""


def described(error: BaseException) -> str:
    """One line about an error, also where its own text is empty, and about what caused it."""
    name = type(error).__name__
    text = str(error).strip() or (type(error).__doc__ or "").strip().partition("\n")[0]
    text = text if text.startswith(name) else f"{name}: {text}".rstrip(": ")
    return f"{text}; {described(error.__cause__)}" if error.__cause__ else text


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise the client's errors as ours: "`what`: why".

    A cancellation that the client has swallowed meanwhile is raised instead: see `Heeded`.
    """
    heeded = Heeded()
    try:
        with _as_ours(what):
            yield
    finally:
        heeded.check()


@contextmanager
def _as_ours(what: str) -> Iterator[None]:
    try:
        yield
    except refusals as error:
        msg = f"{what}: {described(error)}"
        raise LogError(msg) from error
    except TimeoutError as error:
        msg = f"{what}: no answer in time"
        raise LogUnavailableError(msg) from error
    except (KafkaError, OSError, ConsumerStoppedError, IllegalOperation) as error:
        msg = f"{what}: {described(error)}"
        raise LogUnavailableError(msg) from error
