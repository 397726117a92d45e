"""Checkpoints of fillers on `dqm.checkpoints`: their keys, and which one counts.

Each epoch has a key of its own: a filler that is only behind may write after its successor and
must not undo a newer epoch. Within one it can only point further back, which is safe.
"""

from collections.abc import Mapping

from dqmstream.errors import LogIdentityError
from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.messages.topics import CHECKPOINTS, EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Outgoing, Record
from dqmstream.transport.outgoing import outgoing

__all__ = ["checkpoint_of", "checkpoint_record", "newest_checkpoint"]


def checkpoint_record(checkpoint: FillerCheckpoint) -> Outgoing:
    """A checkpoint as it is appended."""
    prefix = _prefix(checkpoint.group, checkpoint.partition)
    return outgoing(CHECKPOINTS, 0, checkpoint, f"{prefix}{checkpoint.epoch}".encode())


def checkpoint_of(record: Record, group: str) -> FillerCheckpoint | None:
    """The checkpoint in a record, None if it is none of this group's."""
    if record.value is None or not (record.key or b"").startswith(f"filler/{group}/".encode()):
        return None
    message = CODEC.decode(record.headers, record.value)
    return message if isinstance(message, FillerCheckpoint) else None


def newest_checkpoint(
    table: Mapping[bytes, Record], group: str, partition: int, log: str
) -> FillerCheckpoint | None:
    """The checkpoint of the highest epoch of a partition.

    Parameters
    ----------
    table
        Newest records of `dqm.checkpoints` by key.
    log
        Identity of the log it must stand on.

    Raises
    ------
    LogIdentityError
        If it stands on another one.
    """
    prefix = _prefix(group, partition).encode()
    mine = [record for key, record in table.items() if key.startswith(prefix)]
    checkpoints = [one for record in mine if (one := checkpoint_of(record, group)) is not None]
    newest = max(checkpoints, key=lambda one: (one.epoch, one.offset), default=None)
    if newest is not None and newest.log != log:
        msg = f"checkpoint of {EVENTS}/{partition} stands on log {newest.log}, this is log {log}"
        raise LogIdentityError(msg)
    return newest


def _prefix(group: str, partition: int) -> str:
    return f"filler/{group}/{partition}/"
