"""What the log asks of the place where one partition is kept."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from dqmstream.transport.log import Outgoing, Record

__all__ = ["Fetched", "Storage"]


class Fetched(NamedTuple):
    """Records of one partition, and the offset to go on at: it may lie behind a gap."""

    records: list[Record]
    following: int


class Storage(Protocol):
    """One partition: appended to by one thread, read by many. Every call may block.

    `start` and `end` are the bounds of the log's port; reading them never blocks.
    """

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...

    def append(self, messages: Sequence[Outgoing], timestamp: int) -> list[Record]:
        """Keep messages as the next records; a LogError leaves the partition consistent."""
        ...

    def read(self, offset: int, max_records: int, max_bytes: int) -> Fetched:
        """Records from `offset` on, at least one if there is any.

        Raises
        ------
        OffsetExpiredError
            If `offset` is below `start`.
        """
        ...
