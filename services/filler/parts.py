"""What the folds of a filler are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dqmstream.fold.partition import Filler, FoldFactory, PartitionFold
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.messages.events import Chunk

__all__ = ["FoldParts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldParts:
    """All that folds of one set share. It can be pickled if its parts can.

    Parameters
    ----------
    settings
        What the rules depend on.
    fillers, decode
        One filler for each workspace of the set, and columns of a chunk.
    fold
        Makes the fold of a partition.
    """

    settings: FoldSettings
    fillers: Sequence[Filler[Any]]
    decode: Callable[[Chunk, bytes, int], Any]
    fold: FoldFactory[Any] = PartitionFold

    def begin(self, partition: int, start: FillerCheckpoint | None) -> PartitionFold[Any]:
        """The fold of a partition from a checkpoint on; None is the beginning of the log."""
        return self.fold(
            partition,
            self.settings,
            self.fillers,
            self.decode,
            position=0 if start is None else start.offset,
            state=None if start is None else ControlState.decode(start.state),
            skip=frozenset(() if start is None else start.skip),
        )
