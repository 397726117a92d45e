"""Who owns a partition, and whether owners die of it: noted at each take-over, for the next one."""

from collections.abc import Mapping
from typing import Final

from dqmstream.messages.checkpoints import FillerTenure
from dqmstream.messages.topics import CHECKPOINTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Outgoing, Record
from dqmstream.transport.outgoing import outgoing

__all__ = ["SUSPICIOUS", "attempts", "known_tenure", "tenure_record"]

SUSPICIOUS: Final = 2
"""Owners that died in a row without progress before a record is suspected."""


def attempts(previous: FillerTenure | None, epoch: int, offset: int) -> int:
    """How many owners in a row have died without getting a checkpoint further than (epoch, C).

    One that released the partition in an orderly way did not die. A zombie counts: it costs no
    more than care.
    """
    if previous is None or (previous.epoch, previous.offset) != (epoch, offset):
        return 0
    return previous.attempts + (not previous.released)


def known_tenure(table: Mapping[bytes, Record], group: str, partition: int) -> FillerTenure | None:
    """The last tenure of a partition, from the newest records of `dqm.checkpoints` by key."""
    record = table.get(_key(group, partition))
    message = None if record is None else CODEC.decode(record.headers, record.value)
    return message if isinstance(message, FillerTenure) else None


def tenure_record(tenure: FillerTenure) -> Outgoing:
    """The note as it is appended."""
    return outgoing(CHECKPOINTS, 0, tenure, _key(tenure.group, tenure.partition))


def _key(group: str, partition: int) -> bytes:
    return f"tenure/{group}/{partition}".encode()
