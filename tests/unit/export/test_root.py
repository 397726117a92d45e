"""ROOT files: every kind of histogram, under names that ROOT can hold."""

import io
import json

import numpy as np
import pytest
import uproot

from dqmstream.export.about import About, Exported
from dqmstream.export.root import root_file, root_path
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import (
    Booking,
    Category,
    Element,
    Histogram,
    Integer,
    Profile,
    Regular,
    Scalar,
    Variable,
)

ABOUT = About(run=7, window="2-3", lumisections=(2, 3), closed=False, complete=True, whole=True)
X = Regular(bins=3, lower=0.0, upper=1.0, label="x", unit="cm")


def exported(*elements: Element, about: About = ABOUT) -> list[Exported]:
    layout = Layout(Booking(workspace="w", elements=elements))
    random = np.random.default_rng(5)
    contents = Contents.empty(layout)
    for place in layout:
        counts = random.poisson(3.0, place.cells)
        at, size = place.offset, place.cells
        contents.cells[at : at + size] = counts
        if place.planes == 3:
            contents.cells[at + size : at + 2 * size] = counts * 2 << place.bits
            contents.cells[at + 2 * size : at + 3 * size] = counts * 5 << place.square_bits
    return [Exported(place=place, contents=contents, about=about) for place in layout]


@pytest.mark.parametrize(
    ("element", "kind"),
    [
        (Histogram(path="a/one", axes=(X,), fill=("x",)), "TH1D"),
        (Histogram(path="a/imported", axes=(X,), fill=()), "TH1D"),
        (Histogram(path="a/two", axes=(X, Integer(lower=0, upper=2)), fill=("x", "y")), "TH2D"),
        (
            Histogram(
                path="a/three",
                axes=(X, Integer(lower=0, upper=2), Variable(edges=(0.0, 1.0, 5.0))),
                fill=("x", "y", "z"),
            ),
            "TH3D",
        ),
        (
            Histogram(
                path="a/weights", axes=(X, X), fill=("x", "y"), weight="w", weight_range=(0.0, 8.0)
            ),
            "TH2D",
        ),
        (
            Profile(path="a/p", axes=(X,), fill=("x",), value="v", value_range=(0.0, 8.0)),
            "TProfile",
        ),
        (
            Profile(
                path="a/p2",
                axes=(X, Category(codes=(4, 7))),
                fill=("x", "y"),
                value="v",
                value_range=(0.0, 8.0),
            ),
            "TProfile2D",
        ),
    ],
)
def test_every_kind_is_read_back_with_flow_errors_and_entries(element, kind):
    one = exported(element)[0]
    with uproot.open(io.BytesIO(root_file([one]))) as file:
        found = file[root_path(one.path, ABOUT)]
        padding = [(1 if isinstance(axis, Category) else 0, 0) for axis in one.element.axes]
        values = np.pad(np.nan_to_num(one.element.values(flow=True)), padding)
        errors = np.pad(np.nan_to_num(one.element.errors(flow=True)), padding)
        assert found.classname == kind
        assert np.allclose(np.nan_to_num(found.values(flow=True)), values)
        assert np.allclose(np.nan_to_num(found.errors(flow=True)), errors)
        assert found.member("fEntries") == one.element.entries
        assert found.axis(0).member("fTitle") == "x [cm]"
        assert "LS 2-3, open" in found.title


def test_roots_own_mean_is_that_of_the_bins_centres():
    one = exported(Histogram(path="a/h", axes=(X,), fill=("x",)))[0]
    with uproot.open(io.BytesIO(root_file([one]))) as file:
        found = file[root_path(one.path, ABOUT)]
        mean = found.member("fTsumwx") / found.member("fTsumw")
    assert mean == pytest.approx(one.element.mean())


@pytest.mark.parametrize(
    ("paths", "kept"),
    [
        (("x/a", "x/a/b"), ["x/By Lumi Section 2-3/a_", "x/By Lumi Section 2-3/a/b"]),
        (("x/a/b", "x/a"), ["x/By Lumi Section 2-3/a/b", "x/By Lumi Section 2-3/a_"]),
        (("x/a;1", "x/b:c"), ["x/By Lumi Section 2-3/a_1", "x/By Lumi Section 2-3/b_c"]),
        (("top",), ["dqmstream/By Lumi Section 2-3/top"]),
        (("x/" + "n" * 250,), ["x/By Lumi Section 2-3/" + "n" * 250]),
    ],
)
def test_names_that_root_cannot_hold_are_changed_and_the_true_ones_are_kept_beside(paths, kept):
    made = exported(*(Histogram(path=path, axes=(X,), fill=("x",)) for path in paths))
    with uproot.open(io.BytesIO(root_file(made))) as file:
        found = {key.partition(";")[0] for key in file.keys(filter_classname="TH1D")}
        assert found == {f"DQMData/Run 7/{path}" for path in kept}
        assert [e["path"] for e in json.loads(file["dqmstream"])["elements"]] == list(paths)


def test_letters_are_written_as_root_draws_them_and_long_labels_are_whole():
    labels = ("η" * 200, "ü", "plain")
    axis = Integer(lower=0, upper=3, labels=labels, label="η")
    one = exported(Histogram(path="a/h", title="Größe √s", axes=(axis,), fill=("x",)))[0]
    with uproot.open(io.BytesIO(root_file([one]))) as file:
        found = file[root_path(one.path, ABOUT)]
        assert found.axis().labels() == ["#eta" * 200, "ü", "plain"]
        assert found.axis().member("fTitle") == "#eta"
        assert found.title.startswith("Größe #sqrts")


def test_a_scalar_without_a_value_is_an_empty_text():
    one = exported(Scalar(path="a/n", value="n", combine="sum"))[0]
    with uproot.open(io.BytesIO(root_file([one]))) as file:
        assert file[root_path(one.path, ABOUT)] == "<n>s=</n>"
