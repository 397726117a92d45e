"""Counts are boost-histogram's to the last bit; NaN is the one thing treated otherwise."""

import math
from collections.abc import Callable

import boost_histogram as bh
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dqmstream.booking import category, histogram, integer, regular, variable
from dqmstream.booking.testing import make_columns
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.messages.booking import Axis, Category, Integer, Regular, Variable

Filled = Callable[..., Contents]
Values = NDArray[np.generic]

# Sizes on both sides of the kernel's block (1024) and of what is packed into one array (1500).
_MANY = st.sampled_from([0, 1, 7, 1023, 1024, 1025, 1600, 2500])
_bounds = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@st.composite
def _regular(draw: st.DrawFn) -> Regular:
    lower = draw(_bounds)
    return regular(
        draw(st.integers(1, 130)), lower, lower + draw(st.sampled_from([1e-3, 0.1, 1, 3, 100, 1e9]))
    )


@st.composite
def _variable(draw: st.DrawFn) -> Variable:
    return variable(sorted(draw(st.sets(_bounds, min_size=2, max_size=40))))


@st.composite
def _integer(draw: st.DrawFn) -> Integer:
    lower = draw(st.integers(-1000, 1000))
    return integer(lower, lower + draw(st.integers(1, 50)))


_category = st.sets(st.integers(-60, 60), min_size=1, max_size=40).map(
    lambda codes: category(sorted(codes, key=lambda code: (code * 7919) % 101))
)
_continuous = st.one_of(_regular(), _variable())


def _edges(axis: Axis) -> list[float]:
    match axis:
        case Regular():
            step = (axis.upper - axis.lower) / axis.bins
            return [axis.lower + index * step for index in range(axis.bins + 1)] + [axis.upper]
        case Variable():
            return list(axis.edges)
        case Integer():
            return [float(axis.lower), float(axis.upper)]
        case Category():
            return [float(code) for code in axis.codes]


def _near_edges(draw: st.DrawFn, axis: Axis, size: int) -> NDArray[np.float64]:
    """Values where binning can go wrong: on, just below and just above edges, infinities, NaN."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    edges = rng.choice(_edges(axis), size)
    shifts = rng.integers(-2, 3, size)
    near = np.where(shifts == 2, edges + rng.normal(size=size), edges)
    for step, direction in ((-1, -math.inf), (1, math.inf)):
        near = np.where(shifts == step, np.nextafter(near, direction), near)
    odd = np.array([math.inf, -math.inf, math.nan, 0.0, -0.0, 1e308, -1e308, 5e-324])
    return np.where(rng.random(size) < 0.1, rng.choice(odd, size), near)


@st.composite
def _continuous_fill(draw: st.DrawFn) -> tuple[list[Axis], list[Values]]:
    axes: list[Axis] = draw(st.lists(_continuous, min_size=1, max_size=3))
    size = draw(_MANY)
    return axes, [_near_edges(draw, axis, size) for axis in axes]


@st.composite
def _discrete_fill(draw: st.DrawFn) -> tuple[list[Axis], list[Values]]:
    axes: list[Axis] = draw(st.lists(st.one_of(_integer(), _category), min_size=1, max_size=3))
    size = draw(_MANY)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    types = st.sampled_from([np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint32])
    arrays = []
    for axis in axes:
        numbers = rng.choice(_edges(axis), size) + rng.integers(-2, 3, size)
        arrays.append(numbers.astype(np.int64).astype(draw(types)))
    return axes, arrays


def _boost(axes: list[Axis], values: list[Values]) -> NDArray[np.int64]:
    made = []
    for axis in axes:
        match axis:
            case Regular():
                made.append(bh.axis.Regular(axis.bins, axis.lower, axis.upper))
            case Variable():
                made.append(bh.axis.Variable(axis.edges))
            case Integer():
                made.append(bh.axis.Integer(axis.lower, axis.upper))
            case Category():
                made.append(bh.axis.IntCategory(axis.codes))
    reference = bh.Histogram(*made, storage=bh.storage.Int64())
    if values[0].size:
        reference.fill(*values)
    return np.ascontiguousarray(reference.view(flow=True))


def _counts(filled: Filled, axes: list[Axis], values: list[Values]) -> MonitorElement:
    names = [f"x{index}" for index in range(len(axes))]
    columns = make_columns(values[0].size, dict(zip(names, values, strict=True)))
    return MonitorElement.at(filled([histogram("h", *axes, fill=names)], columns), "h")


@given(_continuous_fill())
def test_continuous_axes_bin_as_boost_does_around_every_edge(
    filled: Filled, case: tuple[list[Axis], list[Values]]
) -> None:
    axes, values = case
    element = _counts(filled, axes, values)
    number = ~np.isnan(np.array(values)).any(axis=0)
    expected = _boost(axes, [array[number] for array in values])
    assert np.array_equal(element.counts(flow=True), expected)
    assert element.nan == np.count_nonzero(~number)
    assert element.entries + element.nan == values[0].size


@given(_discrete_fill())
def test_integer_and_category_axes_bin_as_boost_does(
    filled: Filled, case: tuple[list[Axis], list[Values]]
) -> None:
    axes, values = case
    # Farther out boost's difference to the lower edge wraps in 32 bits; ours does not.
    within = [np.clip(array, -(2**30), 2**30, dtype=np.int64) for array in values]
    assert np.array_equal(_counts(filled, axes, values).counts(flow=True), _boost(axes, within))


@st.composite
def _fractional_fill(draw: st.DrawFn) -> tuple[Axis, Values]:
    axis = draw(st.one_of(_integer(), _category))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    whole = rng.choice(_edges(axis), 60) + rng.integers(-1, 2, 60)
    values = whole + rng.choice([0.0, 0.5, 1 - 2**-40], 60)
    return axis, np.concatenate([values, [math.inf, -math.inf, 1e300, -1e300, 5e-324, -5e-324]])


@given(_fractional_fill())
def test_fractions_on_integer_axes_are_cut_down(filled: Filled, case: tuple[Axis, Values]) -> None:
    axis, values = case
    floors = np.clip(np.floor(values), -1e6, 1e6).astype(np.int64)
    element = _counts(filled, [axis], [values])
    assert np.array_equal(element.counts(flow=True), _boost([axis], [floors]))


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int16, np.uint8, np.uint64, np.bool_])
@pytest.mark.parametrize("size", [100, 5000])
def test_columns_of_every_width_count_as_their_float64(
    filled: Filled, dtype: type[np.generic], size: int
) -> None:
    values = np.random.default_rng(1).integers(0, 200, size).astype(dtype)
    axis = regular(64, 0.5, 180.5)
    element = _counts(filled, [axis], [values])
    expected = _boost([axis], [values.astype(np.float64)])
    assert np.array_equal(element.counts(flow=True), expected)


def test_bins_of_a_single_unit_in_the_last_place_still_agree(filled: Filled) -> None:
    lower = 1e15
    axis = regular(8, lower, lower + 1)
    values = lower + np.arange(-4, 16) * 0.125
    element = _counts(filled, [axis], [values])
    assert np.array_equal(element.counts(flow=True), _boost([axis], [values]))


def test_a_nan_on_any_axis_takes_the_whole_entry_to_the_counter(filled: Filled) -> None:
    x = np.array([0.5, math.nan, 0.5, math.nan, 0.5])
    y = np.array([0.5, 0.5, math.nan, math.nan, 7.0])
    axes: list[Axis] = [regular(2, 0, 1), category([0]), variable([0.0, 0.1, 1.0])]
    element = _counts(filled, axes, [x, np.zeros(5), y])
    assert element.nan == 3
    assert element.entries == 2
