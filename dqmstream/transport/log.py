"""The port every service talks through: an append-only log of topics and partitions.

Each meaning here is one Apache Kafka has, so that the log in memory, the one in a folder and a
broker pass the same tests. What callers may rely on, and no more:

- Records of a partition come in the order of their offsets, which grow but may have gaps: offsets
  are compared, never counted.
- A record may be visible to readers before `send` returns. Once `send` returned it survives the
  death of the process.
- After a failed or cancelled `send` some of its records may be in the log: send them again.
- A compacted topic keeps at least the newest record of every key; a `None` value (tombstone) is
  kept for a while and then removed with its key. When the others go is the log's business.
- Any call that has to ask the log may raise LogUnavailableError while it is away. Calling again is
  right, and loses nothing; only what was sent may be in the log then, or not.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

from dqmstream.transport.record import Bounds, Outgoing, Record, TopicPartition
from dqmstream.transport.topic_spec import TopicSpec, check_message, check_unchanged

__all__ = [
    "READ_BYTES",
    "READ_RECORDS",
    "Bounds",
    "GroupReader",
    "Log",
    "Outgoing",
    "Reader",
    "RebalanceCallback",
    "Record",
    "TopicPartition",
    "TopicSpec",
    "check_message",
    "check_unchanged",
]

READ_RECORDS = 500
READ_BYTES = 4 * 1024 * 1024


class Reader(Protocol):
    """Reads partitions from given positions on; belongs to one task."""

    async def read(
        self,
        *,
        max_records: int = READ_RECORDS,
        max_bytes: int = READ_BYTES,
        timeout: float,
    ) -> list[Record]:
        """Next records, in offset order per partition and fair over partitions.

        Parameters
        ----------
        max_records, max_bytes
            Limits of the answer; one record is returned even when it is larger.
        timeout
            Seconds to wait for the first record; 0 takes what has arrived. A rebalance may take
            longer.

        Returns
        -------
        list of Record
            Empty after the timeout, or sooner when positions moved over a gap at the end of the
            log. Positions move past exactly what is returned; a cancelled call moves none.

        Raises
        ------
        OffsetExpiredError
            If a position is below what the log still keeps; nothing is reset in silence.
        LogIdentityError
            If a position is beyond the end: the position was taken on another, or longer, log.
        """
        ...

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """Go on reading at the first record whose offset is not below `offset`."""
        ...

    def position(self, topic: str, partition: int) -> int:
        """Offset that the next record read from this partition will not be below."""
        ...

    def pause(self, topic: str, partition: int) -> None:
        """Return nothing of this partition until `resume`, and keep its position."""
        ...

    def resume(self, topic: str, partition: int) -> None:
        """Undo `pause`; does nothing to a partition that is not paused."""
        ...


class GroupReader(Reader, Protocol):
    """A member of a consumer group: reads the partitions the group gives it."""

    @property
    def assignment(self) -> frozenset[TopicPartition]:
        """Partitions this member reads now.

        Nobody else in the group reads them, unless this member was silent for so long (frozen, cut
        off, not reading) that the group has put it out, which it learns when it reads again.
        """
        ...

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note durably where the group goes on reading after a restart.

        Raises
        ------
        LogError
            If a partition is not assigned to this member, or not any more.
        """
        ...

    async def committed(self, topic: str, partition: int) -> int | None:
        """What the group committed last for this partition, by whichever member."""
        ...


RebalanceCallback: TypeAlias = Callable[[GroupReader, frozenset[TopicPartition]], Awaitable[None]]


class Log(Protocol):
    """An append-only log of topics."""

    @property
    def identity(self) -> str:
        """Id of this log, drawn when it was made: offsets of one log mean nothing in another."""
        ...

    async def ensure_topics(self, specs: Sequence[TopicSpec]) -> None:
        """Create the topics that do not exist yet.

        Raises
        ------
        LogError
            If a topic exists with another setting: names topic, setting, found and wanted.
        """
        ...

    def partitions(self, topic: str) -> int:
        """Number of partitions of a topic; LogError for a topic nobody ensured."""
        ...

    def max_message_bytes(self, topic: str) -> int:
        """Largest `Outgoing.size` that a topic takes; LogError for a topic nobody ensured."""
        ...

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """First retained and next offset of a partition."""
        ...

    async def send(self, messages: Sequence[Outgoing]) -> list[int]:
        """Append messages and wait until they are acknowledged.

        Messages of one partition keep the order of the calls and their order in the call.

        Returns
        -------
        list of int
            The offsets given, in the order of `messages`.

        Raises
        ------
        LogError
            If a message cannot be taken (unknown topic or partition, too large, no key on a
            compacted topic): then nothing of this call was written.
        LogUnavailableError
            If writing failed (disk full, broker gone, no answer in time): then some of it may be in
            the log, and sending again is safe for readers that recognise repeats.
        """
        ...

    def reader(
        self, positions: Mapping[TopicPartition, int]
    ) -> AbstractAsyncContextManager[Reader]:
        """Read the given partitions from the given offsets, outside of any group."""
        ...

    def group(
        self,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        on_revoked: RebalanceCallback | None = None,
        on_assigned: RebalanceCallback | None = None,
    ) -> AbstractAsyncContextManager[GroupReader]:
        """Join a consumer group for the length of the block.

        Rebalances are eager: when a member joins or leaves, every member first loses all of its
        partitions (`on_revoked` is awaited, and may still commit), and only when all have done so
        are partitions given out again (`on_assigned` is awaited, and may seek). A new partition
        stands at the committed offset, else at the start of the log.

        Callbacks run while the member reads, and must not read themselves. An error of theirs comes
        out of `read`, and they run again when it is called again, before anything is read. A member
        that does not read holds the others up, for as long as the log has patience. Leaving the
        block leaves the group without a callback.

        Parameters
        ----------
        group
            Name the commits are kept under.
        topics
            Topics whose partitions the group shares out.
        member
            Name of this member, unique in the group.
        on_revoked, on_assigned
            Awaited with the reader and the partitions; never with none of them.
        """
        ...
