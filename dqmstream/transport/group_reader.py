"""A member of a consumer group in this process."""

from collections.abc import Mapping
from typing import Protocol

from dqmstream.transport.groups import Membership
from dqmstream.transport.log import RebalanceCallback
from dqmstream.transport.reader import LocalReader, Source
from dqmstream.transport.record import TopicPartition

__all__ = ["GroupSource", "LocalGroupReader"]


class GroupSource(Source, Protocol):
    """What a member of a group asks of its log."""

    def committed_now(self, group: str, where: TopicPartition) -> int | None:
        """What a group committed last for a partition."""
        ...

    async def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Keep what a group commits."""
        ...

    def wake_readers(self) -> None:
        """Make every reader look what it may read now."""
        ...


class LocalGroupReader(LocalReader):
    """Reads the partitions its group gives it; the rebalance runs inside `read`.

    Parameters
    ----------
    source
        The log.
    membership
        The group, which this member has joined.
    member
        Its name in the group.
    on_revoked, on_assigned
        See `Log.group`.
    """

    def __init__(
        self,
        source: GroupSource,
        membership: Membership,
        member: str,
        *,
        on_revoked: RebalanceCallback | None,
        on_assigned: RebalanceCallback | None,
    ) -> None:
        super().__init__(source, {})
        self._log = source
        self._membership = membership
        self._member = member
        self._on_revoked = on_revoked
        self._on_assigned = on_assigned
        self._generation = 0

    @property
    def assignment(self) -> frozenset[TopicPartition]:
        """See `GroupReader.assignment`."""
        return frozenset(self._positions)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """See `GroupReader.commit`."""
        for where in offsets:
            self._check_assigned(where)
        await self._log.commit(self._membership.group, offsets)

    async def committed(self, topic: str, partition: int) -> int | None:
        """See `GroupReader.committed`."""
        return self._log.committed_now(self._membership.group, (topic, partition))

    async def _settled(self) -> bool:
        while self._generation != self._membership.generation:
            if not self._membership.entered(self._member):
                await self._give_up()
                self._membership.enter(self._member)
                self._log.wake_readers()
            share = self._membership.share(self._member)
            if share is None:
                return False
            await self._take_over(share)
        return True

    async def _give_up(self) -> None:
        if self._on_revoked and self.assignment:
            await self._on_revoked(self, self.assignment)
        self._assign({})

    async def _take_over(self, share: frozenset[TopicPartition]) -> None:
        """Begin to read a share; the generation counts once the callback has returned."""
        generation = self._membership.generation
        self._assign({where: self._begin(where) for where in share})
        if self._on_assigned and share:
            await self._on_assigned(self, share)
        self._generation = generation

    def _begin(self, where: TopicPartition) -> int:
        committed = self._log.committed_now(self._membership.group, where)
        return self._log.bounds_now(where).start if committed is None else committed
