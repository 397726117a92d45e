"""What the log in memory and the log in a folder have in common: topics, readers, groups."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Generic, TypeVar

from dqmstream.transport.commits import Commits, commit_messages
from dqmstream.transport.group_reader import LocalGroupReader
from dqmstream.transport.groups import Membership
from dqmstream.transport.known_topics import KnownTopics
from dqmstream.transport.log import RebalanceCallback
from dqmstream.transport.reader import LocalReader, check_offset
from dqmstream.transport.record import Bounds, Outgoing, TopicPartition
from dqmstream.transport.storage import Fetched, Storage
from dqmstream.transport.topic_spec import TopicSpec, check_message, check_unchanged

__all__ = ["LocalLog"]

S = TypeVar("S", bound=Storage)


class LocalLog(ABC, Generic[S]):
    """A log that lives in one process; the kinds differ in where partitions are kept.

    Parameters
    ----------
    identity
        Id of this log.
    """

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._topics = KnownTopics()
        self._storages: dict[TopicPartition, S] = {}
        self._commits: Commits = {}
        self._groups: dict[str, Membership] = {}
        self._readers: set[LocalReader] = set()
        self._making = asyncio.Lock()

    @abstractmethod
    async def _make(self, spec: TopicSpec) -> list[S]:
        """Make the partitions of a new topic."""

    @abstractmethod
    async def _append(self, messages: Sequence[Outgoing]) -> list[int]:
        """Append checked messages, and wake the readers."""

    @abstractmethod
    async def _keep(self, commits: Sequence[Outgoing]) -> None:
        """Keep messages of the partition `COMMITS` as durably as all others."""

    @abstractmethod
    async def fetch(
        self, where: TopicPartition, offset: int, max_records: int, max_bytes: int
    ) -> Fetched:
        """See `Source.fetch`."""

    @property
    def identity(self) -> str:
        """See `Log.identity`."""
        return self._identity

    async def ensure_topics(self, specs: Sequence[TopicSpec]) -> None:
        """See `Log.ensure_topics`."""
        async with self._making:
            for spec in specs:
                if spec.name in self._topics:
                    check_unchanged(self._topics[spec.name], spec)
            for spec in specs:
                if spec.name not in self._topics:
                    self._add(spec, await self._make(spec))

    def _add(self, spec: TopicSpec, storages: Sequence[S]) -> None:
        for partition, storage in enumerate(storages):
            self._storages[spec.name, partition] = storage
        self._topics[spec.name] = spec

    def partitions(self, topic: str) -> int:
        """See `Log.partitions`."""
        return self._topics[topic].partitions

    def max_message_bytes(self, topic: str) -> int:
        """See `Log.max_message_bytes`."""
        return self._topics[topic].max_message_bytes

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """See `Log.bounds`."""
        self._topics.check((topic, partition))
        return self.bounds_now((topic, partition))

    def bounds_now(self, where: TopicPartition) -> Bounds:
        """See `Source.bounds_now`."""
        storage = self._storages[where]
        return Bounds(storage.start, storage.end)

    async def send(self, messages: Sequence[Outgoing]) -> list[int]:
        """See `Log.send`."""
        for message in messages:
            check_message(message, self._topics[message.topic])
        return await self._append(messages) if messages else []

    def wake_readers(self) -> None:
        """Make every reader look what it may read now."""
        for reader in self._readers:
            reader.wake()

    @asynccontextmanager
    async def reader(self, positions: Mapping[TopicPartition, int]) -> AsyncIterator[LocalReader]:
        """See `Log.reader`."""
        for where, offset in positions.items():
            self._topics.check(where)
            check_offset(where, offset)
        with self._open(LocalReader(self, positions)) as reader:
            yield reader

    @contextmanager
    def _open(self, reader: LocalReader) -> Iterator[LocalReader]:
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)
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
    ) -> AsyncIterator[LocalGroupReader]:
        """See `Log.group`."""
        partitions = {topic: self.partitions(topic) for topic in topics}
        membership = self._groups.setdefault(group, Membership(group))
        membership.join(member, partitions)
        reader = LocalGroupReader(
            self, membership, member, on_revoked=on_revoked, on_assigned=on_assigned
        )
        try:
            with self._open(reader):
                self.wake_readers()
                yield reader
        finally:
            membership.leave(member)
            self.wake_readers()
            if not len(membership):
                del self._groups[group]

    async def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """See `GroupSource.commit`."""
        await self._keep(commit_messages(group, offsets))
        for where, offset in offsets.items():
            self._commits[group, *where] = offset

    def committed_now(self, group: str, where: TopicPartition) -> int | None:
        """See `GroupSource.committed_now`."""
        return self._commits.get((group, *where))
