"""What a booking costs in memory is told right: it is compared with what real filling takes."""

import gc
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest

from dqmstream.booking import (
    Workspace,
    category,
    histogram,
    integer,
    profile,
    regular,
    scalar,
    text,
    variable,
)
from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking.columns import Columns, encode_batch
from dqmstream.errors import BookingError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.histograms.memory import CONTENTS_BYTES, bytes_of, bytes_said, memory_of
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.booking import Booking, Element
from dqmstream.messages.events import Chunk
from dqmstream.producing.batches import as_batch

LUMISECTIONS = 40
X = regular(50, 0, 1)
Y = variable([0, 0.1, 0.5, 1])


def columns() -> Columns:
    random = np.random.default_rng(1)
    batch = as_batch({"x": random.random(200), "n": random.integers(0, 5, 200), "t": ["a"] * 200})
    body = encode_batch(batch)
    chunk = Chunk(
        run=1,
        lumisection=1,
        source="test",
        incarnation="1",
        rereadable=True,
        number=0,
        partitions=1,
        seen=200,
        selected=200,
        dropped=0,
        checksum=0,
    )
    return decode_chunk(chunk, body, 0)


def measured(booking: Booking) -> float:
    """Bytes that the contents of an LS take, as Python's allocator counts them."""
    layout, events = Layout(booking), columns()
    filler = WorkspaceFiller(layout)
    filler.fill(Contents.empty(layout), events, source="warm", number=0)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = []
        for number in range(LUMISECTIONS):
            contents = Contents.empty(layout)
            filler.fill(contents, events, source="test", number=number)
            kept.append(contents)
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / len(kept)
    finally:
        tracemalloc.stop()


HISTOGRAMS = (
    histogram("A/one", X, fill="x"),
    histogram("A/weighted", X, fill="x", weight="x", weight_range=(0, 1)),
    histogram("A/two", X, Y, fill=("x", "x")),
    histogram("A/three", X, X, integer(0, 5), fill=("x", "x", "n")),
    histogram("A/codes", category([1, 2, 3]), fill="n"),
    profile("A/mean", X, fill="x", value="x", value_range=(0, 1)),
    profile("A/means", X, X, fill=("x", "x"), value="x", value_range=(0, 1)),
)
SCALARS = tuple(scalar(f"B/{n}", "x", combine="last") for n in range(200))


@pytest.mark.parametrize(
    ("elements", "tolerance"),
    [
        (HISTOGRAMS, 0.02),
        (HISTOGRAMS[:1], 0.15),  # 440 bytes: Python's own objects are as large as the bins
        ((*HISTOGRAMS, *SCALARS), 0.05),
        (SCALARS, 0.15),  # dictionaries grow in steps
        ((*SCALARS[:10], text("C/t", "t")), 0.25),
    ],
)
def test_what_is_told_is_what_real_filling_takes(
    elements: Sequence[Element], tolerance: float
) -> None:
    booking = Workspace("mine", "For the test.", elements)
    assert memory_of(booking).bytes == pytest.approx(measured(booking), rel=tolerance)


def test_cells_are_told_to_the_byte_and_add_up_to_the_array() -> None:
    layout = Layout(Workspace("mine", "For the test.", HISTOGRAMS))
    cost = memory_of(layout)
    assert sum(row.bytes for row in cost.elements) == Contents.empty(layout).cells.nbytes
    assert cost.bytes == CONTENTS_BYTES + Contents.empty(layout).cells.nbytes


@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)])
def test_twice_the_bins_cost_what_a_booking_with_twice_the_bins_costs(
    which: tuple[int, ...],
) -> None:
    bins = [50, 30]
    more = [count * (2 if number in which else 1) for number, count in enumerate(bins)]

    def cost(counts: Sequence[int]) -> int:
        axes = [regular(count, 0, 1) for count in counts]
        element = profile("A/p", *axes, fill=("x", "x"), value="x", value_range=(0, 1))
        return memory_of(Workspace("mine", "For the test.", [element])).elements[0].bytes

    axes = [regular(count, 0, 1) for count in bins]
    element = profile("A/p", *axes, fill=("x", "x"), value="x", value_range=(0, 1))
    row = memory_of(Workspace("mine", "For the test.", [element])).elements[0]
    told = row.all_doubled if len(which) == 2 else row.doubled[which[0]]
    assert told == cost(more)


def test_the_dearest_element_comes_first() -> None:
    paths = [row.path for row in memory_of(Workspace("m", "For the test.", HISTOGRAMS)).elements]
    assert paths[:2] == ["A/three", "A/means"]
    assert paths[-1] == "A/codes"


@pytest.mark.parametrize(
    ("text", "count"),
    [("17", 17), (17, 17), ("256 KiB", 262_144), ("1.5MB", 1_500_000), ("2 GiB", 1 << 31)],
)
def test_sizes_are_read_as_people_write_them(text: str | int, count: int) -> None:
    assert bytes_of(text) == count


@pytest.mark.parametrize("text", ["", "much", "-1", "0", "1 parsec", "1e9", 0, True, 1.5, None])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BookingError, match="no size"):
        bytes_of(text)


def test_sizes_are_told_in_the_unit_that_fits() -> None:
    assert [bytes_said(count) for count in (999, 501_024, 268_435_456)] == [
        "999 bytes",
        "501.0 kB",
        "268.4 MB",
    ]
