"""One MonitorElement: its numbers by their formulas, and its forms for other libraries."""

import json
import math
from typing import Any

import boost_histogram as bh
import jsonschema_rs
import numpy as np
import pytest
from boost_histogram.serialization import from_uhi
from hypothesis import given
from hypothesis import strategies as st
from uhi.schema import histogram_file

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
from dqmstream.booking.columns import Columns
from dqmstream.booking.testing import make_columns
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement, axis_centres, axis_edges
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.booking import Element

_ELEMENTS: list[Element] = [
    histogram("counts", regular(4, 0, 2, label="x", unit="cm"), fill="x", title="Position"),
    histogram("map", regular(4, 0, 2), integer(0, 3, labels="abc"), fill=("x", "n")),
    histogram("cube", integer(0, 3), category([2, 0]), variable([0, 0.3, 2]), fill=("n", "n", "x")),
    histogram("weighted", integer(0, 3), fill="n", weight="w", weight_range=(-2, 2)),
    profile("profile", category([0, 1, 2], labels="abc"), fill="n", value="w", value_range=(-2, 2)),
    profile(
        "profile2", integer(0, 3), regular(2, 0, 2), fill=("n", "x"), value="w", value_range=(-2, 2)
    ),
    scalar("sum", "w", combine="sum", value_range=(-2, 2)),
    scalar("whole", "n", combine="sum"),
    text("word", "word"),
]
_LAYOUT = Layout(Workspace("Test", "", _ELEMENTS))
_BINNED = ["counts", "map", "cube", "weighted", "profile", "profile2"]


def _contents(columns: Columns) -> Contents:
    contents = Contents.empty(_LAYOUT)
    WorkspaceFiller(_LAYOUT).fill(contents, columns, source="s", number=4)
    return contents


def _random_columns(seed: int, events: int = 500) -> Columns:
    rng = np.random.default_rng(seed)
    return make_columns(
        events,
        {
            "x": np.where(rng.random(events) < 0.05, math.nan, rng.normal(1, 0.7, events)),
            "n": rng.integers(-1, 5, events),
            "w": rng.integers(-9, 10, events) / 4,
        },
        texts={"word": ["w"] * events},
    )


_CONTENTS = _contents(_random_columns(1))


def _at(path: str, contents: Contents = _CONTENTS) -> MonitorElement:
    return MonitorElement.at(contents, path)


@pytest.mark.parametrize("path", _BINNED)
def test_entries_with_flow_and_counters_are_all_there_were(path: str) -> None:
    element = _at(path)
    assert element.counts(flow=True).sum() == element.entries
    assert element.entries + element.nan + element.outside == 500


def test_counts_are_integers_with_root_errors() -> None:
    element = _at("counts")
    assert element.values().dtype == np.int64
    assert element.values().shape == (4,)
    assert np.array_equal(element.values(flow=True)[1:-1], element.values())
    assert np.array_equal(element.errors(), np.sqrt(element.counts()))


def test_flow_of_a_category_axis_is_its_last_bin_only() -> None:
    cube = _at("cube")
    assert cube.counts(flow=True).shape == (5, 3, 4)
    assert cube.counts().shape == (3, 2, 2)
    assert np.array_equal(cube.counts(), cube.counts(flow=True)[1:-1, :-1, 1:-1])


def test_weighted_values_and_errors_are_sums_and_roots_of_squares() -> None:
    columns = _random_columns(1)
    n, w = columns.values["n"], columns.values["w"]
    good = abs(w) <= 2
    for code in range(3):
        chosen = w[good & (n == code)]
        assert _at("weighted").values()[code] == chosen.sum()
        assert math.isclose(_at("weighted").errors()[code], math.sqrt((chosen**2).sum()))


def test_profile_values_spreads_and_errors_are_those_of_the_values() -> None:
    columns = _random_columns(1)
    n, w = columns.values["n"], columns.values["w"]
    element = _at("profile")
    for code in range(3):
        chosen = w[(abs(w) <= 2) & (n == code)]
        assert math.isclose(element.values()[code], chosen.mean())
        assert math.isclose(element.spreads()[code], chosen.std(), rel_tol=1e-7)
        error = chosen.std() / math.sqrt(chosen.size)
        assert math.isclose(element.errors()[code], error, rel_tol=1e-7)


def test_an_empty_profile_bin_has_no_mean() -> None:
    element = _at("profile", Contents.empty(_LAYOUT))
    assert np.isnan(element.values()).all()
    assert np.isnan(element.errors()).all()
    assert math.isnan(element.mean())


def test_mean_and_std_take_bins_at_their_centres() -> None:
    columns = make_columns(
        5,
        {"x": [0.1, 0.3, 1.9, -5, 7], "n": [0, 1, 2, 2, 9], "w": np.zeros(5)},
        texts={"word": [""] * 5},
    )
    contents = _contents(columns)
    centres = np.array([0.25, 0.25, 1.75])
    assert math.isclose(_at("counts", contents).mean(), centres.mean())
    assert math.isclose(_at("counts", contents).std(), centres.std())
    # In the map only entries in range on both axes count, and integers stand for themselves.
    assert _at("map", contents).mean(1) == 1.0
    assert math.isclose(_at("profile2", contents).mean(0), 1.0)
    assert math.isnan(_at("profile", contents).mean())


def test_scalars_come_back_in_their_own_unit() -> None:
    columns = make_columns(
        3, {"x": np.zeros(3), "n": [1, 2, 3], "w": [0.5, 1.25, -2]}, texts={"word": ["a", "b", "c"]}
    )
    contents = _contents(columns)
    assert _at("sum", contents).value == -0.25
    assert _at("whole", contents).value == 6
    assert _at("word", contents).value == "c"
    assert _at("word", Contents.empty(_LAYOUT)).value is None


def test_asking_for_what_an_element_has_not_names_it() -> None:
    with pytest.raises(TypeError, match="sum is a Scalar: it has no bins"):
        _at("sum").counts()
    with pytest.raises(TypeError, match="counts is a Histogram, only a Profile has spreads"):
        _at("counts").spreads()
    with pytest.raises(KeyError, match="gone"):
        _at("gone")


def test_an_invalid_element_says_why() -> None:
    contents = _contents(make_columns(1, {"x": [1.0]}))
    assert _at("map", contents).invalid == "column n is missing"
    assert _at("counts", contents).invalid == ""


def test_a_view_follows_its_contents() -> None:
    contents = _CONTENTS.copy()
    element = _at("counts", contents)
    before = element.entries
    contents.add(_CONTENTS)
    assert element.entries == 2 * before


@pytest.mark.parametrize("path", _BINNED)
def test_boost_gets_every_bin_where_it_belongs(path: str) -> None:
    element, boost = _at(path), _at(path).to_boost()
    view: Any = boost.view(flow=True)
    assert view.shape == element.place.extents
    if path in {"counts", "map", "cube"}:
        assert boost.storage_type is bh.storage.Int64
        assert np.array_equal(view, element.counts(flow=True))
    elif path == "weighted":
        assert np.array_equal(view["value"], element.values(flow=True))
        assert np.allclose(boost.variances(flow=True) ** 0.5, element.errors(flow=True))
    else:
        filled = view["count"] > 0
        assert np.array_equal(view["count"], element.counts(flow=True))
        assert np.array_equal(view["value"][filled], element.values(flow=True)[filled])


def test_boost_agrees_with_a_fill_of_its_own() -> None:
    columns = _random_columns(1)
    known = ~np.isnan(columns.values["x"])
    n, x = columns.values["n"][known], columns.values["x"][known]
    reference = bh.Histogram(
        bh.axis.Integer(0, 3, metadata=""),
        bh.axis.IntCategory([2, 0], metadata=""),
        bh.axis.Variable([0, 0.3, 2], metadata=""),
        storage=bh.storage.Int64(),
    )
    reference.fill(n, n, x)
    assert _at("cube").to_boost() == reference


@pytest.mark.parametrize("path", _BINNED)
def test_uhi_is_plain_json_and_valid_against_its_schema(path: str) -> None:
    element = _at(path)
    document = json.loads(json.dumps(element.to_uhi(), allow_nan=False))
    schema = json.loads(histogram_file.read_text(encoding="utf-8"))
    jsonschema_rs.validate(schema, document)
    assert document == element.to_uhi()
    assert document["metadata"]["path"] == path
    assert document["metadata"]["entries"] == element.entries
    back: Any = from_uhi(document).view(flow=True)
    boost: Any = element.to_boost().view(flow=True)
    for field in back.dtype.names or (...,):
        assert np.allclose(back[field], boost[field])


def test_a_plot_says_all_that_is_drawn_in_json() -> None:
    plot = json.loads(json.dumps(_at("counts").to_plot(), allow_nan=False))
    element = _at("counts")
    assert plot["title"] == "Position"
    assert plot["axes"][0]["edges"] == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert (plot["axes"][0]["label"], plot["axes"][0]["unit"]) == ("x", "cm")
    assert plot["values"] == element.counts().tolist()
    counts = element.counts(flow=True)
    assert plot["flow"] == [[counts[0], counts[-1]]]
    assert (plot["entries"], plot["nan"]) == (element.entries, element.nan)
    assert "errors" not in plot


@pytest.mark.parametrize("path", [*_BINNED, "sum", "word"])
def test_every_kind_of_element_can_be_drawn(path: str) -> None:
    element = _at(path)
    plot = json.loads(json.dumps(element.to_plot(), allow_nan=False))
    assert plot["path"] == path
    assert plot["value"] == element.value
    if path in _BINNED:
        assert len(plot["values"]) == math.prod(axis["bins"] for axis in plot["axes"])
        assert all(len(axis["edges"]) == axis["bins"] + 1 for axis in plot["axes"])
        assert len(plot["flow"]) == len(plot["mean"]) == len(plot["axes"])


def test_a_category_without_labels_is_drawn_with_its_codes() -> None:
    plot = _at("cube").to_plot()
    assert plot["axes"][1]["labels"] == ["2", "0"]
    assert _at("map").to_plot()["axes"][1]["labels"] == ["a", "b", "c"]


@given(st.integers(1, 200), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_edges_are_those_of_boost(bins: int, lower: float, width: float) -> None:
    axis = regular(bins, lower, lower + width)
    edges = bh.axis.Regular(bins, axis.lower, axis.upper).edges
    assert np.allclose(axis_edges(axis), edges, rtol=1e-15, atol=1e-12)
    assert (axis_edges(axis)[0], axis_edges(axis)[-1]) == (axis.lower, axis.upper)
    assert len(axis_centres(axis)) == bins
