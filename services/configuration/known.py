"""`dqm.configuration` in memory: the history of one kind, or what else versions are folded to."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

import structlog

from dqmstream.configuration.history import History
from dqmstream.errors import MessageError
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import COMMANDS, CONFIGURATION
from dqmstream.messages.wire import CODEC
from dqmstream.transport.followed import FollowedTopic
from dqmstream.transport.log import Log, Outgoing, Record
from dqmstream.transport.outgoing import outgoing

__all__ = ["KnownHistory", "KnownVersions", "version_records"]


class KnownVersions:
    """The topic as far as it was read.

    Parameters
    ----------
    log
        Where versions are published.
    take
        Whether a record's version is news, from its key; None for one that is no more.
    service
        Who reads, for the log of the process.
    """

    def __init__(
        self, log: Log, take: Callable[[str, ConfigurationVersion | None], bool], service: str
    ) -> None:
        self._topic = FollowedTopic(log, CONFIGURATION)
        self._take_version = take
        self._logger = structlog.get_logger().bind(service=service)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """All that is in the log now is known; `news` has what comes after."""
        async with self._topic.reading(self._take):
            yield self

    async def news(self, timeout: float = 0.0) -> bool:
        """Take in what has come, waiting so long for the first of it; whether anything has."""
        came = False
        async for record in self._topic.news(timeout):
            came |= self._take(record)
        return came

    def _take(self, record: Record) -> bool:
        key = (record.key or b"").decode(errors="replace")
        if record.value is None:
            return self._take_version(key, None)
        try:
            message = CODEC.decode(record.headers, record.value)
        except MessageError as error:
            self._logger.error(
                "record refused", topic=record.topic, offset=record.offset, error=str(error)
            )
            return False
        return isinstance(message, ConfigurationVersion) and self._take_version(key, message)


class KnownHistory(KnownVersions):
    """The history of a kind as far as it was read.

    Parameters
    ----------
    kind
        Of configuration.
    """

    def __init__(self, log: Log, kind: str, service: str) -> None:
        super().__init__(log, self._take_history, service)
        self.history = History(kind)

    def _take_history(self, _: str, version: ConfigurationVersion | None) -> bool:
        return version is not None and self.history.take(version)


def version_records(
    version: ConfigurationVersion, action: str, key: str | None = None
) -> list[Outgoing]:
    """The record of who decided, why and when; and the version that this puts in force.

    Parameters
    ----------
    key
        Of the version's record, if it is not kind, number and hash.
    """
    subject = f"configuration/{version.kind}"
    arguments = {"number": str(version.number), "hash": version.hash}
    if version.restores is not None:
        arguments["restores"] = str(version.restores)
    command = Command(
        subject=subject,
        action=action,
        who=version.who,
        why=version.why,
        when=version.when,
        arguments=arguments,
    )
    key = key or f"{version.kind}/{version.number}/{version.hash}"
    return [
        outgoing(COMMANDS, 0, command, subject.encode()),
        outgoing(CONFIGURATION, 0, version, key.encode()),
    ]
