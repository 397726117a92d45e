"""What one source says in one run, as records of the log."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from dqmstream.identity import content_hash, event_partition
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, RunEnd, RunStart
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import CHECKPOINTS, CONDITIONS, EVENTS
from dqmstream.producing.outbox import EndedLumisection, NumberedChunk
from dqmstream.producing.standings import source_key
from dqmstream.sources.decisions import Decisions
from dqmstream.sources.source import AwaitedSource
from dqmstream.transport.log import Outgoing
from dqmstream.transport.outgoing import outgoing

__all__ = ["SourceRecords", "Speaker"]


class Speaker(Protocol):
    """Who a source is in a run: what of an `EventSource` stands in its records."""

    @property
    def name(self) -> str: ...
    @property
    def run(self) -> int: ...
    @property
    def incarnation(self) -> str: ...
    @property
    def rereadable(self) -> bool: ...
    @property
    def run_type(self) -> str: ...
    @property
    def first_lumisection(self) -> int: ...
    @property
    def marks(self) -> tuple[str, ...]: ...
    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]: ...


class SourceRecords:
    """Puts the source's identity on all that it says.

    Parameters
    ----------
    source
        Who speaks.
    partitions
        Of `dqm.events`.
    limit
        Largest body of a chunk. Larger ones are cut, so it is part of what a re-readable source's
        chunks depend on, and of its incarnation. None if nothing is cut here: whoever numbered
        the chunks has named the incarnation.
    """

    def __init__(self, source: Speaker, partitions: int, limit: int | None) -> None:
        self._source = source
        self._partitions = partitions
        self.incarnation = (
            content_hash([source.incarnation, limit])
            if source.rereadable and limit is not None
            else source.incarnation
        )
        self.key = source_key(source.name, source.run)

    def run_start(self, *, expected: tuple[str, ...], replaces: str, wall: int) -> list[Outgoing]:
        """RunStart, on every partition and for those who read no events."""
        return self._announced(
            RunStart(
                **self._identity(),
                first_lumisection=self._source.first_lumisection,
                run_type=self._source.run_type,
                expected=expected,
                replaces=replaces,
                labels=dict(self._source.labels),
                marks=tuple(sorted(self._source.marks)),
                started=wall,
            )
        )

    def chunk(self, numbered: NumberedChunk) -> Outgoing:
        """A chunk, on its partition."""
        source, (lumisection, number, piece) = self._source, numbered
        header = Chunk(
            **self._identity(),
            lumisection=lumisection,
            number=number,
            seen=piece.seen,
            selected=piece.selected,
            dropped=piece.dropped,
            checksum=piece.checksum,
        )
        partition = event_partition(source.name, number, self._partitions)
        return outgoing(EVENTS, partition, EventBatch(chunk=header, body=piece.body))

    def lumisection_end(self, ended: EndedLumisection) -> list[Outgoing]:
        """LumisectionEnd, on every partition."""
        return self._everywhere(
            LumisectionEnd(
                **self._identity(),
                lumisection=ended.lumisection,
                chunks=ended.chunks,
                seen=ended.seen,
                selected=ended.selected,
                dropped=ended.dropped,
                notes=dict(ended.notes),
            )
        )

    def run_end(self, last_lumisection: int) -> list[Outgoing]:
        """RunEnd, on every partition and for those who read no events."""
        return self._announced(RunEnd(**self._identity(), last_lumisection=last_lumisection))

    def checkpoint(self, lumisection: int, *, ended: bool) -> list[Outgoing]:
        """Every record of the LSs up to this one is acknowledged; and what the source decided."""
        source = self._source
        decisions = source.decisions if isinstance(source, AwaitedSource) else Decisions()
        checkpoint = SourceCheckpoint(
            source=source.name,
            run=source.run,
            incarnation=self.incarnation,
            lumisection=lumisection,
            ended=ended,
            **msgspec.structs.asdict(decisions),
        )
        return [outgoing(CHECKPOINTS, 0, checkpoint, self.key)]

    def _identity(self) -> dict[str, Any]:
        return {
            "run": self._source.run,
            "source": self._source.name,
            "incarnation": self.incarnation,
            "rereadable": self._source.rereadable,
            "partitions": self._partitions,
        }

    def _everywhere(self, message: Message) -> list[Outgoing]:
        return [outgoing(EVENTS, partition, message) for partition in range(self._partitions)]

    def _announced(self, message: Message) -> list[Outgoing]:
        run = str(self._source.run).encode()
        return [*self._everywhere(message), outgoing(CONDITIONS, 0, message, run)]
