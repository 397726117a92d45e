"""Checkpoints of analysers on `dqm.checkpoints`: their keys, and which one counts."""

from collections.abc import Mapping

from dqmstream.messages.checkpoints import AnalyserCheckpoint
from dqmstream.messages.topics import EVENTS
from dqmstream.transport.epochs import epoch_in, epoch_record, newest_epoch
from dqmstream.transport.log import Outgoing, Record

__all__ = ["checkpoint_of", "checkpoint_record", "newest_checkpoint"]


def checkpoint_record(checkpoint: AnalyserCheckpoint) -> Outgoing:
    """A checkpoint as it is appended."""
    return epoch_record(_prefix(checkpoint.group), checkpoint)


def checkpoint_of(record: Record, group: str) -> AnalyserCheckpoint | None:
    """The checkpoint in a record, None if it is none of this set's analyses."""
    return epoch_in(record, _prefix(group), AnalyserCheckpoint)


def newest_checkpoint(
    table: Mapping[bytes, Record], group: str, log: str
) -> AnalyserCheckpoint | None:
    """The checkpoint of the highest epoch of a set, as `newest_epoch` has it."""
    whose = f"an analyser of {EVENTS}"
    return newest_epoch(table, _prefix(group), AnalyserCheckpoint, log=log, whose=whose)


def _prefix(group: str) -> str:
    return f"analyser/{group}/"
