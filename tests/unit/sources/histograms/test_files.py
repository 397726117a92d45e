"""Files of every format: the same histograms come out, and what cannot be read is named."""

import gzip
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boost_histogram as bh
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from uproot.writing.identify import to_TAxis, to_TProfile2D

from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.messages.booking import Integer, Regular, Variable
from dqmstream.sources.histograms.describe import (
    AxisWords,
    Dataset,
    Description,
    read_description,
)
from dqmstream.sources.histograms.histogram import ImportedHistogram, Rejected
from dqmstream.sources.histograms.reading import marks_of, open_files

ROW = {"fromrun": 7, "fromlumi": 3, "hname": "h", "metype": 3, "entries": 3.0}
ONE = {"Xbins": 3, "Xmin": 0.0, "Xmax": 6.0, "Ybins": 0, "Ymin": 0.0, "Ymax": 0.0}
TWO = {"Xbins": 2, "Xmin": 0.0, "Xmax": 2.0, "Ybins": 3, "Ymin": -1.0, "Ymax": 2.0}
MAP = np.array([[0, 0, 0, 0, 0], [0, 1, 2, 3, 9], [0, 4, 5, 6, 0], [0, 0, 0, 0, 0]])
"""Over (x, y) with flow; the 9 is overflow in y."""


def read(path: Path, description: Description | None = None) -> list[ImportedHistogram | Rejected]:
    (file,) = open_files([path], description or Description())
    return list(file.histograms())


def histograms(path: Path, description: Description | None = None) -> list[ImportedHistogram]:
    found = read(path, description)
    assert all(isinstance(one, ImportedHistogram) for one in found), found
    return [one for one in found if isinstance(one, ImportedHistogram)]


def reasons(path: Path, description: Description | None = None) -> list[str]:
    return [one.reason for one in read(path, description) if isinstance(one, Rejected)]


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    lines = [",".join(rows[0])]
    for row in rows:
        cells = (json.dumps(v) if isinstance(v, list) else str(v) for v in row.values())
        lines.append(",".join(f'"{cell}"' for cell in cells))
    text = "\n".join(lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


# -------------------------------------------------------------------- tables


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_a_table_of_one_dimension_is_read_with_flow_or_without(tmp_path: Path, name: str) -> None:
    rows = [ROW | ONE | {"histo": bins} for bins in ([5, 1, 2, 3, 6], [1, 2, 3])]
    full, bare = histograms(write_csv(tmp_path / name, rows))
    assert (full.run, full.lumisection, full.path) == (7, 3, "h")
    assert full.axes == (Regular(bins=3, lower=0.0, upper=6.0),)
    assert (full.values.tolist(), full.flow_known) == ([5, 1, 2, 3, 6], True)
    assert (bare.values.tolist(), bare.flow_known) == ([0, 1, 2, 3, 0], False)


def test_bins_in_columns_of_their_own_are_taken_in_the_order_of_their_numbers(
    tmp_path: Path,
) -> None:
    names = {"bin_0": 5, "bin_10": 0, "bin_2": 2, "bin_1": 1, "bin_3": 3, "bin_4": 6}
    del names["bin_10"]
    row = {"run": 7, "lumi": 3, "hname": "h", "xbins": 3, "xmin": 0, "xmax": 6} | names
    (one,) = histograms(write_csv(tmp_path / "t.csv", [row]))
    assert one.values.tolist() == [5, 1, 2, 3, 6]


def test_two_dimensions_are_read_in_the_order_of_whoever_wrote_them(tmp_path: Path) -> None:
    """ROOT's, with flow and x fastest; numpy's, without and y fastest; a picture's rows of y."""
    row = ROW | TWO | {"metype": 6}
    inner = MAP[1:-1, 1:-1]
    rows = [row | {"histo": bins} for bins in (MAP.T.ravel().tolist(), inner.ravel().tolist())] + [
        row | {"histo": inner.T.tolist()}
    ]
    full, flat, picture = histograms(write_csv(tmp_path / "t.csv", rows))
    assert full.values.tolist() == MAP.tolist()
    assert flat.values[1:-1, 1:-1].tolist() == inner.tolist()
    assert picture.values.tolist() == flat.values.tolist()


def test_profiles_have_means_only_unless_their_bins_come_to_their_entries(tmp_path: Path) -> None:
    row = ROW | ONE | {"metype": 10}
    rows = [row | {"histo": bins} for bins in ([0.5, 1.5, 0], [1, 2, 0], [2, 2, 0], [0.5, 2.5, 0])]
    found = histograms(write_csv(tmp_path / "t.csv", rows))
    assert [one.kind for one in found] == ["means", "values", "means", "means"]


def test_parquet_has_the_same_columns(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([ROW | ONE | {"histo": [1, 2, 3]}]), tmp_path / "t.parquet")
    (one,) = histograms(tmp_path / "t.parquet")
    assert (one.run, one.values.tolist(), one.entries) == (7, [0, 1, 2, 3, 0], 3.0)


def test_a_page_of_dials_needs_a_run(tmp_path: Path) -> None:
    row = {"title": "Ecal/occupancy", "lumisection": 4, "entries": 21, "data": MAP[1:-1, 1:-1].T}
    row |= {"x_bin": 2, "x_min": 0, "x_max": 2, "y_bin": 3, "y_min": -1, "y_max": 2}
    row["data"] = MAP[1:-1, 1:-1].T.tolist()
    path = tmp_path / "page.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"count": 1, "results": [row]}).encode()))
    with pytest.raises(SourceError, match="names the run"):
        read(path)
    (one,) = histograms(path, Description(run=9))
    assert (one.run, one.lumisection, one.path) == (9, 4, "Ecal/occupancy")
    assert one.values[1:-1, 1:-1].tolist() == MAP[1:-1, 1:-1].tolist()


def test_columns_of_other_names_can_be_said_and_missing_ones_are_named(tmp_path: Path) -> None:
    row = {"fromrun": 7, "section": 3, "hname": "h", "histo": [1, 2, 3]} | ONE
    path = write_csv(tmp_path / "t.csv", [row])
    with pytest.raises(SourceError, match="no column is known for lumisection"):
        read(path)
    (one,) = histograms(path, Description(columns={"lumisection": "section"}))
    assert one.lumisection == 3
    with pytest.raises(SourceError, match="no column 'nope' for lumisection"):
        read(path, Description(columns={"lumisection": "nope"}))


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"histo": [1, 2]}, "2] bins for axes of 3"),
        ({"histo": "nonsense"}, "row 1"),
        ({"fromlumi": "1.5"}, "lumisection is '1.5', expected a whole number"),
        ({"Xbins": "x"}, "row 1"),
    ],
)
def test_a_broken_row_costs_no_other(tmp_path: Path, broken: dict[str, Any], why: str) -> None:
    good = ROW | ONE | {"histo": [1, 2, 3]}
    bad, after = read(write_csv(tmp_path / "t.csv", [good | broken, good]))
    assert isinstance(bad, Rejected)
    assert bad.reason == "bad_row"
    assert why in bad.detail
    assert isinstance(after, ImportedHistogram)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.parquet", "t.json", "t.npz", "t.hdf5", "t.root"])
def test_what_is_no_such_file_is_an_error_with_its_path(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x00\x01nothing of the kind" * 50)
    with pytest.raises(SourceError, match=name):
        read(path, Description(run=1))


def test_missing_unknown_and_doubled_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    paths = [tmp_path / "t.csv", tmp_path / "other" / "t.csv", tmp_path / "t.xls"]
    for path in paths:
        path.write_text("a\n")
    for asked, reason in (
        ([tmp_path / "no.csv"], "file_missing"),
        (paths[2:], "unknown_format"),
        (paths[:2], "two_of_one_name"),
    ):
        with pytest.raises(SourceError, match=reason):
            open_files(asked, Description())


# -------------------------------------------------------------------- arrays


def test_an_array_of_hdf5_needs_a_run_and_has_its_lumisections_assigned(tmp_path: Path) -> None:
    path = tmp_path / "maps.hdf5"
    with h5py.File(path, "w") as file:
        file["occupancy"] = np.array([[[1, 2, 3], [4, 5, 6]]] * 2, np.float32)
        file["words"] = "no numbers"
    with pytest.raises(SourceError, match="does not say the run"):
        read(path)
    description = Description(run=9)
    assert reasons(path, description) == ["not_a_histogram"]
    found = [one for one in read(path, description) if isinstance(one, ImportedHistogram)]
    assert [(one.run, one.lumisection) for one in found] == [(9, 1), (9, 2)]
    assert found[0].axes == (
        Integer(lower=0, upper=2, label="row"),
        Integer(lower=0, upper=3, label="column"),
    )
    assert found[0].values[1:-1, 1:-1].tolist() == [[1, 2, 3], [4, 5, 6]]
    (file_,) = open_files([path], description)
    assert marks_of(file_) == ("imported", "lumisections-assigned")


def test_hdf5_without_h5py_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with h5py.File(tmp_path / "maps.h5", "w") as file:
        file["a"] = np.zeros((1, 2))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ConfigurationError, match=r"install dqmstream\[hdf5\]"):
        read(tmp_path / "maps.h5", Description(run=1))


def test_an_npz_file_with_runs_and_described_axes_is_read_as_root_numbers_bins(
    tmp_path: Path,
) -> None:
    path = tmp_path / "maps.npz"
    flat = np.stack([MAP.T.ravel(), 2 * MAP.T.ravel()])
    np.savez(path, run=np.array([7, 8]), lumi=np.array([3, 5]), map=flat)
    axes = (AxisWords(bins=2, lower=0, upper=2), AxisWords(bins=3, lower=-1, upper=2))
    description = Description(datasets={"map": Dataset(path="a/map", axes=axes)})
    first, second = histograms(path, description)
    assert [(one.run, one.lumisection) for one in (first, second)] == [(7, 3), (8, 5)]
    assert (first.path, first.values.tolist()) == ("a/map", MAP.tolist())
    (file,) = open_files([path], description)
    assert marks_of(file) == ("imported",)


def test_pickled_objects_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, run=np.array([1]), lumi=np.array([1]), map=np.array([[{}, {}]], object))
    with pytest.raises(SourceError, match="as npz"):
        read(path)


# ---------------------------------------------------------------------- ROOT


def filled(*axes: Any, storage: Any = None) -> Any:
    """A histogram of a few entries."""
    made = bh.Histogram(*axes, storage=storage or bh.storage.Double())
    samples = {"sample": [1.0, 2.0, 4.0]} if isinstance(storage, bh.storage.Mean) else {}
    made.fill(*[[0.5, 1.5, 1.5]] * len(axes), **samples)
    return made


@pytest.fixture
def dqm_file(tmp_path: Path) -> Path:
    """A file laid out as CMS's DQM writes them."""
    path = tmp_path / "DQM_V0001_R000000005__A__B__DQMIO.root"
    regular = bh.axis.Regular(3, 0, 3)
    titled = bh.axis.Regular(3, 0, 3, metadata="charge [ke]")
    axis = to_TAxis("xaxis", "", 1, 0.0, 1.0)
    sums = np.array([0, 0, 0, 0, 6.0, 0, 0, 0, 0])
    profile = to_TProfile2D(
        "p2", "A profile", sums, 2.0, 2.0, 2.0, 0, 0, 0, 0, 0, 6.0, 20.0,
        np.array([0, 0, 0, 0, 20.0, 0, 0, 0, 0]), np.array([0, 0, 0, 0, 2.0, 0, 0, 0, 0]),
        np.array([]), axis, to_TAxis("yaxis", "", 1, 0.0, 1.0), fZmin=0.0, fZmax=8.0,
    )  # fmt: skip
    folder, per_lumisection = (
        "DQMData/Run 5/Pixel/Run summary",
        "DQMData/Run 5/Pixel/By Lumi Section",
    )
    with uproot.recreate(path) as file:
        file[f"{folder}/charge"] = filled(titled)
        file[f"{folder}/deep/er/profile"] = filled(regular, storage=bh.storage.Mean())
        file[f"{folder}/names"] = bh.Histogram(bh.axis.StrCategory(["good", "bad"]))
        file[f"{folder}/edges"] = filled(bh.axis.Variable([0, 1, 5]), regular)
        file[f"{folder}/p2"] = profile
        file[f"{folder}/reportSummary"] = "<reportSummary>f=0.95</reportSummary>"
        file[f"{per_lumisection} 4-4/charge"] = filled(regular)
        file[f"{per_lumisection} 5-9/charge"] = filled(regular)
        file["Elsewhere/charge"] = filled(regular)
    return path


def test_a_file_of_cms_is_read_by_its_folders(dqm_file: Path) -> None:
    """Runs, LSs and paths from the folders; axes, profiles and flow from the objects."""
    assert sorted(reasons(dqm_file)) == [
        "no_run_in_name",
        "not_a_histogram",
        "several_lumisections",
    ]
    found = {
        (one.lumisection, one.path): one
        for one in read(dqm_file)
        if isinstance(one, ImportedHistogram)
    }
    assert {key for key in found if key[0]} == {(4, "Pixel/charge")}
    assert {one.run for one in found.values()} == {5}
    charge = found[0, "Pixel/charge"]
    assert charge.values.tolist() == [0, 1, 2, 0, 0]
    profile = found[0, "Pixel/deep/er/profile"]
    assert profile.counts is not None
    assert profile.squares is not None
    assert profile.values.tolist() == [0, 1, 6, 0, 0]
    assert profile.counts.tolist() == [0, 1, 2, 0, 0]
    assert profile.squares.tolist() == [0, 1, 20, 0, 0]
    assert found[0, "Pixel/names"].axes == (Integer(lower=0, upper=2, labels=("good", "bad")),)
    edges = found[0, "Pixel/edges"]
    assert edges.axes == (
        Variable(edges=(0.0, 1.0, 5.0)),
        Regular(bins=3, lower=0.0, upper=3.0),
    )
    assert (
        edges.values.tolist()
        == filled(bh.axis.Variable([0, 1, 5]), bh.axis.Regular(3, 0, 3)).values(flow=True).tolist()
    )
    flat = found[0, "Pixel/p2"]
    assert flat.kind == "profile"
    assert flat.counts is not None
    assert (flat.values[1, 1], flat.counts[1, 1], flat.value_range) == (6.0, 2.0, (0.0, 8.0))


def test_a_name_may_say_run_and_lumisection(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "t.root") as file:
        file["run367094_ls12_PixelPhase1_charge"] = filled(bh.axis.Regular(3, 0, 3))
    (one,) = histograms(tmp_path / "t.root")
    assert (one.run, one.lumisection, one.path) == (367094, 12, "PixelPhase1_charge")


def test_trees_of_dqmio_are_named_and_not_read(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "t.root") as file:
        file["Indices"] = {"Run": np.array([1])}
    assert reasons(tmp_path / "t.root") == ["dqmio_trees"]


# --------------------------------------------------------------- descriptions


def test_a_description_is_read_and_flags_go_over_it(tmp_path: Path) -> None:
    path = tmp_path / "maps.toml"
    path.write_text(
        'run = 4\nmarks = ["altered"]\n[columns]\nrun = "r"\n[datasets.map]\npath = "a/b"\n'
        'values = "means"\naxes = [{ bins = 2, lower = 0, upper = 1 }]\n'
    )
    said = read_description(path, run=5, columns={"lumisection": "l"}, marks=("simulated",))
    assert (said.run, said.columns) == (5, {"run": "r", "lumisection": "l"})
    assert said.marks == ("altered", "simulated")
    assert said.dataset("map").axes[0].axis() == Regular(bins=2, lower=0.0, upper=1.0)
    assert said.dataset("other") == Dataset()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rum = 4", "unknown field"),
        ("run = 0", "run 0 cannot be"),
        ('marks = ["odd"]', "marks odd are not known"),
        ("run = ", "description"),
    ],
)
def test_a_wrong_description_stops_the_import(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "d.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=why):
        read_description(path)


def test_another_description_or_content_is_another_incarnation(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", [ROW | ONE | {"histo": [1, 2, 3]}])
    (one,), (same,) = (open_files([path], Description()) for _ in range(2))
    (other,) = open_files([path], Description(run=3))
    write_csv(path, [ROW | ONE | {"histo": [1, 2, 4]}])
    (changed,) = open_files([path], Description())
    assert one.incarnation == same.incarnation
    assert len({one.incarnation, other.incarnation, changed.incarnation}) == 3
