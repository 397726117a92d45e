"""A source of random events that anybody can make again, its booking, and the fill to compare with.

Shared by the tests that crash services: what was sent is known from the seed alone, never from the
log under test.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import boost_histogram as bh
import numpy as np
import pyarrow as pa

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar, variable
from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.sources.source import SourceChunk, SourceLumisection

__all__ = ["BOOKING", "RUN", "RandomRun", "assert_equal_to_boost", "batch_fill", "random_batch"]

RUN = 7
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


@dataclass(frozen=True, kw_only=True)
class RandomRun:
    """A source with random events, chunk sizes and LSs; the same for the same values of it.

    `chunks` and `events` are the fewest and most of an LS, and of a chunk. An LS is `seconds` of
    data taking long, and its chunks come spread over it. Other incarnations have other events.
    """

    name: str
    seed: int
    length: int
    run: int = RUN
    incarnation: str = "one"
    rereadable: bool = True
    run_type: str = "pp_run"
    marks: tuple[str, ...] = ()
    first_lumisection: int = 1
    chunks: tuple[int, int] = (0, 8)
    events: tuple[int, int] = (0, 39)
    seconds: float = 1.0
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def batches(self, lumisection: int) -> list[pa.RecordBatch]:
        """The chunks of an LS, in the order that numbers them."""
        names = (self.name, self.incarnation)
        rng = np.random.default_rng(
            [self.seed, lumisection, *(zlib.crc32(name.encode()) for name in names)]
        )
        fewest, most = self.events
        sizes = rng.integers(fewest, most + 1, rng.integers(self.chunks[0], self.chunks[1] + 1))
        return [random_batch(rng, int(size)) for size in sizes]

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        first = max(after + 1, self.first_lumisection)
        return (_Lumisection(self, number) for number in range(first, self.length + 1))


@dataclass(frozen=True)
class _Lumisection:
    source: RandomRun
    lumisection: int

    @property
    def seconds(self) -> float:
        return self.source.seconds

    def chunks(self) -> Iterator[SourceChunk]:
        batches = self.source.batches(self.lumisection)
        for number, batch in enumerate(batches, 1):
            rows = batch.num_rows
            at = self.seconds * number / (len(batches) + 1)
            yield SourceChunk(body=encode_batch(batch), seen=rows, selected=rows, at=at)

    def notes(self) -> Mapping[str, int]:
        return {}


def random_batch(rng: np.random.Generator, events: int) -> pa.RecordBatch:
    """Random events; values on edges, outside of axes, infinite and NaN among them."""
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


def batch_fill(layout: Layout, batches: Sequence[pa.RecordBatch]) -> Contents:
    """All batches in one go, without a log, a fold or a merge."""
    contents, filler = Contents.empty(layout), WorkspaceFiller(layout)
    for batch in batches:
        columns = decode_batch(encode_batch(batch), selected=batch.num_rows)
        filler.fill(contents, columns, source="s", number=0)
    return contents


def assert_equal_to_boost(
    layout: Layout, contents: Contents, batches: Sequence[pa.RecordBatch]
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
