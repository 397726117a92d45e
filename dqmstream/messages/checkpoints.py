"""Checkpoints: where a filler or a source stands, with the state before it."""

from dqmstream.messages.struct import Message

__all__ = ["FillerCheckpoint", "SourceCheckpoint"]


class FillerCheckpoint(Message, frozen=True, kw_only=True, tag=True):
    """State of the fold of one partition *before* `offset`; the key is group + partition.

    `state` is the fold's own encoding (`dqmstream.fold.state`), `log` the identity of the log it
    was read from, `skip` the offsets that killed the process and are stepped over.
    """

    group: str
    partition: int
    log: str
    epoch: int
    offset: int
    state: bytes
    skip: tuple[int, ...] = ()
    why: str = ""


class SourceCheckpoint(Message, frozen=True, kw_only=True, tag=True):
    """Last LS of a re-readable source whose every chunk and marker is acknowledged."""

    source: str
    run: int
    incarnation: str
    lumisection: int
    ended: bool = False
