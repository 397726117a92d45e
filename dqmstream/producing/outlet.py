"""Where a producer's records go: onto the log itself, or through a gateway that writes it."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.messages.topics import EVENTS
from dqmstream.producing.cutting import body_limit
from dqmstream.producing.delivery import Delivery
from dqmstream.producing.outbox import EndedLumisection, NumberedChunk
from dqmstream.producing.progress import ProducerProgress
from dqmstream.producing.records import SourceRecords
from dqmstream.producing.standings import Standings
from dqmstream.sources.source import EventSource
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.patience import Pace

__all__ = ["LogOutlet", "Outlet"]


class Outlet(Protocol):
    """Takes what one source says in one run.

    Each call returns once all of it is acknowledged, whatever that takes; the same call again is
    harmless, for everything bears its identity. What is refused for good raises a DqmError.
    """

    @property
    def incarnation(self) -> str:
        """What the source's records bear."""
        ...

    @property
    def body_limit(self) -> int:
        """Largest body of a chunk, in bytes."""
        ...

    async def standings(self) -> dict[str, SourceCheckpoint]:
        """Where each source of the run stands, by name."""
        ...

    def news(self) -> AsyncIterator[list[SourceCheckpoint]]:
        """What sources of the run note after `standings`, for ever; nothing now and then."""
        ...

    async def start(self, *, expected: tuple[str, ...], replaces: str, wall: int) -> None:
        """RunStart."""
        ...

    async def chunks(self, batch: Sequence[NumberedChunk]) -> None:
        """Chunks of events."""
        ...

    async def end(self, ended: Sequence[EndedLumisection]) -> None:
        """LumisectionEnds."""
        ...

    async def checkpoint(self, lumisection: int, *, ended: bool) -> None:
        """Everything up to this LS is acknowledged."""
        ...

    async def finish(self, last_lumisection: int) -> None:
        """RunEnd."""
        ...


class LogOutlet:
    """Straight onto the log.

    Raises
    ------
    ConfigurationError
        If `dqm.events` takes no messages large enough for a chunk.
    """

    def __init__(
        self, log: Log, source: EventSource, retry: Pace, progress: ProducerProgress
    ) -> None:
        limit = body_limit(log.max_message_bytes(EVENTS), source.name, source.incarnation)
        self.body_limit = limit
        self._records = SourceRecords(source, log.partitions(EVENTS), limit)
        self._log = log
        self._delivery = Delivery(retry, progress)
        self._standings = Standings(log, source.name, source.run, retry)

    @property
    def incarnation(self) -> str:
        return self._records.incarnation

    async def standings(self) -> dict[str, SourceCheckpoint]:
        return await self._standings.newest()

    def news(self) -> AsyncIterator[list[SourceCheckpoint]]:
        return self._standings.news()

    async def start(self, *, expected: tuple[str, ...], replaces: str, wall: int) -> None:
        await self._send(self._records.run_start(expected=expected, replaces=replaces, wall=wall))

    async def chunks(self, batch: Sequence[NumberedChunk]) -> None:
        messages = [self._records.chunk(chunk) for chunk in batch]
        await self._send(messages, chunks=len(batch))

    async def end(self, ended: Sequence[EndedLumisection]) -> None:
        await self._send([marker for one in ended for marker in self._records.lumisection_end(one)])

    async def checkpoint(self, lumisection: int, *, ended: bool) -> None:
        await self._send(self._records.checkpoint(lumisection, ended=ended))

    async def finish(self, last_lumisection: int) -> None:
        await self._send(self._records.run_end(last_lumisection))

    async def _send(self, messages: Sequence[Outgoing], *, chunks: int = 0) -> None:
        await self._delivery.insist(lambda: self._log.send(messages), chunks=chunks)
