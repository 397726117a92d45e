"""Checkpoints: where a filler or a source stands, with the state before it."""

from typing import ClassVar

from dqmstream.messages.struct import Message

__all__ = ["AnalyserCheckpoint", "FillerCheckpoint", "FillerTenure", "SourceCheckpoint"]


class AnalyserCheckpoint(Message, frozen=True, kw_only=True, tag=True):
    """Where the analyser of a set begins again: an offset of each partition of `dqm.events`.

    `state` is its own encoding (`dqmstream.analyses.memory`) of the control states before these
    offsets, and of what of each run is analysed. All in one message: half of one analyser's and
    half of another's would be neither's. `epoch` and `why` as of a FillerCheckpoint.
    """

    group: str
    log: str
    epoch: int
    offsets: tuple[int, ...]
    state: bytes
    why: str = ""


class FillerCheckpoint(Message, frozen=True, kw_only=True, tag=True):
    """State of the fold of one partition *before* `offset`; one key for each epoch.

    `state` is the fold's own encoding (`dqmstream.fold.state`), `log` the identity of the log it
    was read from, `skip` the offsets that killed the process and are stepped over by every fold of
    the epoch. `why` says of the first one of an epoch what it is for.
    """

    group: str
    partition: int
    log: str
    epoch: int
    offset: int
    state: bytes
    skip: tuple[int, ...] = ()
    why: str = ""


class FillerTenure(Message, frozen=True, kw_only=True, tag=True):
    """A filler took a partition over at checkpoint (`epoch`, `offset`), or released it.

    `attempts` owners before it died in a row without a checkpoint beyond that one.
    """

    group: str
    partition: int
    owner: str
    epoch: int
    offset: int
    attempts: int = 0
    released: bool = False


class SourceCheckpoint(Message, frozen=True, kw_only=True, tag=True):
    """Last LS of a re-readable source whose every chunk and marker is acknowledged.

    The rest are decisions of a source whose input comes while it is read, noted here before they
    are acted on, so that a source that starts again decides the same: its `first` LS (0: no such
    source), the LSs `absent` [first, last] that it has given up waiting for, those `taken` [first,
    last, ending] from a file whose name ends so, and of those not acknowledged yet, how many events
    were `announced` [LS, events], and the `reasons` [LS, reason] that one was given up for. An LS
    both taken and absent had its file lost while it was read.
    """

    version: ClassVar[int] = 2

    source: str
    run: int
    incarnation: str
    lumisection: int
    ended: bool = False
    first: int = 0
    absent: tuple[tuple[int, int], ...] = ()
    taken: tuple[tuple[int, int, str], ...] = ()
    announced: tuple[tuple[int, int], ...] = ()
    reasons: tuple[tuple[int, str], ...] = ()
