"""Sending: an idempotent producer, replaced when it has failed, and a bounded buffer before it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from dqmstream.errors import LogError, LogUnavailableError
from dqmstream.transport.heeded import Heeded
from dqmstream.transport.kafka.failures import described, refusals
from dqmstream.transport.kafka.internals import Batch, abandon
from dqmstream.transport.kafka.lane import Call, Entry, Lane
from dqmstream.transport.kafka.room import Room
from dqmstream.transport.kafka.settings import KafkaSettings
from dqmstream.transport.record import Outgoing, TopicPartition

__all__ = ["KafkaSender", "KafkaStats"]

_BATCH_BYTES = 1024 * 1024
_RESTART_PAUSE = 0.2


@dataclass(slots=True)
class KafkaStats:
    """What became of what was sent, since the log was opened.

    Parameters
    ----------
    acknowledged, acknowledged_bytes
        Messages the brokers have confirmed, and their size: key + value + headers.
    failed
        Messages whose fate is unknown: `send` raised.
    retried
        Batches sent again because an answer was missing or asked for it.
    producers
        Producers started; more than one means that one failed.
    """

    acknowledged: int = 0
    acknowledged_bytes: int = 0
    failed: int = 0
    retried: int = 0
    producers: int = 0


class KafkaSender:
    """Sends messages, a lane for each partition.

    A batch of a partition is on its way while the next one waits behind it, and a third is filled.
    When anything fails for good the producer is given up with all that it has to send: its
    sequence numbers have a hole, and its fate is unknown.

    Parameters
    ----------
    settings, arguments
        Patience and bounds, and what the client is told of the connection.
    tasks
        Where the lanes live.
    """

    def __init__(
        self, settings: KafkaSettings, arguments: dict[str, Any], tasks: asyncio.TaskGroup
    ) -> None:
        self.stats = KafkaStats()
        self._settings = settings
        self._arguments = arguments
        self._tasks = tasks
        self._room = Room(settings.buffer_bytes)
        self._lanes: dict[TopicPartition, Lane] = {}
        self._pumps: set[asyncio.Task[None]] = set()
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._why = ""
        self._closed = False
        self._logger = structlog.get_logger()

    @property
    def buffered_bytes(self) -> int:
        """Bytes of messages on their way."""
        return self._room.taken

    async def send(
        self, messages: Sequence[Outgoing], place: Callable[[str], tuple[str, int]]
    ) -> list[int]:
        """Send checked messages; `place` gives a topic's name in the cluster and its batch limit.

        Raises
        ------
        LogUnavailableError
            If they were not all acknowledged in time: some may be in the log.
        LogError
            If the brokers refuse us.
        """
        size = sum(message.size() for message in messages)
        call = Call(len(messages), lambda: self._room.give(size))
        admitted = False
        try:
            async with asyncio.timeout(self._settings.delivery_timeout):
                await self._room.take(size)
                admitted = True
                self._admit(call, messages, place)
                await call.done
        except TimeoutError:
            why = f" ({self._why})" if self._why else ""
            msg = (
                f"{len(messages)} messages to {messages[0].topic} were not acknowledged within "
                f"{self._settings.delivery_timeout:g} s{why}"
            )
            error = LogUnavailableError(msg)
            if admitted:
                self._give_up(self._producer, error)
            raise error from None
        return call.offsets

    def _admit(
        self,
        call: Call,
        messages: Sequence[Outgoing],
        place: Callable[[str], tuple[str, int]],
    ) -> None:
        if self._closed:
            call.failed(LogError("the log is closed"))
            return
        for index, message in enumerate(messages):
            where = (message.topic, message.partition)
            lane = self._lanes.get(where) or self._open_lane(where, place(message.topic))
            lane.add((call, index, message))

    def _open_lane(self, where: TopicPartition, place: tuple[str, int]) -> Lane:
        topic, limit = place
        lane = Lane(topic, where[1], min(limit, _BATCH_BYTES), self._settings.compression)
        self._lanes[where] = lane
        pump = self._start(self._pump(lane), f"send to {topic}/{where[1]}")
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        return lane

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return self._tasks.create_task(work, name=name)

    # --------------------------------------------------------------------- out

    async def _pump(self, lane: Lane) -> None:
        """Hand batch after batch of a lane to the producer, which holds one back at a time."""
        while True:
            await lane.filled.wait()
            try:
                producer = await self._started()
            except LogError as error:
                self._give_up(None, error)
                return
            batch, entries = lane.pack()
            sent = await self._handed_over(producer, lane, batch)
            if sent is None:
                return
            sent.add_done_callback(partial(self._delivered, producer, batch, entries))

    async def _handed_over(
        self, producer: AIOKafkaProducer, lane: Lane, batch: Batch
    ) -> "asyncio.Future[Any] | None":
        while True:
            try:
                sent: asyncio.Future[Any] = await producer.send_batch(
                    batch, lane.topic, partition=lane.partition
                )
            except (KafkaError, AssertionError) as error:
                # aiokafka asserts that the partition is one it knows of
                if isinstance(error, KafkaTimeoutError) or getattr(error, "retriable", False):
                    self._why = described(error)
                    await asyncio.sleep(_RESTART_PAUSE)
                    continue
                self._give_up(producer, self._unknown(f"{lane.topic}/{lane.partition}", error))
                return None
            else:
                return sent

    async def _started(self) -> AIOKafkaProducer:
        """The producer, started if there is none; tries for as long as anybody waits."""
        heeded = Heeded()
        async with self._starting:
            while self._producer is None:
                heeded.check()  # `abandon` may have swallowed it: nobody waits any more
                producer = AIOKafkaProducer(
                    **self._arguments,
                    acks="all",
                    enable_idempotence=True,
                    max_batch_size=_BATCH_BYTES,
                    linger_ms=0,
                )
                try:
                    await producer.start()
                except refusals as error:
                    await abandon(producer, error)
                    msg = f"the brokers refuse to take messages: {described(error)}"
                    raise LogError(msg) from error
                except (KafkaError, OSError) as error:
                    await abandon(producer, KafkaError())
                    self._why = described(error)
                    await asyncio.sleep(_RESTART_PAUSE)
                except BaseException:
                    await abandon(producer, KafkaError())
                    raise
                else:
                    self._producer = producer
                    self.stats.producers += 1
            return self._producer

    # ------------------------------------------------------------------- fates

    def _delivered(
        self,
        producer: AIOKafkaProducer,
        batch: Batch,
        entries: Sequence[Entry],
        sent: "asyncio.Future[Any]",
    ) -> None:
        self.stats.retried += max(0, batch.attempts - 1)
        where = f"{entries[0][2].topic} partition {entries[0][2].partition}"
        error = KafkaError("cancelled") if sent.cancelled() else sent.exception()
        if error is not None:
            reason = self._unknown(where, error)
            self._fail(entries, reason)
            self._give_up(producer, reason)
            return
        base = sent.result().offset
        if base < 0:  # it was written before, but the broker does not remember where
            self._fail(entries, self._unknown(where, KafkaError("repeated, at unknown offsets")))
            return
        for index, (call, position, message) in enumerate(entries):
            call.acknowledged(position, base + index)
            self.stats.acknowledged_bytes += message.size()
        self.stats.acknowledged += len(entries)

    def _unknown(self, where: str, error: BaseException) -> LogError:
        kind = LogError if isinstance(error, refusals) else LogUnavailableError
        return kind(f"{where}: sending failed, some of it may be written: {described(error)}")

    def _fail(self, entries: Sequence[Entry], error: LogError) -> None:
        self.stats.failed += sum(call.failed(error) for call, _, _ in entries)

    def _give_up(self, producer: AIOKafkaProducer | None, error: LogError) -> None:
        """Fail all that is on its way, unless another producer has it by now."""
        if producer is not self._producer:
            return
        self._producer = None
        self._clear(error)
        if producer is not None:
            self._logger.warning("kafka_producer_replaced", why=str(error))
            self._start(abandon(producer, KafkaError(str(error))), "abandon producer")

    def _clear(self, error: LogError) -> None:
        lanes, self._lanes = self._lanes, {}
        for lane in lanes.values():
            self._fail(lane.drain(), error)
        for pump in list(self._pumps):
            pump.cancel()

    async def close(self) -> None:
        """End; what nobody waits for any more may be lost."""
        self._closed = True
        error = LogError("the log is closed")
        producer, self._producer = self._producer, None
        self._clear(error)
        if producer is not None:
            await abandon(producer, KafkaError(str(error)))
