"""The log on a Kafka cluster."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from dqmstream.clock import Clock
from dqmstream.errors import LogBorrowedError
from dqmstream.transport.kafka.connection import client_arguments, reach, tls_context
from dqmstream.transport.kafka.failures import translated
from dqmstream.transport.kafka.group_reader import KafkaGroupReader
from dqmstream.transport.kafka.identity import establish, known
from dqmstream.transport.kafka.internals import (
    know_topics,
    leave,
    look_again_for_coordinators,
    sticky_assignor,
)
from dqmstream.transport.kafka.noise import route_client_logs
from dqmstream.transport.kafka.reader import FETCH_ARGUMENTS, KafkaReader
from dqmstream.transport.kafka.sender import KafkaSender, KafkaStats
from dqmstream.transport.kafka.session import session_timeout
from dqmstream.transport.kafka.settings import KafkaSettings
from dqmstream.transport.kafka.topic_settings import largest_batch
from dqmstream.transport.kafka.topics import Topics
from dqmstream.transport.known_topics import KnownTopics
from dqmstream.transport.log import RebalanceCallback
from dqmstream.transport.reader import check_offset
from dqmstream.transport.record import Bounds, Outgoing
from dqmstream.transport.record import TopicPartition as Where
from dqmstream.transport.topic_spec import TopicSpec, check_message

__all__ = ["KafkaLog"]


class KafkaLog:
    """A log that brokers keep; opened by `open`, which see."""

    def __init__(
        self,
        settings: KafkaSettings,
        arguments: dict[str, Any],
        *,
        admin: AIOKafkaAdminClient,
        topics: Topics,
        lent: Topics,
        asker: AIOKafkaConsumer,
        sender: KafkaSender,
    ) -> None:
        self._settings = settings
        self._arguments = arguments
        self._admin = admin
        self._topics = topics
        self._lent = lent
        self._asker = asker
        self._sender = sender
        self._known = KnownTopics()
        self._ensured: set[str] = set()
        self._identity = ""
        self._making = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: KafkaSettings, *, clock: Clock | None = None, make: bool = True
    ) -> AsyncIterator[Self]:
        """Use the log of a cluster for the length of the block.

        Parameters
        ----------
        settings
            Where the brokers are, and who we are.
        clock
            Paces what is shown of the client's own log lines.
        make
            Make the log if there is none under this prefix; else that is an error, and nothing is
            written.

        Raises
        ------
        LogUnavailableError
            If no broker can be reached in time.
        LogError
            If the brokers refuse us, or what they offer is not accepted.
        ConfigurationError
            If a file of a certificate cannot be used.
        """
        route_client_logs(clock)
        tls = await asyncio.to_thread(tls_context, settings)
        await reach(settings, tls)
        arguments = client_arguments(settings, tls)
        failure: BaseException | None = None
        async with asyncio.TaskGroup() as tasks:
            try:
                async with AsyncExitStack() as stack:
                    log = await cls._start(settings, arguments, stack, tasks, make=make)
                    yield log
            except BaseException as error:
                failure = error  # kept from the task group, which would wrap it
        if failure is not None:
            raise failure

    @classmethod
    async def _start(
        cls,
        settings: KafkaSettings,
        arguments: dict[str, Any],
        stack: AsyncExitStack,
        tasks: asyncio.TaskGroup,
        *,
        make: bool,
    ) -> Self:
        admin = AIOKafkaAdminClient(**arguments, client_id="dqmstream-admin")
        stack.push_async_callback(admin.close)
        asker = AIOKafkaConsumer(**arguments, client_id="dqmstream-offsets")
        stack.push_async_callback(leave, asker)
        with translated("the Kafka cluster cannot be used"):
            async with asyncio.timeout(settings.connect_timeout):
                await admin.start()
                await asker.start()
        topics, lent = (
            Topics(
                admin,
                prefix=prefix,
                replication=settings.replication,
                timeout=settings.connect_timeout,
            )
            for prefix in (settings.prefix, settings.lender)
        )
        sender = KafkaSender(settings, arguments, tasks)
        stack.push_async_callback(sender.close)
        log = cls(
            settings, arguments, admin=admin, topics=topics, lent=lent, asker=asker, sender=sender
        )
        log._known |= await topics.find()
        if settings.borrowed:
            found = await lent.find()
            log._known |= {name: found[name] for name in settings.borrowed if name in found}
        log._identity = await (establish(log) if make else known(log))
        return log

    @property
    def identity(self) -> str:
        """See `Log.identity`."""
        return self._identity

    @property
    def stats(self) -> KafkaStats:
        """What became of what was sent: counts that go on."""
        return self._sender.stats

    @property
    def buffered_bytes(self) -> int:
        """Bytes of messages on their way to the brokers."""
        return self._sender.buffered_bytes

    # ------------------------------------------------------------------ topics

    async def ensure_topics(self, specs: Sequence[TopicSpec]) -> None:
        """See `Log.ensure_topics`."""
        borrowed = [spec for spec in specs if self._is_borrowed(spec.name)]
        async with self._making:
            # Before anything is made: a system that is not there has no candidates.
            found = await self._lent.require(borrowed) if borrowed else {}
            await self._topics.ensure([spec for spec in specs if spec.name not in found])
            self._known |= {spec.name: spec for spec in specs} | found
            self._ensured |= {spec.name for spec in specs}
            with translated("the partitions cannot be found"):
                async with asyncio.timeout(self._settings.request_timeout):
                    # No others that begin with our prefix: brokers may make what is asked for.
                    await know_topics(self._asker, [self._named(topic) for topic in self._ensured])

    def _is_borrowed(self, topic: str) -> bool:
        return topic in self._settings.borrowed

    def _named(self, topic: str) -> str:
        is_borrowed = self._is_borrowed(topic)
        return (self._settings.lender if is_borrowed else self._settings.prefix) + topic

    def there(self, where: Where) -> TopicPartition:
        """A partition as the brokers name it."""
        self._known.check(where)
        topic, partition = where
        return TopicPartition(self._named(topic), partition)

    def partitions(self, topic: str) -> int:
        """See `Log.partitions`."""
        return self._known[topic].partitions

    def max_message_bytes(self, topic: str) -> int:
        """See `Log.max_message_bytes`."""
        return self._known[topic].max_message_bytes

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """See `Log.bounds`."""
        there = self.there((topic, partition))
        with translated(f"the bounds of {topic} partition {partition} are not known"):
            async with asyncio.timeout(self._settings.request_timeout):
                start = await self._asker.beginning_offsets([there])
                end = await self._asker.end_offsets([there])
        return Bounds(start[there], end[there])

    # ----------------------------------------------------------------- sending

    async def send(self, messages: Sequence[Outgoing]) -> list[int]:
        """See `Log.send`.

        Raises
        ------
        LogUnavailableError
            If not all were acknowledged within `delivery_timeout`, or the broker gave up.
        LogError
            If a message cannot be taken.
        """
        for message in messages:
            if self._is_borrowed(message.topic):
                msg = (
                    f"{message.topic} belongs to the system {self._settings.lender!r}, which lends "
                    f"it to {self._settings.prefix!r}: it is read, and never written"
                )
                raise LogBorrowedError(msg)
            check_message(message, self._known[message.topic])
        return await self._sender.send(messages, self._lane) if messages else []

    def _lane(self, topic: str) -> tuple[str, int]:
        return self._named(topic), largest_batch(self._known[topic])

    # ----------------------------------------------------------------- reading

    @asynccontextmanager
    async def reader(self, positions: Mapping[Where, int]) -> AsyncIterator[KafkaReader]:
        """See `Log.reader`."""
        there = []
        for where, offset in positions.items():
            there.append(self.there(where))
            check_offset(where, offset)
        async with self._consumer(client_id="dqmstream-reader") as consumer:
            consumer.assign(there)
            reader = KafkaReader(self, consumer)
            await self._run(consumer)
            reader.begin(positions.items())
            try:
                yield reader
            finally:
                reader.close()

    @asynccontextmanager
    async def group(
        self,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        on_revoked: RebalanceCallback | None = None,
        on_assigned: RebalanceCallback | None = None,
    ) -> AsyncIterator[KafkaGroupReader]:
        """See `Log.group`."""
        names = {self._named(self._known[topic].name): topic for topic in topics}
        settings = self._settings
        rebalance = round(settings.rebalance_timeout * 1000)
        session = round(
            1000
            * await session_timeout(self._admin, settings.session_timeout, settings.request_timeout)
        )
        in_group = {
            "client_id": member,
            "group_id": self._settings.prefix + group,
            "session_timeout_ms": session,
            # members learn with it, too, that the group is being shared out anew
            "heartbeat_interval_ms": min(session // 6, 500),
            "rebalance_timeout_ms": rebalance,
            "max_poll_interval_ms": rebalance,
            # a broker answers a member that joins when all others have joined too
            "request_timeout_ms": max(self._arguments["request_timeout_ms"], rebalance + 5000),
            "partition_assignment_strategy": (sticky_assignor(),),
            # Brokers that have just started may not know a topic yet; whoever leads a group that
            # meets then shares out nothing, and only a later look has it meet again.
            "metadata_max_age_ms": 2000,
        }
        async with self._consumer(**in_group) as consumer:
            reader = KafkaGroupReader(
                self,
                consumer,
                names,
                timeout=settings.request_timeout,
                on_revoked=on_revoked,
                on_assigned=on_assigned,
            )
            await self._run(consumer)
            reader.join(list(names))
            try:
                yield reader
            finally:
                reader.close()

    @asynccontextmanager
    async def _consumer(self, **more: Any) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(**(self._arguments | FETCH_ARGUMENTS | more))
        look_again_for_coordinators(consumer)
        try:
            yield consumer
        finally:
            await leave(consumer)

    async def _run(self, consumer: AIOKafkaConsumer) -> None:
        with translated("the Kafka cluster cannot be read"):
            async with asyncio.timeout(self._settings.request_timeout):
                await consumer.start()
