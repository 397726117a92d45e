"""What fillers make of a log: topics made, a filler run to the end, and the merged answer."""

import asyncio

from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking_set import BookingSet, LayoutShelf
from dqmstream.clock import SystemClock
from dqmstream.fold.merge import Merged, Merger
from dqmstream.fold.testing.truth import chunk_numbers
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import EVENTS, HISTOGRAMS, TOPICS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log, TopicSpec
from services.filler.progress import FillerProgress
from services.filler.service import run_filler
from services.filler.settings import FillerSettings

__all__ = ["fill", "fill_to_the_end", "filled_chunks", "make_topics", "merged"]


async def make_topics(log: Log, partitions: int, *, largest_event: int = 8 << 20) -> None:
    """All topics; `largest_event` is the most bytes of a message on `dqm.events`."""
    await log.ensure_topics(
        [
            TopicSpec(
                name=topic.name,
                partitions=partitions if topic.wide else 1,
                compacted=topic.compacted,
                max_message_bytes=largest_event if topic.name == EVENTS else 8 << 20,
            )
            for topic in TOPICS.values()
        ]
    )


async def fill(log: Log, booking_set: BookingSet, member: str) -> None:
    """Run a filler that publishes and notes its place as often as it can."""
    await run_filler(
        log,
        booking_set,
        [WorkspaceFiller(layout) for layout in booking_set.layouts],
        decode_chunk,
        member=member,
        settings=FillerSettings(publish_interval=0.02, checkpoint_interval=0.03),
        clock=SystemClock(),
        progress=FillerProgress(),
        ready=lambda: None,
    )


async def fill_to_the_end(log: Log, booking_set: BookingSet, length: int) -> list[Merged]:
    """Run a filler until so many LSs are closed in the log; all LSs in order."""
    async with asyncio.TaskGroup() as tasks:
        filling = tasks.create_task(fill(log, booking_set, "last"))
        while True:
            found = await merged(log, booking_set.layouts[0])
            if sum(one.closed for one in found) == length:
                filling.cancel()
                return found
            await asyncio.sleep(0.05)


async def merged(log: Log, layout: Layout) -> list[Merged]:
    """What readers make of the histogram sets in the log."""
    merger = await _merger(log, layout)
    return [merger.merged(key) for key in sorted(merger.keys())]


async def filled_chunks(log: Log, layout: Layout) -> dict[tuple[int, str], set[int]]:
    """Numbers of the chunks in the contents, by LS and source."""
    merger = await _merger(log, layout)
    found: dict[tuple[int, str], set[int]] = {}
    for key in merger.keys():  # noqa: SIM118 a method of the merger, which is no mapping
        for piece in merger.pieces(key):
            for source in piece.account.sources:
                numbers = chunk_numbers(source.chunks)
                found.setdefault((key.lumisection, source.source), set()).update(numbers)
    return found


async def _merger(log: Log, layout: Layout) -> Merger:
    shelf = LayoutShelf()
    shelf.add(layout.booking)
    merger = Merger(shelf)
    async for record in read_to_end(log, HISTOGRAMS):
        message = CODEC.decode(record.headers, record.value)
        assert isinstance(message, HistogramSet)
        merger.apply(message)
    return merger
