"""Checkpoints of analysers on `dqm.checkpoints`: their keys, and which one counts."""

from collections.abc import Mapping

from dqmstream.errors import LogIdentityError
from dqmstream.messages.checkpoints import AnalyserCheckpoint
from dqmstream.messages.topics import CHECKPOINTS, EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Outgoing, Record
from dqmstream.transport.outgoing import outgoing

__all__ = ["checkpoint_record", "newest_checkpoint"]


def checkpoint_record(checkpoint: AnalyserCheckpoint) -> Outgoing:
    """A checkpoint as it is appended: each epoch has a key of its own."""
    key = f"{_prefix(checkpoint.group)}{checkpoint.epoch}".encode()
    return outgoing(CHECKPOINTS, 0, checkpoint, key)


def newest_checkpoint(
    table: Mapping[bytes, Record], group: str, log: str
) -> AnalyserCheckpoint | None:
    """The checkpoint of the highest epoch of a set.

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
    prefix = _prefix(group).encode()
    found = [
        CODEC.decode(record.headers, record.value)
        for key, record in table.items()
        if key.startswith(prefix)
    ]
    mine = [one for one in found if isinstance(one, AnalyserCheckpoint)]
    newest = max(mine, key=lambda one: one.epoch, default=None)
    if newest is not None and newest.log != log:
        msg = f"an analyser of {EVENTS} stands on log {newest.log}, this is log {log}"
        raise LogIdentityError(msg)
    return newest


def _prefix(group: str) -> str:
    return f"analyser/{group}/"
