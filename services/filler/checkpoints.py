"""Checkpoints of fillers on `dqm.checkpoints`: their keys, and which one counts."""

from collections.abc import Mapping

from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.messages.topics import EVENTS
from dqmstream.transport.epochs import epoch_in, epoch_record, newest_epoch
from dqmstream.transport.log import Outgoing, Record

__all__ = ["checkpoint_of", "checkpoint_record", "newest_checkpoint"]


def checkpoint_record(checkpoint: FillerCheckpoint) -> Outgoing:
    """A checkpoint as it is appended."""
    return epoch_record(_prefix(checkpoint.group, checkpoint.partition), checkpoint)


def checkpoint_of(record: Record, group: str) -> FillerCheckpoint | None:
    """The checkpoint in a record, None if it is none of this group's."""
    return epoch_in(record, f"filler/{group}/", FillerCheckpoint)


def newest_checkpoint(
    table: Mapping[bytes, Record], group: str, partition: int, log: str
) -> FillerCheckpoint | None:
    """The checkpoint of the highest epoch of a partition, as `newest_epoch` has it."""
    prefix, whose = _prefix(group, partition), f"checkpoint of {EVENTS}/{partition}"
    return newest_epoch(table, prefix, FillerCheckpoint, log=log, whose=whose)


def _prefix(group: str, partition: int) -> str:
    return f"filler/{group}/{partition}/"
