"""Checkpoints that come in epochs, on `dqm.checkpoints`: their records, and which one counts.

Each epoch has a key of its own: who is only behind may write after its successor and must not
undo a newer epoch. Within one it can only point further back, which is safe.
"""

from collections.abc import Mapping
from typing import TypeVar

from dqmstream.errors import LogIdentityError
from dqmstream.messages.checkpoints import AnalyserCheckpoint, FillerCheckpoint
from dqmstream.messages.topics import CHECKPOINTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Outgoing, Record
from dqmstream.transport.outgoing import outgoing

__all__ = ["epoch_in", "epoch_record", "newest_epoch"]

C = TypeVar("C", AnalyserCheckpoint, FillerCheckpoint)


def epoch_record(prefix: str, checkpoint: AnalyserCheckpoint | FillerCheckpoint) -> Outgoing:
    """A checkpoint as it is appended; `prefix` begins the keys of all epochs of its writer."""
    return outgoing(CHECKPOINTS, 0, checkpoint, f"{prefix}{checkpoint.epoch}".encode())


def epoch_in(record: Record, prefix: str, kind: type[C]) -> C | None:
    """The checkpoint in a record; None if its key begins otherwise.

    Those of others may be large, and are not decoded.
    """
    if record.value is None or not (record.key or b"").startswith(prefix.encode()):
        return None
    message = CODEC.decode(record.headers, record.value)
    return message if isinstance(message, kind) else None


def newest_epoch(
    table: Mapping[bytes, Record], prefix: str, kind: type[C], *, log: str, whose: str
) -> C | None:
    """The checkpoint of the highest epoch.

    Parameters
    ----------
    table
        Newest records of `dqm.checkpoints` by key.
    log
        Identity of the log it must stand on.
    whose
        Names the writer, for the sentence.

    Raises
    ------
    LogIdentityError
        If it stands on another log.
    """
    found = (epoch_in(record, prefix, kind) for record in table.values())
    newest = max((one for one in found if one is not None), key=_epoch, default=None)
    if newest is not None and newest.log != log:
        msg = f"{whose} stands on log {newest.log}, this is log {log}"
        raise LogIdentityError(msg)
    return newest


def _epoch(checkpoint: AnalyserCheckpoint | FillerCheckpoint) -> int:
    return checkpoint.epoch
