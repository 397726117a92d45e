"""The fold of some of the runs: records of the others are passed over, as if they were not there.

Pure as long as what is said of a run never changes: who decides which runs are folded sees to it
that it is settled before the first record of a run is folded.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from dqmstream.errors import MessageError
from dqmstream.fold.control import ControlMessage
from dqmstream.fold.partition import Applied, Filler, LogRecord, PartitionFold
from dqmstream.fold.state import ControlState, FoldSettings
from dqmstream.messages.chunk_headers import chunk_of
from dqmstream.messages.events import Chunk, EventBatch
from dqmstream.messages.wire import CODEC

__all__ = ["FoldOfRuns", "run_of"]

C = TypeVar("C")


def run_of(record: LogRecord) -> int | None:
    """The run that a record speaks of; None if it is none of `dqm.events`, or cannot be read."""
    try:
        if CODEC.type_of(record.headers) is EventBatch:
            return chunk_of(record.headers).run
        message = CODEC.decode(record.headers, record.value)
    except MessageError:
        return None
    return message.run if isinstance(message, ControlMessage) else None


class FoldOfRuns(PartitionFold[C]):
    """A `PartitionFold` of the runs that `holds`; records that cannot be read are passed over too.

    Parameters
    ----------
    holds
        Whether a run is folded; must always say the same of one. All others as `PartitionFold`.
    """

    def __init__(
        self,
        partition: int,
        settings: FoldSettings,
        fillers: Sequence[Filler[C]],
        decode: Callable[[Chunk, bytes, int], C],
        *,
        holds: Callable[[int], bool],
        position: int = 0,
        state: ControlState | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> None:
        super().__init__(
            partition, settings, fillers, decode, position=position, state=state, skip=skip
        )
        self._holds = holds

    def apply(self, record: LogRecord) -> Applied:
        """Fold one record, or pass it over; offsets may have gaps but never go back."""
        run = run_of(record)
        if run is not None and self._holds(run):
            return super().apply(record)
        self.position = max(self.position, record.offset + 1)
        return Applied(())
