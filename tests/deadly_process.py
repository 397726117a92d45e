"""A filler on the embedded log in a folder, with a deadly workspace, until an LS is closed."""

import asyncio
import sys
from pathlib import Path

from dqmstream.clock import SystemClock
from dqmstream.fold.testing.toy import toy_columns
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import HISTOGRAMS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.embedded import EmbeddedLog
from dqmstream.transport.log import Log
from services.filler.progress import FillerProgress
from services.filler.service import run_filler
from services.filler.settings import FillerSettings
from tests.deadly import PARTITIONS, SET, deadly_fillers

__all__ = ["main"]


async def main(folder: Path, lumisection: int) -> None:
    """Fill until an LS is closed by all partitions."""
    async with EmbeddedLog.open(folder, clock=SystemClock()) as log, asyncio.TaskGroup() as tasks:
        filling = tasks.create_task(
            run_filler(
                log,
                SET,
                deadly_fillers(),
                toy_columns,
                member="deadly",
                settings=FillerSettings(publish_interval=0.02, checkpoint_interval=0.05),
                clock=SystemClock(),
                progress=FillerProgress(),
                ready=lambda: print("filling", flush=True),  # noqa: T201 the test waits for it
            )
        )
        while len(await _closed(log, lumisection)) < PARTITIONS:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        filling.cancel()


async def _closed(log: Log, lumisection: int) -> set[int]:
    """Partitions that have closed the LS."""
    found = set()
    async for record in read_to_end(log, HISTOGRAMS):
        piece = CODEC.decode(record.headers, record.value)
        if isinstance(piece, HistogramSet) and piece.closed and piece.lumisection == lumisection:
            found.add(piece.partition)
    return found


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
