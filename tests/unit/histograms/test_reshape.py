"""Fewer bins of an element: exact, and nothing is lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement, axis_edges
from dqmstream.histograms.layout import Layout
from dqmstream.histograms.reshape import Reshape, ReshapeError
from dqmstream.messages.booking import (
    Booking,
    Category,
    Histogram,
    Integer,
    Profile,
    Regular,
    Scalar,
    Variable,
)

AXES = (
    Regular(bins=6, lower=-1.0, upper=2.0, label="a", unit="cm"),
    Variable(edges=(0.0, 1.0, 3.0, 4.5, 9.0)),
    Integer(lower=-2, upper=4, labels=("p", "q", "r", "s", "t", "u")),
    Category(codes=(3, 5, 9), labels=("x", "y", "z")),
)


def laid_out(axes, kind: str) -> Layout:
    fill = tuple("abc"[: len(axes)])
    if kind == "profile":
        element = Profile(path="f/p", axes=axes, fill=fill, value="v", value_range=(0.0, 8.0))
    elif kind == "weighted":
        element = Histogram(path="f/w", axes=axes, fill=fill, weight="w", weight_range=(0.0, 4.0))
    else:
        element = Histogram(path="f/h", axes=axes, fill=fill)
    return Layout(Booking(workspace="w", elements=(element,)))


def filled(layout: Layout, seed: int) -> Contents:
    random = np.random.default_rng(seed)
    contents = Contents.empty(layout)
    place = layout.elements[0]
    counts = random.poisson(2.0, place.cells)
    contents.cells[: place.cells] = counts
    if place.planes == 3:
        contents.cells[place.cells : 2 * place.cells] = counts << place.bits
        contents.cells[2 * place.cells : 3 * place.cells] = counts << place.square_bits
    contents.cells[-2:] = (5, 7)
    return contents


@st.composite
def reshapes(draw):
    axes = draw(st.lists(st.sampled_from(AXES), min_size=1, max_size=3).map(tuple))
    layout = laid_out(axes, draw(st.sampled_from(["count", "weighted", "profile"])))
    kept = draw(st.permutations(range(len(axes))))[: draw(st.integers(1, len(axes)))]
    rebin = []
    ranges = {}
    for at in range(len(axes)):
        bins = len(axis_edges(axes[at])) - 1
        if draw(st.booleans()):
            first = draw(st.integers(1, bins))
            ranges[at] = (first, draw(st.integers(first, bins)))
    for at in kept:
        first, last = ranges.get(at, (1, len(axis_edges(axes[at])) - 1))
        size = last - first + 1
        possible = [n for n in range(1, size + 1) if size % n == 0]
        rebin.append(1 if isinstance(axes[at], Category) else draw(st.sampled_from(possible)))
    reshape = Reshape(axes=tuple(kept), ranges=ranges, rebin=tuple(rebin))
    return layout, filled(layout, draw(st.integers(0, 2**32))), reshape


@given(reshapes())
def test_no_entry_is_lost_but_those_of_bins_left_out_of_an_axis_that_goes(case):
    layout, contents, reshape = case
    place = layout.elements[0]
    made = reshape.of(place, "w")
    result = MonitorElement(made.contents(contents), made.element)
    before = MonitorElement(contents, place)
    counts = before.counts(flow=True)
    for at, (first, last) in reshape.ranges.items():
        if at not in reshape.axes:
            under = 0 if isinstance(before.axes[at], Category) else 1
            counts = counts.take(range(first - 1 + under, last + under), axis=at)
    assert result.entries == counts.sum()
    assert (result.nan, result.outside) == (5, 7)


@given(reshapes())
def test_bins_are_sums_of_the_bins_between_the_new_edges(case):
    """Each new bin holds the old ones whose middles lie between its edges: done the slow way."""
    layout, contents, reshape = case
    place = layout.elements[0]
    made = reshape.of(place, "w")
    result = MonitorElement(made.contents(contents), made.element)
    counts = MonitorElement(contents, place).counts(flow=True)
    want = np.zeros(made.element.extents, np.int64)
    for index, value in np.ndenumerate(counts):
        target = _target(place.element.axes, made.element.element.axes, reshape, index)
        if target is not None:
            want[target] += value
    assert np.array_equal(result.counts(flow=True), want)


def _target(before, after, reshape, index):
    """Where an old bin goes; None if it was left out."""
    for at, (first, last) in reshape.ranges.items():
        number = index[at] + (1 if isinstance(before[at], Category) else 0)
        if at not in reshape.axes and not first <= number <= last:
            return None
    target = []
    for new, at in zip(after, reshape.axes, strict=True):
        old = before[at]
        if isinstance(old, Category):
            code = old.codes[index[at]] if index[at] < len(old.codes) else None
            target.append(new.codes.index(code) if code in new.codes else len(new.codes))
        else:
            edges = np.concatenate(([-np.inf], axis_edges(old), [np.inf]))
            middle = np.clip(edges, -1e6, 1e6)[index[at] : index[at] + 2].mean()
            target.append(int(np.searchsorted(axis_edges(new), middle, side="right")))
    return tuple(target)


@given(reshapes())
def test_the_sum_of_lumisections_and_the_reshape_may_change_places(case):
    layout, contents, reshape = case
    place = layout.elements[0]
    other = filled(layout, 99)
    made = reshape.of(place, "w")
    together = Contents.total(layout, [contents, other])
    apart = made.contents(contents)
    apart.add(made.contents(other))
    assert made.contents(together).equals(apart)
    rows = made.cells(np.array([contents.cells, other.cells]))
    assert np.array_equal(rows.sum(axis=0), apart.cells)


def test_nothing_asked_for_changes_nothing():
    layout = laid_out(AXES[:2], "profile")
    contents = filled(layout, 1)
    assert Reshape().is_nothing
    assert Reshape().of(layout.elements[0], "w").contents(contents).equals(contents)


def test_a_rebinned_integer_axis_is_a_regular_one_and_a_cut_one_keeps_its_labels():
    layout = laid_out((AXES[2],), "count")
    merged = Reshape(rebin=(3,)).of(layout.elements[0], "w").element.element.axes[0]
    assert merged == Regular(bins=2, lower=-2.0, upper=4.0)
    cut = Reshape(ranges={0: (2, 3)}).of(layout.elements[0], "w").element.element.axes[0]
    assert cut == Integer(lower=-1, upper=1, labels=("q", "r"))


@pytest.mark.parametrize(
    ("reshape", "said"),
    [
        (Reshape(rebin=(4,)), "expected a divisor of 6 bins: [1, 2, 3, 6]"),
        (Reshape(rebin=(0,)), "expected a divisor"),
        (Reshape(rebin=(1, 1, 1)), "3 rebin factors for 2 axes"),
        (Reshape(axes=(2,)), "has axes 0 to 1"),
        (Reshape(axes=(0, 0)), "each once"),
        (Reshape(axes=()), "expected some of them"),
        (Reshape(ranges={0: (0, 3)}), "expected 1 <= a <= b <= 6"),
        (Reshape(ranges={5: (1, 1)}), "has axes 0 to 1"),
        (Reshape(rebin=(1, 3)), "whose bins are no neighbours"),
    ],
)
def test_what_an_element_has_not_is_refused_with_its_path(reshape, said):
    layout = laid_out((AXES[0], AXES[3]), "count")
    with pytest.raises(ReshapeError, match="f/h") as error:
        reshape.of(layout.elements[0], "w")
    assert said in str(error.value)


def test_a_scalar_has_no_bins():
    layout = Layout(
        Booking(workspace="w", elements=(Scalar(path="f/s", value="n", combine="sum"),))
    )
    with pytest.raises(ReshapeError, match="no bins"):
        Reshape(rebin=(2,)).of(layout.elements[0], "w")
