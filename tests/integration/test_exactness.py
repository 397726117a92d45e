"""End to end through producer and fillers: whatever crashes, the closed contents are exact."""

import asyncio
import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import boost_histogram as bh
import numpy as np
import pyarrow as pa
import pytest

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar, variable
from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.booking_set import BookingSet, LayoutShelf
from dqmstream.clock import SystemClock
from dqmstream.fold.merge import Merged, Merger
from dqmstream.fold.state import FoldSettings
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import HISTOGRAMS, TOPICS
from dqmstream.messages.wire import CODEC
from dqmstream.sources.source import SourceChunk, SourceLumisection
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.embedded import EmbeddedLog
from dqmstream.transport.log import Log, Outgoing, TopicSpec
from services.filler import FillerProgress, FillerSettings, announce, run_filler
from services.producer import produce

BOOKING = Workspace(
    "exact",
    "Every kind of element, over one event column and one collection.",
    [
        histogram("Exact/x", regular(50, -2, 2), fill="x"),
        histogram("Exact/edges", variable([-1, -0.5, 0.1, 3]), fill="x"),
        histogram("Exact/count", integer(0, 6), fill="count(hit)"),
        histogram("Exact/map", regular(20, -2, 2), integer(0, 5), fill=["hit.x", "hit.layer"]),
        histogram("Exact/selected", regular(30, -3, 3), fill="hit.x", select="hit.layer >= 2"),
        histogram("Exact/weighted", regular(20, -2, 2), fill="x", weight="w", weight_range=(0, 4)),
        profile("Exact/profile", regular(10, -2, 2), fill="x", value="w", value_range=(0, 4)),
        scalar("Exact/events", "1", combine="sum"),
    ],
)
RUN = 7


@dataclass(frozen=True)
class RandomRun:
    """A source with random events, chunk sizes and LSs; the same for the same seed and name."""

    name: str
    seed: int
    length: int
    run: int = RUN
    incarnation: str = "one"
    rereadable: bool = True
    run_type: str = "pp_run"
    first_lumisection: int = 1
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def batches(self, lumisection: int) -> list[pa.RecordBatch]:
        rng = np.random.default_rng([self.seed, lumisection, len(self.name)])
        return [_batch(rng, int(rng.integers(0, 40))) for _ in range(int(rng.integers(0, 9)))]

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        return (_Lumisection(self, number) for number in range(after + 1, self.length + 1))


@dataclass(frozen=True)
class _Lumisection:
    source: RandomRun
    lumisection: int
    seconds: float = 1.0

    def chunks(self) -> Iterator[SourceChunk]:
        for batch in self.source.batches(self.lumisection):
            rows = batch.num_rows
            yield SourceChunk(body=encode_batch(batch), seen=rows, selected=rows)

    def notes(self) -> Mapping[str, int]:
        return {}


def _batch(rng: np.random.Generator, events: int) -> pa.RecordBatch:
    x = rng.choice([np.nan, -2.0, 2.0, 0.1, np.inf, *rng.normal(size=20)], events)
    counts = rng.integers(0, 6, events)
    objects = int(counts.sum())
    hits = pa.StructArray.from_arrays(
        [
            pa.array(rng.choice([np.nan, *rng.normal(size=9)], objects), pa.float32()),
            pa.array(rng.integers(-1, 6, objects), pa.int8()),
        ],
        fields=[
            pa.field("x", pa.float32(), nullable=False),
            pa.field("layer", pa.int8(), nullable=False),
        ],
    )
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    item = pa.field("item", hits.type, nullable=False)
    columns = {
        "x": pa.array(x, pa.float64()),
        "w": pa.array(rng.uniform(0, 4, events), pa.float64()),
        "hit": pa.ListArray.from_arrays(offsets, hits, type=pa.list_(item)),
    }
    schema = pa.schema([pa.field(n, c.type, nullable=False) for n, c in columns.items()])
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)


async def _topics(log: Log, partitions: int) -> None:
    await log.ensure_topics(
        [
            TopicSpec(
                name=topic.name,
                partitions=partitions if topic.wide else 1,
                compacted=topic.compacted,
            )
            for topic in TOPICS.values()
        ]
    )


async def _fill(log: Log, booking_set: BookingSet, member: str) -> None:
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


async def _fill_with_crashes(log: Log, booking_set: BookingSet, rng: random.Random) -> None:
    """Fillers that are killed again and again, two at a time."""

    async def live(name: str, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _fill(log, booking_set, name)

    for life in range(8):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(live(f"a{life}", rng.uniform(0.005, 0.08)))
            tasks.create_task(live(f"b{life}", rng.uniform(0.005, 0.08)))


async def _fill_to_the_end(log: Log, booking_set: BookingSet, length: int) -> list[Merged]:
    """One more filler, until every LS is closed in the log."""
    async with asyncio.TaskGroup() as tasks:
        filling = tasks.create_task(_fill(log, booking_set, "last"))
        while True:
            merged = await _merged(log, booking_set.layouts[0])
            if sum(one.closed for one in merged) == length:
                filling.cancel()
                return merged
            await asyncio.sleep(0.05)


async def _produce_with_repeats(log: Log, source: RandomRun, rng: random.Random) -> None:
    """Send the run in several lives: killed at any point, started again from its checkpoint."""
    for _ in range(3):
        with suppress(TimeoutError):
            async with asyncio.timeout(rng.uniform(0.005, 0.05)):
                await produce(log, source, clock=SystemClock(), expected=("first", "other"))
    await produce(log, source, clock=SystemClock(), expected=("first", "other"))


async def _merged(log: Log, layout: Layout) -> list[Merged]:
    shelf = LayoutShelf()
    shelf.add(layout.booking)
    merger = Merger(shelf)
    async for record in read_to_end(log, HISTOGRAMS):
        message = CODEC.decode(record.headers, record.value)
        assert isinstance(message, HistogramSet)
        merger.apply(message)
    return [merger.merged(key) for key in sorted(merger.keys())]


@pytest.fixture(scope="module", autouse=True)
def _warm_kernels() -> None:
    """Compile before lives are counted in milliseconds."""
    _our_fill(Layout(BOOKING), [_batch(np.random.default_rng(0), 10)])


@pytest.mark.integration
@pytest.mark.parametrize("seed", range(6))
async def test_closed_contents_equal_a_batch_fill_whatever_crashes(
    seed: int, tmp_path: Path
) -> None:
    """Random batches of two sources, crashing producers and fillers, duplicates in the log."""
    rng = random.Random(seed)
    partitions, length = 1 + seed % 3, 12
    sources = [RandomRun(name, seed, length) for name in ("first", "other")]
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=partitions, max_open=length + 1))
    async with EmbeddedLog.open(tmp_path / "log", clock=SystemClock()) as log:
        await _topics(log, partitions)
        await announce(log, booking_set, clock=SystemClock(), who="test")
        async with asyncio.TaskGroup() as tasks:
            for source in sources:
                tasks.create_task(_produce_with_repeats(log, source, random.Random(seed)))
            tasks.create_task(_fill_with_crashes(log, booking_set, rng))
        merged = await _fill_to_the_end(log, booking_set, length)

    layout = booking_set.layouts[0]
    assert [one.key.lumisection for one in merged] == list(range(1, length + 1))
    for one in merged:
        assert one.closed
        assert one.complete, one.account.lacking
        batches = [b for source in sources for b in source.batches(one.key.lumisection)]
        assert one.account.selected == sum(batch.num_rows for batch in batches)
        contents = one.contents.copy()
        if one.late is not None:
            contents.add(one.late, same_lumisection=True)
        assert np.array_equal(_our_fill(layout, batches).cells, contents.cells)
        _assert_equal_to_boost(layout, contents, batches)


def _our_fill(layout: Layout, batches: list[pa.RecordBatch]) -> Contents:
    contents, filler = Contents.empty(layout), WorkspaceFiller(layout)
    for batch in batches:
        columns = decode_batch(encode_batch(batch), selected=batch.num_rows)
        filler.fill(contents, columns, source="s", number=0)
    return contents


def _assert_equal_to_boost(
    layout: Layout, contents: Contents, batches: list[pa.RecordBatch]
) -> None:
    """Counts exactly; weighted and profile sums within the stated rounding of each entry."""
    x = np.concatenate([np.empty(0), *(batch["x"].to_numpy() for batch in batches)])
    w = np.concatenate([np.empty(0), *(batch["w"].to_numpy() for batch in batches)])
    good = ~np.isnan(x)

    counted = bh.Histogram(bh.axis.Regular(50, -2, 2), storage=bh.storage.Int64())
    counted.fill(x[good])
    place = layout["Exact/x"]
    cells = contents.cells[place.offset : place.offset + place.cells]
    assert np.array_equal(counted.view(flow=True), cells)
    assert contents.cells[place.nan] == (~good).sum()
    assert cells.sum() + contents.cells[place.nan] == x.size

    weighted = bh.Histogram(bh.axis.Regular(20, -2, 2), storage=bh.storage.Weight())
    weighted.fill(x[good], weight=w[good])
    place = layout["Exact/weighted"]
    entries, sums, squares = contents.cells[place.offset : place.nan].reshape(3, -1)
    view = weighted.view(flow=True)
    rounding = np.ldexp(0.5, -place.bits) * entries
    assert np.all(np.abs(np.ldexp(sums.astype(float), -place.bits) - view.value) <= rounding + 1e-9)
    rounding = np.ldexp(0.5, -place.square_bits) * entries
    got = np.ldexp(squares.astype(float), -place.square_bits)
    assert np.all(np.abs(got - view.variance) <= rounding + 1e-9)


async def test_the_same_run_sent_twice_is_the_same_run(tmp_path: Path) -> None:
    """Another producer with the same input adds nothing, though every chunk is in the log again."""
    source = RandomRun("first", 1, 3)
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=2))
    async with EmbeddedLog.open(tmp_path / "log", clock=SystemClock()) as log:
        await _topics(log, 2)
        await produce(log, source, clock=SystemClock())
        again: list[Outgoing] = []
        async for record in read_to_end(log, "dqm.events"):
            again.append(  # noqa: PERF401 an async comprehension reads worse
                Outgoing(
                    topic=record.topic,
                    partition=record.partition,
                    key=record.key,
                    value=record.value,
                    headers=record.headers,
                )
            )
        await log.send(again)
        merged = await _fill_to_the_end(log, booking_set, 3)
    for one in merged:
        expected = _our_fill(booking_set.layouts[0], source.batches(one.key.lumisection))
        assert expected.equals(one.contents)
        assert one.late is None
