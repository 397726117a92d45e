"""A workspace that is tried says what it would show and cost, by the code that fills it live."""

import numpy as np
import pytest

from dqmstream.booking import Workspace, histogram, profile, regular, scalar
from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.histograms.memory import memory_of
from dqmstream.messages.booking import Booking
from dqmstream.producing.batches import as_batch
from dqmstream.testing import fill
from dqmstream.workspaces.trial import SampleChunk, Tried, try_workspace

X = regular(100, 0, 1)
MINE = Workspace(
    "mine",
    "For the test.",
    [
        histogram("Mine/x", X, fill="x", select="x < 0.5"),
        profile("Mine/p", X, fill="x", value="x", value_range=(0, 1)),
        histogram("Mine/xx", X, X, fill=("x", "x")),
        scalar("Mine/n", "1", combine="sum"),
        histogram("Mine/nowhere", X, fill="nowhere"),
    ],
)


class Ticks:
    """A clock by which each look takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def events(number: int) -> list[float]:
    return list(np.random.default_rng(number).random(50))


def sample(chunks: int) -> list[SampleChunk]:
    return [
        SampleChunk(
            7,
            1 + number // 2,
            "a",
            number,
            decode_batch(encode_batch(as_batch({"x": events(number)})), selected=50),
        )
        for number in range(chunks)
    ]


def tried(chunks: int = 4, *, most: float = np.inf, booking: Booking = MINE) -> Tried:
    return try_workspace(booking, sample(chunks), clock=Ticks(), most_seconds=most)


def test_what_is_told_of_plots_is_what_filling_gives() -> None:
    found = {row.path: row for row in tried().elements}
    filled = fill(MINE, *({"x": events(number)} for number in range(4)))
    assert found.keys() == filled.keys()
    for path in ("Mine/x", "Mine/p", "Mine/xx"):
        assert found[path].entries == filled[path].entries
        assert found[path].mean == pytest.approx(filled[path].mean())
    assert found["Mine/n"].value == filled["Mine/n"].value == 200
    pooled = np.array_split(filled["Mine/x"].values(), 48)
    assert found["Mine/x"].shape == pytest.approx([part.mean() for part in pooled])
    assert found["Mine/xx"].shape == ()


def test_what_cannot_be_filled_says_why_and_the_others_are_filled() -> None:
    [row] = tried().invalid
    assert row.path == "Mine/nowhere"
    assert "nowhere" in row.invalid


def test_the_sample_is_counted_and_the_cost_is_that_of_an_event() -> None:
    found = tried(4)
    assert (found.runs, found.lumisections, found.chunks, found.events) == ((7,), 2, 4, 200)
    # By this clock each filling takes a second.
    assert found.microseconds == pytest.approx(4 * 1e6 / 200)
    assert found.bytes == memory_of(MINE).bytes
    assert sum(row.bytes for row in found.elements) < found.bytes


def test_a_slow_workspace_is_not_tried_for_longer_than_it_may() -> None:
    assert tried(4, most=10).chunks == 2


def test_without_events_nothing_is_said_of_the_cost_of_one() -> None:
    assert tried(0).microseconds is None
