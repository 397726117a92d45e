"""A partition that a filler owns, with all that it knows of it."""

from typing import Any

from dqmstream.fold.closer import Closer
from dqmstream.fold.partition import PartitionFold
from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.transport.log import Outgoing
from services.filler.trial import Trial

__all__ = ["Owned"]


class Owned:
    """A partition this member owns: its fold, its closer, and what was published of it.

    `start` is the checkpoint it was folded from, None for the log's beginning. `published` are the
    changes of open segments that readers know, `dead` letters that wait to be sent, `trial` is
    there while a record of it is suspected, `closing_since` (monotonic seconds) while closing sets
    are not all acknowledged.
    """

    def __init__(
        self, fold: PartitionFold[Any], start: FillerCheckpoint | None, closer: Closer
    ) -> None:
        self.fold = fold
        self.start = start
        self.closer = closer
        self.attempts = 0
        self.published: dict[object, int] = {}
        self.dead: list[Outgoing] = []
        self.checkpointed: int | None = None if start is None else start.offset
        self.trial: Trial | None = None
        self.closing_since: float | None = None

    async def end_trial(self) -> None:
        """Suspect nothing any more."""
        trial, self.trial = self.trial, None
        if trial is not None:
            await trial.close()

    @property
    def epoch(self) -> int:
        """Epoch of its sets and checkpoints."""
        return 0 if self.start is None else self.start.epoch

    @property
    def began(self) -> tuple[int, int]:
        """(epoch, C) that it was folded from."""
        return (0, 0) if self.start is None else (self.start.epoch, self.start.offset)
