"""What consumer groups committed, as records of a compacted partition of the log itself."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from dqmstream.transport.log import READ_BYTES, READ_RECORDS
from dqmstream.transport.record import Outgoing, TopicPartition
from dqmstream.transport.storage import Storage

__all__ = ["COMMITS", "Commits", "commit_messages", "read_commits"]

COMMITS: TopicPartition = ("__commits", 0)

_Key: TypeAlias = tuple[str, str, int]  # group, topic, partition
Commits: TypeAlias = dict[_Key, int]


def commit_messages(group: str, offsets: Mapping[TopicPartition, int]) -> list[Outgoing]:
    """What to append to `COMMITS` when a group commits."""
    topic, partition = COMMITS
    return [
        Outgoing(
            topic=topic,
            partition=partition,
            key=msgspec.msgpack.encode((group, *where)),
            value=msgspec.msgpack.encode(offset),
        )
        for where, offset in offsets.items()
    ]


def read_commits(storage: Storage) -> Commits:
    """The last commit of every group and partition. Blocks."""
    commits: Commits = {}
    offset = storage.start
    while offset < storage.end:
        records, offset = storage.read(offset, READ_RECORDS, READ_BYTES)
        for record in records:
            key = msgspec.msgpack.decode(record.key or b"", type=_Key)
            commits[key] = msgspec.msgpack.decode(record.value or b"", type=int)
    return commits
