"""A member of a consumer group: its rebalances run inside its own `read`."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError

from dqmstream.errors import LogError
from dqmstream.transport.kafka.failures import translated
from dqmstream.transport.kafka.internals import generation
from dqmstream.transport.kafka.reader import Cluster, KafkaReader
from dqmstream.transport.log import RebalanceCallback
from dqmstream.transport.record import TopicPartition as Where

__all__ = ["KafkaGroupReader"]

_LOOK = 1.0  # seconds between two looks whether the group's coordination failed


@dataclass(slots=True)
class _Change:
    """Something the group has told, which `read` acts on."""

    given: frozenset[TopicPartition] | None
    """The new share; `None` takes the old one away."""
    done: asyncio.Event = field(default_factory=asyncio.Event)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """Hands over what the group's coordination tells, from its task to the one that reads.

    Losing partitions waits for the reading task, however long: its signs of life go on meanwhile,
    and a group that will not wait puts it out, which it learns when it joins again. Being given
    partitions does not wait: aiokafka gives no signs of life in that callback.
    """

    def __init__(self, reader: "KafkaGroupReader") -> None:
        self._reader = reader

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        change = self._reader.told(None)
        if revoked:
            await change.done.wait()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._reader.told(frozenset(assigned))


class KafkaGroupReader(KafkaReader):
    """Reads the partitions that its group gives it.

    Parameters
    ----------
    cluster, consumer
        See `KafkaReader`.
    names
        The group's topics: name in the cluster, and as callers know it.
    timeout
        Seconds that the group's coordinator may take to answer.
    on_revoked, on_assigned
        See `Log.group`.
    """

    def __init__(
        self,
        cluster: Cluster,
        consumer: AIOKafkaConsumer,
        names: Mapping[str, str],
        *,
        timeout: float,
        on_revoked: RebalanceCallback | None,
        on_assigned: RebalanceCallback | None,
    ) -> None:
        super().__init__(cluster, consumer)
        self._names = names
        self._timeout = timeout
        self._on_revoked = on_revoked
        self._on_assigned = on_assigned
        self._held: frozenset[Where] = frozenset()
        self._changes: deque[_Change] = deque()
        self._joined = False

    def join(self, topics: Sequence[str]) -> None:
        """Become a member; `topics` as the brokers name them."""
        self._consumer.subscribe(topics, listener=_Listener(self))

    def told(self, given: frozenset[TopicPartition] | None) -> _Change:
        """The group has changed: a share was given, or is taken away."""
        self._joined = given is not None
        change = _Change(given)
        self._changes.append(change)
        self._wake()
        return change

    @property
    def assignment(self) -> frozenset[Where]:
        """See `GroupReader.assignment`."""
        return self._held

    async def commit(self, offsets: Mapping[Where, int]) -> None:
        """See `GroupReader.commit`."""
        for where in offsets:
            self._place(*where)
        if generation(self._consumer) < 1:
            raise self._lost(offsets)
        there = {self._cluster.there(where): offset for where, offset in offsets.items()}
        with translated("the group's offsets cannot be committed"):
            async with asyncio.timeout(self._timeout):
                try:
                    await self._consumer.commit(there)
                except (CommitFailedError, IllegalStateError) as error:
                    raise self._lost(offsets) from error

    def _lost(self, offsets: Mapping[Where, int]) -> LogError:
        named = ", ".join(f"{topic} partition {partition}" for topic, partition in sorted(offsets))
        return LogError(f"{named} cannot be committed: not assigned to this member any more")

    async def committed(self, topic: str, partition: int) -> int | None:
        """See `GroupReader.committed`."""
        there = self._cluster.there((topic, partition))
        with translated(f"the offset committed for {topic} partition {partition} is not known"):
            async with asyncio.timeout(self._timeout):
                offset: int | None = await self._consumer.committed(there)
                return offset

    async def _settled(self) -> bool:
        while self._changes:
            change = self._changes[0]
            if change.given is None:
                await self._give_up()
            else:
                await self._take_over(change.given)
            # Done only now: what was cancelled or failed half-way is done again by the next read.
            self._changes.popleft()
            change.done.set()
        return self._joined

    async def _give_up(self) -> None:
        if self._held and self._on_revoked:
            await self._on_revoked(self, self._held)
        self._held = frozenset()
        self._fetched.assign(())

    async def _take_over(self, given: frozenset[TopicPartition]) -> None:
        share = {(self._names[there.topic], there.partition) for there in given}
        self.begin([(where, await self._start(where)) for where in sorted(share)])
        self._held = frozenset(share)
        if share and self._on_assigned:
            await self._on_assigned(self, self._held)

    async def _start(self, where: Where) -> int:
        committed = await self.committed(*where)
        return (await self._cluster.bounds(*where)).start if committed is None else committed

    async def _wait_for_change(self, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        await super()._wait_for_change(min(deadline, loop.time() + _LOOK))
