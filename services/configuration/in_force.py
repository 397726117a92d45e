"""What is in force of one kind of configuration: what was activated last, else what was started
with."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, Self, TypeVar

import structlog

from dqmstream.errors import ConfigurationError
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.transport.log import Log
from services.configuration.known import KnownHistory

__all__ = ["ConfigurationInForce"]

Read = TypeVar("Read")


class ConfigurationInForce(Generic[Read]):
    """The newest version that this process can read.

    A version was read before it was activated: one that cannot be read here was activated by a
    process with other plug-ins, or by a newer one. It changes nothing, now or after a restart.

    Parameters
    ----------
    log
        Where versions are published.
    kind
        Of configuration.
    started_with
        In force as long as nothing was activated.
    read
        What a text says, from it and its name for messages; raises ConfigurationError. Called in
        a thread.
    service
        Who reads, for the log of the process.
    """

    def __init__(
        self,
        log: Log,
        kind: str,
        started_with: Read,
        read: Callable[[str, str], Read],
        service: str,
    ) -> None:
        self._known = KnownHistory(log, kind, service)
        self._started_with = started_with
        self._read = read
        self._kind = kind
        self._logger = structlog.get_logger().bind(service=service)
        self._turn = asyncio.Lock()
        self._refused: dict[tuple[int, str], str] = {}
        self.value: Read = started_with
        self.version: ConfigurationVersion | None = None
        """By which `value` is in force; None if nobody ever decided anything."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """What is in force now is in `value`; `news` has what comes after."""
        async with self._known.reading():
            await self._choose()
            yield self

    async def news(self) -> bool:
        """Take in what has come, without waiting; whether `value` is another now."""
        async with self._turn:
            return await self._known.news() and await self._choose()

    @property
    def number(self) -> int:
        """Of the version by which `value` is in force; 0 if there is none."""
        return 0 if self.version is None else self.version.number

    @property
    def said(self) -> str:
        """What is in force, in words, for those who ask why something has changed."""
        if self.version is None:
            return "what the process was started with"
        what = f"version {self.version.number} by {self.version.who}: {self.version.why}"
        return what if self.version.restores != 0 else f"what it was started with, {what}"

    @property
    def problem(self) -> tuple[int, str]:
        """Number of the newest version, and why it cannot be read; 0 and nothing if it can be."""
        versions = self._known.history.versions
        if not versions or versions[-1] == self.version:
            return 0, ""
        newest = versions[-1]
        return newest.number, self._refused.get((newest.number, newest.hash), "")

    async def _choose(self) -> bool:
        before = self.value
        for version in reversed(self._known.history.versions):
            if version == self.version:
                return False
            if version.restores == 0:
                self.value = self._started_with
            else:
                try:
                    name = self._name(version)
                    self.value = await asyncio.to_thread(self._read, version.text, name)
                except ConfigurationError as error:
                    self._refuse(version, str(error))
                    continue
            self.version = version
            self._logger.info("configuration in force", configuration=self._kind, why=self.said)
            return self.value != before
        return False

    def _refuse(self, version: ConfigurationVersion, problem: str) -> None:
        if (version.number, version.hash) not in self._refused:
            self._refused[version.number, version.hash] = problem
            self._logger.error("configuration refused", configuration=self._kind, error=problem)

    def _name(self, version: ConfigurationVersion) -> str:
        return f"version {version.number} of {self._kind}"
