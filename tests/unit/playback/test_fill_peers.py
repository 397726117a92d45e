"""What the filling kernel is timed against fills the same, or the comparison would be unfair."""

import math

import numpy as np

from dqmstream.booking import Workspace, histogram, regular
from dqmstream.booking.testing import make_columns
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from playback.bench.peers import BoostLoop, HandLoop, Increments, NumpyLoop

_AXES = [regular(7, -1, 1), regular(30, 0.1, 3)]
_VALUES = np.random.default_rng(3).normal(size=5000)


def _ours(values: np.ndarray) -> list[np.ndarray]:
    booked = [histogram(f"h{number}", axis, fill="x") for number, axis in enumerate(_AXES)]
    layout = Layout(Workspace("Test", "", booked))
    contents = Contents.empty(layout)
    columns = make_columns(values.size, {"x": values})
    WorkspaceFiller(layout).fill(contents, columns, source="s", number=0)
    return [contents.cells[place.offset : place.nan + 1] for place in layout]


def test_the_loop_by_hand_has_the_same_bins_flow_and_nan() -> None:
    values = np.concatenate([_VALUES, [math.nan, math.inf, -math.inf, -1.0, 1.0, 0.1, 3.0]])
    for axis, ours in zip(_AXES, _ours(values), strict=True):
        hand = HandLoop(axis)
        hand.fill(values)
        assert np.array_equal(hand.counts, ours)


def test_the_loops_over_other_libraries_have_the_same_bins() -> None:
    boost, numpy = BoostLoop(_AXES, [0, 0]), NumpyLoop(_AXES, [0, 0])
    boost.fill([_VALUES])
    numpy.fill([_VALUES])
    for ours, theirs, counts in zip(_ours(_VALUES), boost.histograms, numpy.counts, strict=True):
        assert np.array_equal(np.asarray(theirs.view(flow=True)), ours[:-1])
        assert np.array_equal(counts, ours[1:-2])


def test_the_limit_counts_every_entry() -> None:
    limit = Increments(np.random.default_rng(1))
    limit.run()
    assert limit.counts.sum() == Increments.entries
