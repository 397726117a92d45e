"""The filler: levels, selections, failures that stay where they belong, and the laws of a fold."""

import itertools
import math
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.booking import (
    histogram,
    integer,
    profile,
    regular,
    scalar,
    text,
)
from dqmstream.booking.columns import Collection, Columns
from dqmstream.booking.testing import make_collection, make_columns
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.booking import Element

Filled = Callable[..., Contents]

_ELEMENTS: list[Element] = [
    histogram("a/x", regular(20, -1, 1), fill="x"),
    histogram("a/sum", regular(20, -1, 1), fill="x + n", select="good"),
    histogram("a/muons", integer(0, 5), fill="count(muon)"),
    histogram("a/pt", regular(10, 0, 50), fill="muon.pt", select="n > 1 and muon.pt > 5"),
    histogram("a/ptn", regular(10, 0, 50), integer(0, 4), fill=("muon.pt", "n")),
    histogram("a/w", regular(10, 0, 50), fill="muon.pt", weight="x", weight_range=(-2, 2)),
    profile("a/p", integer(0, 4), fill="n", value="max(muon.pt)", value_range=(0, 40)),
    scalar("a/events", "1", combine="sum"),
    scalar("a/good", "good", combine="sum"),
    scalar("a/sumx", "x", combine="sum", value_range=(-10, 10)),
    scalar("a/least", "x", combine="min"),
    scalar("a/most", "muon.pt", combine="max", select="good"),
    scalar("a/last", "n", combine="last"),
    text("a/word", "word", select="n > 1"),
]


@st.composite
def _events(draw: st.DrawFn) -> Columns:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    events = draw(st.sampled_from([0, 1, 2, 17, 200, 3000]))
    counts = rng.poisson(1.0, events)
    pt = rng.exponential(15, int(counts.sum())).astype(np.float32)
    pt[rng.random(pt.size) < 0.01] = math.nan
    return make_columns(
        events,
        {
            "x": np.where(rng.random(events) < 0.02, math.nan, rng.normal(size=events)),
            "n": rng.integers(0, 4, events).astype(np.uint8),
            "good": rng.random(events) < 0.7,
        },
        {"muon": make_collection(counts, pt=pt)},
        {"word": [f"w{number}" for number in rng.integers(0, 9, events)]},
    )


def _part(columns: Columns, begin: int, end: int) -> Columns:
    """Events begin to end, cut out."""
    collections = {}
    for name, whole in columns.collections.items():
        first, last = whole.offsets[begin], whole.offsets[end]
        members = {member: array[first:last] for member, array in whole.members.items()}
        collections[name] = Collection(
            offsets=whole.offsets[begin : end + 1] - first, members=members
        )
    return Columns(
        events=end - begin,
        values={name: array[begin:end] for name, array in columns.values.items()},
        collections=collections,
        texts={name: array.slice(begin, end - begin) for name, array in columns.texts.items()},
    )


def _cut(columns: Columns, cuts: list[float]) -> list[Columns]:
    bounds = sorted({0, columns.events, *(int(cut * columns.events) for cut in cuts)})
    return [_part(columns, a, b) for a, b in itertools.pairwise(bounds)]


@given(_events(), st.lists(st.floats(0, 1), max_size=5))
def test_any_split_of_the_events_fills_the_same(
    filled: Filled, columns: Columns, cuts: list[float]
) -> None:
    whole, parts = filled(_ELEMENTS, columns), filled(_ELEMENTS, *_cut(columns, cuts))
    assert np.array_equal(whole.cells, parts.cells)
    assert whole.invalid == parts.invalid
    if columns.events:
        values = [{i: v.value for i, v in each.scalars.items()} for each in (whole, parts)]
        assert values[0] == values[1]


@given(st.lists(_events(), max_size=4), st.randoms())
def test_the_order_of_chunks_never_matters(
    filled: Filled, chunks: list[Columns], random: Random
) -> None:
    layout = filled(_ELEMENTS).layout
    filler = WorkspaceFiller(layout)
    contents = [Contents.empty(layout), Contents.empty(layout)]
    numbered = list(enumerate(chunks))
    for target, order in zip(
        contents, (numbered, random.sample(numbered, len(chunks))), strict=True
    ):
        for number, columns in order:
            filler.fill(target, columns, source="s", number=number)
    assert contents[0].equals(contents[1])


@given(st.lists(_events(), min_size=1, max_size=4))
def test_the_sum_of_lumisections_is_the_run(filled: Filled, chunks: list[Columns]) -> None:
    run = filled(_ELEMENTS, *chunks)
    total = Contents.total(run.layout, [filled(_ELEMENTS, chunk) for chunk in chunks])
    assert np.array_equal(run.cells, total.cells)
    assert run.invalid == total.invalid
    assert {i: v.value for i, v in run.scalars.items()} == {
        i: v.value for i, v in total.scalars.items()
    }


@given(_events())
def test_every_event_or_object_is_in_one_cell_or_counter(filled: Filled, columns: Columns) -> None:
    contents = filled(_ELEMENTS, columns)
    muons = columns.collections["muon"]
    counts, events = np.diff(muons.offsets), columns.events
    good = np.count_nonzero(columns.values["good"])
    chosen = (np.repeat(columns.values["n"], counts) > 1) & (muons.members["pt"] > 5)
    expected = {
        "a/x": events,
        "a/sum": good,
        "a/muons": events,
        "a/pt": np.count_nonzero(chosen),
        "a/ptn": counts.sum(),
        "a/w": counts.sum(),
        "a/p": events,
    }
    for path, filled_entries in expected.items():
        element = MonitorElement.at(contents, path)
        assert element.entries + element.nan + element.outside == filled_entries, path


def test_a_missing_column_makes_only_those_who_need_it_invalid(filled: Filled) -> None:
    whole = make_columns(3, {"x": [0.1, 0.2, 0.3], "y": [1.0, 2.0, 3.0]})
    without = make_columns(2, {"y": [4.0, 5.0]})
    elements = [
        histogram("x", regular(1, 0, 1), fill="x"),
        histogram("y", regular(1, 0, 9), fill="y"),
        histogram("xy", regular(1, 0, 9), fill="y", select="x > 0"),
        histogram("yx", regular(1, 0, 9), regular(1, 0, 1), fill=("y", "x")),
        histogram("w", regular(1, 0, 9), fill="y", weight="x", weight_range=(0, 1)),
        scalar("sx", "x", combine="max"),
        scalar("sy", "y", combine="max"),
        text("t", "word"),
    ]
    contents = filled(elements, whole, without)
    reason = "column x is missing"
    assert contents.invalid == {
        **dict.fromkeys((0, 2, 3, 4, 5), reason),
        7: "column word is missing",
    }
    for path, entries in {"x": 3, "y": 5, "xy": 3, "yx": 3, "w": 3}.items():
        element = MonitorElement.at(contents, path)
        assert (element.entries, element.nan, element.outside) == (entries, 0, 0), path
    assert MonitorElement.at(contents, "sy").value == 5.0


def test_a_column_of_another_type_is_named_in_the_reason(filled: Filled) -> None:
    columns = make_columns(
        1,
        {"x": [1.5], "b": [True]},
        {"muon": make_collection([1], pt=[1.0])},
        {"word": ["w"]},
    )
    axis = regular(1, 0, 9)
    cases = {
        "word": "column word is text, expected numbers or booleans, one per event",
        "muon": "column muon is a collection, expected numbers or booleans, one per event",
        "jet.pt": "collection jet is missing",
        "muon.eta": "column muon.eta is missing",
        "x & 1": "bitwise operators take booleans or integers, got float64 and int64",
    }
    for fill, reason in cases.items():
        assert filled([histogram("h", axis, fill=fill)], columns).invalid == {0: reason}
    booked = histogram("h", axis, fill="x", select="x")
    assert filled([booked], columns).invalid == {
        0: "expected booleans, got float64; write a comparison such as x != 0"
    }
    assert filled([scalar("s", "x", combine="sum")], columns).invalid == {
        0: "the sum of float64 values needs a value_range"
    }
    assert filled([text("t", "x")], columns).invalid == {0: "column x is not text"}


def test_a_sum_with_values_out_of_range_says_so_and_keeps_the_rest(filled: Filled) -> None:
    columns = make_columns(4, {"x": [1.0, 2.0, math.nan, 99.0], "n": [1, 2**40, 3, -(2**40)]})
    contents = filled(
        [
            scalar("x", "x", combine="sum", value_range=(0, 10)),
            scalar("n", "n", combine="sum"),
        ],
        columns,
    )
    assert contents.invalid == {
        0: "a value is NaN or outside (0.0, 10.0)",
        1: "a value is beyond 2**31; declare a value_range",
    }
    assert MonitorElement.at(contents, "x").value == 3.0
    assert MonitorElement.at(contents, "n").value == 4


def test_last_is_by_chunk_number_then_by_event(filled: Filled) -> None:
    chunks = [
        make_columns(2, {"n": [1, 2]}, texts={"w": ["a", "b"]}),
        make_columns(2, {"n": [3, 4]}, texts={"w": ["c", "d"]}),
        make_columns(0, {"n": np.empty(0, np.int64)}, texts={"w": []}),
    ]
    elements = [scalar("n", "n", combine="last", select="n < 4"), text("w", "w")]
    contents = filled(elements, *chunks)
    last = contents.scalars[0]
    assert (last.value, last.source, last.number) == (3, "s", 1)
    assert MonitorElement.at(contents, "w").value == "d"


def test_nan_is_passed_over_by_last_min_and_max(filled: Filled) -> None:
    columns = make_columns(3, {"x": [2.0, 1.0, math.nan]})
    elements = [
        scalar("last", "x", combine="last"),
        scalar("min", "x", combine="min"),
        scalar("none", "x", combine="max", select="x > 5"),
    ]
    contents = filled(elements, columns)
    values = [MonitorElement.at(contents, path).value for path in ("last", "min", "none")]
    assert values == [1.0, 1.0, None]
    assert contents.invalid == {}


def test_a_text_beyond_the_limit_is_refused(filled: Filled) -> None:
    columns = make_columns(1, texts={"w": ["x" * 10_001]})
    assert filled([text("t", "w")], columns).invalid == {0: "a text has more than 10000 characters"}


@pytest.mark.parametrize("events", [3, 4000])
def test_selections_and_columns_of_all_levels_meet_in_one_batch(
    filled: Filled, events: int
) -> None:
    rng = np.random.default_rng(2)
    counts = rng.poisson(2, events)
    columns = make_columns(
        events,
        {"n": rng.integers(0, 9, events).astype(np.int32)},
        {"muon": make_collection(counts, pt=rng.uniform(0, 50, int(counts.sum())))},
    )
    contents = filled(
        [
            histogram("pt", regular(5, 0, 50), fill="muon.pt", select="n == 3"),
            histogram("n", integer(0, 9), fill="n", select="any(muon.pt > 40)"),
            histogram("both", regular(5, 0, 50), integer(0, 9), fill=("muon.pt", "n")),
        ],
        columns,
    )
    n, pt = columns.values["n"], columns.collections["muon"].members["pt"]
    event = np.repeat(np.arange(events), counts)
    chosen = np.histogram(pt[n[event] == 3], 5, (0, 50))[0]
    assert np.array_equal(MonitorElement.at(contents, "pt").counts(), chosen)
    high = np.isin(np.arange(events), event[pt > 40])
    assert np.array_equal(
        MonitorElement.at(contents, "n").counts(), np.bincount(n[high], minlength=9)
    )
    both = np.histogram2d(pt, n[event], (5, 9), ((0, 50), (0, 9)))[0]
    assert np.array_equal(MonitorElement.at(contents, "both").counts(), both)


def test_elements_without_bins_need_no_kernel(filled: Filled) -> None:
    contents = filled([scalar("s", "1", combine="sum")], make_columns(7))
    assert MonitorElement.at(contents, "s").value == 7
