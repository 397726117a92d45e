"""Which quality tests are in force: those activated last, else those it was started with."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import structlog

from dqmstream.configuration.history import QUALITY_TESTS
from dqmstream.errors import ConfigurationError
from dqmstream.quality.algorithm import Algorithm
from dqmstream.quality.declaration import QualityTest, read_tests
from dqmstream.transport.log import Log
from services.configuration.known import KnownHistory

__all__ = ["TestsInForce"]


class TestsInForce:
    """The quality tests in force.

    Parameters
    ----------
    log
        Where versions are published.
    started_with
        In force as long as none was activated.
    algorithms
        Those that a version can use. One that this process cannot read changes nothing.
    service
        Who reads, for the log of the process.
    """

    def __init__(
        self,
        log: Log,
        started_with: Sequence[QualityTest],
        algorithms: Mapping[str, Algorithm[Any]],
        service: str,
    ) -> None:
        self._known = KnownHistory(log, QUALITY_TESTS, service)
        self._started_with = tuple(started_with)
        self._algorithms = algorithms
        self._logger = structlog.get_logger().bind(service=service)
        self.tests: Sequence[QualityTest] = self._started_with

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """What is in force now is in `tests`; `news` has what comes after."""
        async with self._known.reading():
            if self._known.history.number:
                await self._choose()
            yield self

    async def news(self) -> bool:
        """Take in what has come, without waiting; whether `tests` are others now."""
        return await self._known.news() and await self._choose()

    async def _choose(self) -> bool:
        active, before = self._known.history.active, self.tests
        if active is None:
            self.tests = self._started_with
            self._logger.info("quality tests in force", count=len(self.tests))
            return self.tests != before
        name = f"version {active.number} of {QUALITY_TESTS}"
        try:
            self.tests = await asyncio.to_thread(read_tests, active.text, name, self._algorithms)
        except ConfigurationError as error:
            # It was read before it was activated: by a process with other plug-ins, or newer.
            self._logger.error("quality tests refused", error=str(error))
            return False
        self._logger.info("quality tests in force", count=len(self.tests), why=active.why)
        return self.tests != before
