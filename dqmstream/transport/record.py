"""A message before and after the log has it."""

from typing import NamedTuple, TypeAlias

import msgspec

__all__ = ["Bounds", "Outgoing", "Record", "TopicPartition"]

TopicPartition: TypeAlias = tuple[str, int]


class Outgoing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message to append; `value` `None` is a tombstone for `key`."""

    topic: str
    partition: int
    key: bytes | None = None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    def size(self) -> int:
        """Bytes of key, value and headers together: what `max_message_bytes` limits."""
        headers = sum(len(name.encode()) + len(value) for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


class Record(msgspec.Struct, frozen=True, gc=False):
    """A message as the log holds it.

    `timestamp` is the wall clock of the log when it was appended, nanoseconds since 1970; it dates
    the message, never the data inside.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    def size(self) -> int:
        """Bytes of key and value: what `max_bytes` of a read counts."""
        return len(self.key or b"") + len(self.value or b"")


class Bounds(NamedTuple):
    """First offset still kept (`start`) and the offset the next record will not be below (`end`).

    The partition is empty when they are equal; on a compacted topic also when they are not.
    """

    start: int
    end: int
