"""Weighted and profile sums: fixed point to the unit, NaN and out of range counted apart."""

import math
from collections.abc import Callable
from fractions import Fraction

import boost_histogram as bh
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.booking import histogram, profile, regular
from dqmstream.booking.testing import make_columns
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement

Filled = Callable[..., Contents]

_RANGE = (-3.0, 8.0)
_AXIS = regular(3, 0, 3)
_entries = st.lists(
    st.tuples(
        # Quarters, so that dividing by the axis's width and multiplying again changes nothing.
        st.one_of(st.integers(-4, 16).map(lambda quarters: quarters / 4), st.just(math.nan)),
        st.one_of(st.floats(-3, 8), st.floats(), st.sampled_from([-3.0, 8.0, math.nan])),
    ),
    max_size=60,
)


def _filled(filled: Filled, entries: list[tuple[float, float]]) -> MonitorElement:
    columns = make_columns(
        len(entries), {"x": [x for x, _ in entries], "w": [w for _, w in entries]}
    )
    booked = histogram("h", _AXIS, fill="x", weight="w", weight_range=_RANGE)
    return MonitorElement.at(filled([booked], columns), "h")


def _rounded(value: Fraction) -> int:
    """To the nearest integer, halves to the even one."""
    return round(value)


@given(_entries)
def test_sums_are_those_of_exact_fixed_point_arithmetic(
    filled: Filled, entries: list[tuple[float, float]]
) -> None:
    element = _filled(filled, entries)
    expected = np.zeros((3, 5), np.int64)
    for x, weight in entries:
        if math.isnan(x) or math.isnan(weight) or not _RANGE[0] <= weight <= _RANGE[1]:
            continue
        cell = min(max(math.floor(x), -1), 3) + 1
        square = Fraction(weight * weight)
        expected[0, cell] += 1
        expected[1, cell] += _rounded(Fraction(weight) * Fraction(2) ** element.place.bits)
        expected[2, cell] += _rounded(square * Fraction(2) ** element.place.square_bits)
    cells = element.contents.cells[:-2].reshape(3, 5)
    assert np.array_equal(cells, expected)


@given(_entries)
def test_every_entry_is_filled_or_counted_once(
    filled: Filled, entries: list[tuple[float, float]]
) -> None:
    element = _filled(filled, entries)
    nan = sum(math.isnan(x) or math.isnan(w) for x, w in entries)
    assert element.nan == nan
    assert element.entries + element.nan + element.outside == len(entries)


def test_the_bounds_of_the_range_are_inside(filled: Filled) -> None:
    below, above = math.nextafter(-3.0, -math.inf), math.nextafter(8.0, math.inf)
    element = _filled(filled, [(0.5, w) for w in (-3.0, 8.0, below, above, math.inf)])
    assert (element.entries, element.outside) == (2, 3)


def test_weighted_sums_agree_with_boost_within_the_stated_rounding(filled: Filled) -> None:
    rng = np.random.default_rng(5)
    x, w = rng.uniform(-1, 4, 20_000), rng.uniform(-3, 8, 20_000)
    element = _filled(filled, list(zip(x.tolist(), w.tolist(), strict=True)))
    reference = bh.Histogram(bh.axis.Regular(3, 0, 3), storage=bh.storage.Weight())
    reference.fill(x, weight=w)
    rounding = 8 * 2**-30 * element.counts(flow=True)
    view = reference.view(flow=True)
    assert (abs(element.values(flow=True) - view["value"]) <= rounding + 1e-9).all()
    squares = element.errors(flow=True) ** 2
    assert (abs(squares - view["variance"]) <= 64 * 2**-30 * element.counts(flow=True) + 1e-9).all()


def test_profiles_agree_with_boost_in_one_and_two_dimensions(filled: Filled) -> None:
    rng = np.random.default_rng(6)
    x, y, z = rng.uniform(-1, 4, (3, 20_000))
    axes = [regular(3, 0, 3), regular(4, 0, 2)]
    columns = make_columns(20_000, {"x": x, "y": y, "z": z})
    booked = [
        profile("one", axes[0], fill="x", value="z", value_range=(-1, 4)),
        profile("two", *axes, fill=("x", "y"), value="z", value_range=(-1, 4)),
    ]
    contents = filled(booked, columns)
    for path, fills in (("one", (x,)), ("two", (x, y))):
        element = MonitorElement.at(contents, path)
        made = [bh.axis.Regular(axis.bins, axis.lower, axis.upper) for axis in axes[: len(fills)]]
        reference = bh.Histogram(*made, storage=bh.storage.Mean())
        reference.fill(*fills, sample=z)
        view = reference.view(flow=True)
        assert np.array_equal(element.counts(flow=True), view["count"].astype(np.int64))
        assert np.allclose(element.values(flow=True), view["value"], rtol=0, atol=4 * 2**-30)
        spread = np.sqrt(view["_sum_of_deltas_squared"] / view["count"])
        assert np.allclose(element.spreads(flow=True), spread, rtol=1e-6)


def test_a_billion_entries_in_one_cell_do_not_overflow_the_sums(filled: Filled) -> None:
    element = _filled(filled, [(0.5, 8.0)] * 1000)
    total = element.contents.copy()
    for _ in range(22):
        total.add(total)
    summed = MonitorElement.at(total, "h")
    assert summed.entries == 1000 * 2**22
    assert summed.values()[0] == 8.0 * 1000 * 2**22
