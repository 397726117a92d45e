"""What aiokafka 0.14 does but does not offer in public, in one place.

Each of these is tried by the port's tests against a real broker, so a release of aiokafka that
moves them fails there.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from dqmstream.errors import LogError
from dqmstream.transport.heeded import Heeded
from dqmstream.transport.record import Outgoing

__all__ = [
    "CODECS",
    "Batch",
    "abandon",
    "check_running",
    "generation",
    "know_topics",
    "leave",
    "look_again_for_coordinators",
    "reading",
    "sticky_assignor",
]

CODECS: Final = {"none": 0, "gzip": 1, "snappy": 2, "zstd": 4}
_LEAVE_SECONDS: Final = 5.0


class Batch(BatchBuilder):  # type: ignore[misc] # aiokafka is untyped
    """A batch of one partition, of a size of its own, open until it leaves.

    Parameters
    ----------
    limit
        Bytes it may have before compression; one message is taken even when it is larger.
    compression
        See `KafkaSettings`.
    """

    def __init__(self, limit: int, compression: str) -> None:
        super().__init__(limit, CODECS[compression])
        self.attempts = 0
        """How often it was sent."""

    def take(self, message: Outgoing) -> bool:
        """Add a message, unless the batch is full or has left."""
        added = self.append(
            timestamp=None,
            key=message.key,
            value=message.value,
            headers=list(message.headers),
        )
        return added is not None

    def wire_bytes(self) -> int:
        """Bytes of the batch as it is sent, compressed; it takes no more messages then."""
        self.close()
        return len(self._build())

    def _set_producer_state(self, *state: Any, **named: Any) -> None:
        # From here on its messages have their sequence numbers, though it is built a moment later.
        self.close()
        super()._set_producer_state(*state, **named)

    def _build(self) -> Any:
        self.attempts += 1
        return super()._build()


def generation(consumer: AIOKafkaConsumer) -> int:
    """Generation of the group this consumer is a member of; below 1 if it is none."""
    number: int = consumer._coordinator.generation
    return number


def check_running(consumer: AIOKafkaConsumer) -> None:
    """Raise what the group's coordination has met.

    Raises
    ------
    LogError
        If a task of the consumer has ended, which it does only by an error of the client itself:
        it would be silent for ever.
    KafkaError
        If the group cannot be joined for now, or not at all.
    """
    coordination = getattr(consumer._coordinator, "_coordination_task", None)
    for task in (consumer._fetcher.error_future, coordination):
        if task is not None and task.done():
            why = None if task.cancelled() else task.exception()
            msg = f"the client has stopped reading: {why!r}"
            raise LogError(msg)
    consumer._coordinator.check_errors()


@contextmanager
def reading(consumer: AIOKafkaConsumer) -> Iterator[None]:
    """A block in which the consumer counts as reading: idle ones are put out of the group.

    aiokafka counts reads itself, but miscounts those that end with an error or are cancelled.
    """
    state = consumer._subscription
    state._fetch_count = 1
    try:
        yield
    finally:
        state._fetch_count = 0
        state._last_fetch_ended = time.monotonic()


async def know_topics(consumer: AIOKafkaConsumer, topics: list[str]) -> None:
    """Have the consumer know where the partitions of these topics are."""
    await consumer._client.set_topics(topics)


def look_again_for_coordinators(consumer: AIOKafkaConsumer) -> None:
    """Have a consumer look again for its group's coordinator while it knows no broker.

    A broker that has just started may name none, itself included. aiokafka asserts that there is
    one, and the task that failed by it would end for good.
    """
    client = consumer._client
    look_up = client.coordinator_lookup

    async def patient(kind: int, key: str) -> Any:
        if client.get_random_node() is None:
            raise GroupCoordinatorNotAvailableError
        return await look_up(kind, key)

    client.coordinator_lookup = patient


async def leave(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer promptly, whatever it is doing, and leave its group.

    `stop` alone waits for a rebalance to end that others may hold up. Where it cancels a task of
    its own that had not begun, it ends as if we were cancelled, which would end the service
    without a word.
    """
    heeded = Heeded()
    await asyncio.sleep(0)  # its tasks handle being cancelled only once they have begun
    coordinator = consumer._coordinator
    task = getattr(coordinator, "_coordination_task", None)
    if task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task])
    try:
        async with asyncio.timeout(_LEAVE_SECONDS):
            await consumer.stop()
    except (TimeoutError, KafkaError):
        await _cut(consumer._client)
    except asyncio.CancelledError:
        heeded.check()
        await _cut(consumer._client)
    heeded.check()


async def _cut(client: AIOKafkaClient) -> None:
    """Close all connections at once: a frozen broker would never take what is still to be sent."""
    for connection in list(client._conns.values()):
        if connection._writer is not None:
            connection._writer.transport.abort()
        connection.close()
    await client.close()


async def abandon(producer: AIOKafkaProducer, error: KafkaError) -> None:
    """End a producer without waiting for what it still has to send: that fails with `error`.

    `stop` alone waits until everything was sent. What is on its way is ended first, because
    aiokafka cannot put a batch back that has failed meanwhile.
    """
    client, sending = producer.client, producer._sender.sender_task
    if sending is not None:
        sending.cancel()
    await _cut(client)
    if client._md_update_fut is not None and not client._md_update_fut.done():
        client._md_update_fut.set_result(False)  # nobody else does once it is closed
    if sending is not None:
        await asyncio.wait([sending], timeout=_LEAVE_SECONDS)
    accumulator = producer._message_accumulator
    unsent = [batch for batches in accumulator._batches.values() for batch in batches]
    # Where aiokafka looks for those that were sent before, when they fail.
    accumulator._pending_batches |= {batch for batch in unsent if batch.retry_count}
    accumulator.fail_all(error)
    for batch in unsent:
        if batch._drain_waiter.done():
            batch._drain_waiter.exception()  # else asyncio complains that nobody asked for it
    await producer.stop()


def sticky_assignor() -> type[StickyPartitionAssignor]:
    """An assignor for one consumer: aiokafka keeps a member's last share on the class."""
    return type("MemberStickyAssignor", (StickyPartitionAssignor,), {})
