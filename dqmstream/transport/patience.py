"""Trying again: how services live through a log, or a store, that is away for a while.

In one place, so that services read as if nothing ever failed. What a log refuses for good (another
log, an unknown topic, a message too large) is never tried again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from dqmstream.errors import DqmError, LogUnavailableError
from dqmstream.transport.heeded import Heeded
from dqmstream.transport.log import (
    READ_BYTES,
    READ_RECORDS,
    Bounds,
    GroupReader,
    Log,
    Outgoing,
    Reader,
    RebalanceCallback,
    Record,
    TopicPartition,
    TopicSpec,
)

__all__ = ["PACE", "Pace", "PatientLog", "insist"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Seconds before the second try, and at most between later ones, which double.

    `tries` ends it: the last error is raised. None goes on for ever.
    """

    first: float = 0.2
    most: float = 5.0
    tries: int | None = None


PACE: Final = Pace()


async def insist(
    attempt: Callable[[], Awaitable[T]],
    problem: str,
    *,
    errors: tuple[type[DqmError], ...] = (LogUnavailableError,),
    pace: Pace = PACE,
    on_failure: Callable[[], None] | None = None,
) -> T:
    """Try until it is not refused any more.

    Parameters
    ----------
    attempt
        Called for each try; trying again must be harmless.
    problem
        What cannot be done, for the log line of each failure.
    errors
        What is worth another try; others are raised at once.
    on_failure
        Called after each failure.
    """
    wait = pace.first
    failures = 0
    heeded = Heeded()
    while True:
        try:
            result = await attempt()
        except errors as error:
            heeded.check()
            failures += 1
            if on_failure is not None:
                on_failure()
            if failures == pace.tries:
                raise
            structlog.get_logger().error(problem, error=str(error), next_try_in=wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, pace.most)
        else:
            if failures:
                structlog.get_logger().warning(f"{problem}: now it works", failures=failures)
            return result


class PatientLog:
    """A log behind which another one may be away: calls wait until it is back.

    Sending again is harmless by the protocol: readers replace by key, and recognise repeats. While
    a call waits its service stands still, reads nothing, and so loses nothing.
    """

    def __init__(self, log: Log, pace: Pace = PACE) -> None:
        self._log = log
        self._pace = pace

    async def _insist(self, attempt: Callable[[], Awaitable[T]], problem: str) -> T:
        return await insist(attempt, problem, pace=self._pace)

    @property
    def identity(self) -> str:
        """See `Log.identity`."""
        return self._log.identity

    async def ensure_topics(self, specs: Sequence[TopicSpec]) -> None:
        """See `Log.ensure_topics`."""
        await self._insist(lambda: self._log.ensure_topics(specs), "topics cannot be checked")

    def partitions(self, topic: str) -> int:
        """See `Log.partitions`."""
        return self._log.partitions(topic)

    def max_message_bytes(self, topic: str) -> int:
        """See `Log.max_message_bytes`."""
        return self._log.max_message_bytes(topic)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """See `Log.bounds`."""
        return await self._insist(
            lambda: self._log.bounds(topic, partition), f"bounds of {topic} cannot be read"
        )

    async def send(self, messages: Sequence[Outgoing]) -> list[int]:
        """See `Log.send`."""
        topics = " and ".join(sorted({message.topic for message in messages}))
        return await self._insist(lambda: self._log.send(messages), f"{topics} cannot be written")

    @asynccontextmanager
    async def reader(self, positions: Mapping[TopicPartition, int]) -> AsyncIterator[Reader]:
        """See `Log.reader`."""
        async with AsyncExitStack() as stack:
            inner = await self._entered(stack, lambda: self._log.reader(positions), "reading")
            yield _PatientReader(inner, self._pace)

    @asynccontextmanager
    async def group(
        self,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        on_revoked: RebalanceCallback | None = None,
        on_assigned: RebalanceCallback | None = None,
    ) -> AsyncIterator[GroupReader]:
        """See `Log.group`."""

        def join() -> AbstractAsyncContextManager[GroupReader]:
            return self._log.group(
                group,
                topics,
                member=member,
                on_revoked=self._called_with_patience(on_revoked),
                on_assigned=self._called_with_patience(on_assigned),
            )

        async with AsyncExitStack() as stack:
            inner = await self._entered(stack, join, f"group {group}")
            yield _PatientGroupReader(inner, self._pace)

    async def _entered(
        self,
        stack: AsyncExitStack,
        begin: Callable[[], AbstractAsyncContextManager[T]],
        what: str,
    ) -> T:
        return await self._insist(
            lambda: stack.enter_async_context(begin()), f"{what} cannot begin"
        )

    def _called_with_patience(self, callback: RebalanceCallback | None) -> RebalanceCallback | None:
        if callback is None:
            return None

        async def call(reader: GroupReader, places: frozenset[TopicPartition]) -> None:
            await callback(_PatientGroupReader(reader, self._pace), places)

        return call


class _PatientReader:
    """See `Reader`."""

    def __init__(self, reader: Reader, pace: Pace) -> None:
        self._reader = reader
        self._pace = pace

    async def read(
        self,
        *,
        max_records: int = READ_RECORDS,
        max_bytes: int = READ_BYTES,
        timeout: float,
    ) -> list[Record]:
        return await insist(
            lambda: self._reader.read(
                max_records=max_records, max_bytes=max_bytes, timeout=timeout
            ),
            "nothing can be read",
            pace=self._pace,
        )

    def seek(self, topic: str, partition: int, offset: int) -> None:
        self._reader.seek(topic, partition, offset)

    def position(self, topic: str, partition: int) -> int:
        return self._reader.position(topic, partition)

    def pause(self, topic: str, partition: int) -> None:
        self._reader.pause(topic, partition)

    def resume(self, topic: str, partition: int) -> None:
        self._reader.resume(topic, partition)


class _PatientGroupReader(_PatientReader):
    """See `GroupReader`."""

    _reader: GroupReader

    @property
    def assignment(self) -> frozenset[TopicPartition]:
        return self._reader.assignment

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Not tried again: a commit is only a shorter way back, and the partition may be lost."""
        await self._reader.commit(offsets)

    async def committed(self, topic: str, partition: int) -> int | None:
        return await insist(
            lambda: self._reader.committed(topic, partition),
            "commits cannot be read",
            pace=self._pace,
        )
