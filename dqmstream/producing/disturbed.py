"""A producer that misbehaves on purpose, to see that readers are not misled by one that does."""

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from dqmstream.booking.columns import encode_batch
from dqmstream.clock import Clock
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.producing.cutting import Piece
from dqmstream.producing.outbox import NumberedChunk
from dqmstream.producing.outlet import LogOutlet
from dqmstream.producing.pace import Pace as EventPace
from dqmstream.producing.produce import produce_through
from dqmstream.producing.progress import ProducerProgress
from dqmstream.producing.settings import ProducerSettings
from dqmstream.sources.source import EventSource
from dqmstream.transport.log import Log
from dqmstream.transport.patience import Pace

__all__ = ["Troubles", "produce_disturbed"]


class Troubles(Protocol):
    """What is wrong with a source."""

    @property
    def dies(self) -> bool:
        """Whether it stops after its last LS without a word: there is no RunEnd."""
        ...

    def times(self, lumisection: int) -> int:
        """How often each chunk of an LS is sent."""
        ...

    def alters(self, lumisection: int) -> bool:
        """Whether each chunk of an LS is sent once more, under its number with another body."""
        ...


async def produce_disturbed(
    log: Log,
    source: EventSource,
    *,
    troubles: Troubles,
    clock: Clock,
    settings: ProducerSettings,
    speed: float | None = None,
    expected: tuple[str, ...] = (),
    progress: ProducerProgress,
    pace: EventPace | None = None,
) -> ProducerProgress:
    """`produce`, by a producer with these troubles."""
    retry = Pace(first=settings.retry_first, most=settings.retry_most)
    outlet = _DisturbedOutlet(log, source, retry, progress, troubles)
    await produce_through(
        outlet,
        source,
        clock=clock,
        settings=settings,
        progress=progress,
        speed=speed,
        expected=expected,
        pace=pace,
    )
    return progress


class _DisturbedOutlet(LogOutlet):
    """Onto the log, more often than it should, and in the end less."""

    def __init__(
        self,
        log: Log,
        source: EventSource,
        retry: Pace,
        progress: ProducerProgress,
        troubles: Troubles,
    ) -> None:
        super().__init__(log, source, retry, progress)
        self._troubles = troubles

    async def chunks(self, batch: Sequence[NumberedChunk]) -> None:
        await super().chunks(batch)
        for chunk in batch:
            for _ in range(self._troubles.times(chunk.lumisection) - 1):
                await super().chunks([chunk])
            if self._troubles.alters(chunk.lumisection):
                await super().chunks([chunk._replace(piece=_altered(chunk.piece))])

    async def checkpoint(self, lumisection: int, *, ended: bool) -> None:
        await super().checkpoint(lumisection, ended=ended and not self._troubles.dies)

    async def finish(self, last_lumisection: int) -> None:
        if not self._troubles.dies:
            await super().finish(last_lumisection)


def _altered(piece: Piece) -> Piece:
    """As many events, the last one first: a sound body, and not the same."""
    with pa.ipc.open_stream(piece.body) as reader:
        batch = reader.read_next_batch()
    backwards = batch.take(pa.array(range(batch.num_rows - 1, -1, -1)))
    body = encode_batch(backwards)
    return piece._replace(body=body, checksum=body_checksum(body))
