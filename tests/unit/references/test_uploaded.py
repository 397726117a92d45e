"""References from files: what is written by `contents?format=uhi` or as ROOT is read again."""

import json
from pathlib import Path
from typing import Any

import boost_histogram as bh
import numpy as np
import pytest
from boost_histogram import serialization

from dqmstream.errors import MessageError, SourceError
from dqmstream.export.about import About, Exported
from dqmstream.export.root import root_file
from dqmstream.export.uhi_json import to_uhi_document
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import Layout
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
from dqmstream.references.uploaded import fit_upload
from dqmstream.sources.histograms.describe import Description
from dqmstream.sources.histograms.histogram import ImportedHistogram, Rejected
from dqmstream.sources.histograms.room import Room
from dqmstream.sources.histograms.root import read_root
from dqmstream.sources.histograms.uhi import read_uhi

X = Regular(bins=5, lower=0.0, upper=1.0, label="charge", unit="ke")
LAYOUT = Layout(
    Booking(
        workspace="pixel",
        elements=(
            Histogram(path="Pixel/counts", axes=(X,), fill=("x",)),
            Histogram(path="Pixel/layers", axes=(Integer(lower=1, upper=5),), fill=("x",)),
            Histogram(
                path="Pixel/named",
                axes=(Integer(lower=0, upper=2, labels=("a", "b")),),
                fill=("x",),
            ),
            Histogram(path="Pixel/map", axes=(X, Variable(edges=(0.0, 1.0, 4.0))), fill=("x", "y")),
            Histogram(
                path="Pixel/weights", axes=(X,), fill=("x",), weight="w", weight_range=(0.0, 2.0)
            ),
            Histogram(path="Pixel/codes", axes=(Category(codes=(3, 7)),), fill=("x",)),
            Profile(
                path="Pixel/profile", axes=(X,), fill=("x",), value="y", value_range=(0.0, 8.0)
            ),
            Scalar(path="Pixel/number", value="n", combine="sum"),
        ),
    )
)
PATHS = [place.element.path for place in LAYOUT if place.size]


@pytest.fixture(scope="module")
def contents() -> Contents:
    """Entries in all cells; weights of 0.3 and values of 3 and 5."""
    made, rng = Contents.empty(LAYOUT), np.random.default_rng(1)
    for place in LAYOUT:
        counts = 2 * rng.integers(1, 20, place.cells)
        made.cells[place.offset : place.offset + place.cells] = counts
        if place.planes == 3:
            value, square = (0.3, 0.09) if place.element.path == "Pixel/weights" else (4.0, 17.0)
            at = place.offset + place.cells
            made.cells[at : at + place.cells] = np.ldexp(counts * value, place.bits)
            at += place.cells
            made.cells[at : at + place.cells] = np.ldexp(counts * square, place.square_bits)
    return made


@pytest.fixture(scope="module")
def exported(contents) -> list[Exported]:
    about = About(run=7, window="run", lumisections=(1, 2), closed=True, complete=True, whole=True)
    return [Exported(place=place, contents=contents, about=about, labels={}) for place in LAYOUT]


def check(after: Contents, before: Contents, paths: list[str]) -> None:
    assert [place.element.path for place in after.layout] == sorted(paths)
    for path in paths:
        one, other = MonitorElement.at(after, path), MonitorElement.at(before, path)
        assert one.axes == other.axes, path
        np.testing.assert_allclose(one.values(flow=True), other.values(flow=True), rtol=1e-6)
        np.testing.assert_allclose(one.errors(flow=True), other.errors(flow=True), rtol=1e-4)


def test_what_is_exported_as_uhi_comes_in_over_the_axes_that_are_booked(contents, exported):
    text = json.dumps(to_uhi_document(exported)).encode()
    uploaded = fit_upload(read_uhi(text, "a.json"), "pixel", LAYOUT)
    check(uploaded.contents, contents, PATHS)
    assert (uploaded.taken, uploaded.left_out) == (7, ())


def test_what_is_exported_as_root_comes_in_over_the_axes_that_are_booked(
    contents, exported, tmp_path: Path
):
    file = tmp_path / "a.root"
    file.write_bytes(root_file(exported))
    found = list(read_root(file, "a.root", Description(), Room()))
    uploaded = fit_upload(found, "pixel", LAYOUT)
    # A category axis is one of names in ROOT: that it is other things is told.
    check(uploaded.contents, contents, [path for path in PATHS if path != "Pixel/codes"])
    assert any("Pixel/codes" in why for why in uploaded.left_out)


def test_without_a_booking_everything_comes_in_as_it_is(contents, exported):
    text = json.dumps(to_uhi_document(exported)).encode()
    uploaded = fit_upload(read_uhi(text, "a.json"), "other", None)
    assert uploaded.taken == 7
    assert MonitorElement.at(uploaded.contents, "Pixel/counts").entries == (
        MonitorElement.at(contents, "Pixel/counts").entries
    )


def test_one_histogram_of_another_program_is_taken_by_the_path_in_its_metadata():
    histogram: Any = bh.Histogram(bh.axis.Regular(5, 0, 1), storage=bh.storage.Int64())
    histogram.fill([0.1, 0.3, 0.3, 7.0])
    uhi = serialization.to_uhi(histogram)
    uhi["metadata"] = {"path": "Pixel/counts"}
    text = json.dumps(uhi, default=lambda value: value.tolist()).encode()
    uploaded = fit_upload(read_uhi(text, "a.json"), "pixel", LAYOUT)
    values = MonitorElement.at(uploaded.contents, "Pixel/counts").values(flow=True)
    assert values.tolist() == [0, 1, 2, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("path", "axes", "why"),
    [
        ("Pixel/none", (X,), "not booked in workspace 'pixel'"),
        ("Pixel/number", (X,), "is a scalar"),
        ("Pixel/profile", (X,), "is a profile, the file has values"),
        ("Pixel/counts", (Regular(bins=5, lower=0.0, upper=2.0),), "5 bins [0, 1], the file has"),
        ("Pixel/counts", (X, X), "the file has 5 bins [0, 1] x 5 bins [0, 1]"),
        ("Pixel/codes", (X,), "has axes category"),
    ],
)
def test_what_does_not_fit_is_left_out_and_told(path, axes, why):
    shape = tuple(axis.bins + 2 for axis in axes)
    one = ImportedHistogram(
        run=1,
        lumisection=0,
        path=path,
        title="",
        axes=axes,
        kind="values",
        values=np.ones(shape),
        source="a.root",
        where="x",
    )
    taken = ImportedHistogram(
        run=1,
        lumisection=0,
        path="Pixel/layers",
        title="",
        axes=(Regular(bins=4, lower=0.5, upper=4.5),),
        kind="values",
        values=np.ones(6),
        source="a.root",
        where="y",
    )
    uploaded = fit_upload([one, taken], "pixel", LAYOUT)
    assert [place.element.path for place in uploaded.contents.layout] == ["Pixel/layers"]
    assert why in uploaded.left_out[0]
    with pytest.raises(MessageError, match="no histogram can be taken"):
        fit_upload([one], "pixel", LAYOUT)


def test_of_a_file_with_several_runs_it_must_be_said_which():
    def of_run(run: int) -> ImportedHistogram:
        return ImportedHistogram(
            run=run,
            lumisection=0,
            path="Pixel/counts",
            title="",
            axes=(X,),
            kind="values",
            values=np.full(7, run),
            source="a.root",
            where="x",
        )

    with pytest.raises(MessageError, match="runs 3, 4: say which"):
        fit_upload([of_run(3), of_run(4)], "pixel", LAYOUT)
    uploaded = fit_upload([of_run(3), of_run(4)], "pixel", LAYOUT, run=4)
    assert uploaded.contents.cells[:7].tolist() == [4] * 7


@pytest.mark.parametrize("text", [b"", b"[]", b"nonsense", b"\x00\xff", b"[" * 100_000])
def test_what_is_no_document_of_histograms_is_refused(text):
    with pytest.raises(SourceError, match="not_uhi"):
        list(read_uhi(text, "a.json"))


@pytest.mark.parametrize(
    "uhi",
    [
        None,
        {},
        {"axes": [], "storage": {"type": "int"}},
        {"axes": [{"type": "regular"}], "storage": {"type": "int", "values": []}},
        {
            "axes": [{"type": "regular", "lower": 0, "upper": 1, "bins": 3}],
            "storage": {"type": "int", "values": [1, 2]},
        },
        {
            "axes": [{"type": "regular", "lower": 0, "upper": 1, "bins": 10**15}],
            "storage": {"type": "int", "values": [1, 2]},
        },
        {"axes": [{"type": "spiral"}], "storage": {"type": "int", "values": [1]}},
    ],
)
def test_a_broken_histogram_is_left_out_by_name(uhi):
    (found,) = read_uhi(json.dumps({"Pixel/counts": uhi}).encode(), "a.json")
    assert isinstance(found, Rejected)
    assert found.reason == "object_unreadable"
    assert "a.json, Pixel/counts" in found.detail
