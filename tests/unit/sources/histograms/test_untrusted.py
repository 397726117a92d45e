"""Files that were changed at random: something comes out of them, or one kind of error."""

import gzip
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import boost_histogram as bh
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.errors import SourceError
from dqmstream.sources.histograms.describe import Description
from dqmstream.sources.histograms.histogram import ImportedHistogram, Rejected
from dqmstream.sources.histograms.reading import marks_of, open_files
from dqmstream.sources.histograms.room import Room

HEADER = "run,lumi,hname,xbins,xmin,xmax,histo\n"
GOOD = '1,1,a/b,2,0,1,"[0,1,2,0]"\n'
ROOM = 1 << 26


def _rows() -> list[dict[str, object]]:
    return [
        {"run": 1, "lumi": ls, "hname": "a/b", "xbins": 2, "xmin": 0.0, "xmax": 1.0}
        | {"histo": [0, ls, 2 * ls, 0]}
        for ls in range(1, 30)
    ]


def _csv() -> bytes:
    lines = (f'1,{ls},a/b,2,0,1,"[0,{ls},{2 * ls},0]"\n' for ls in range(1, 30))
    return (HEADER + "".join(lines)).encode()


def _json() -> bytes:
    return json.dumps({"results": _rows()}).encode()


def _parquet() -> bytes:
    made = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(_rows()), made)
    return made.getvalue()


def _npz() -> bytes:
    made = io.BytesIO()
    cells = np.arange(100).reshape(20, 5)
    np.savez_compressed(made, ls=np.arange(1, 21), occupancy=cells)
    return made.getvalue()


def _hdf5() -> bytes:
    made = io.BytesIO()
    with h5py.File(made, "w") as file:
        file["ls"] = np.arange(1, 21)
        file.create_dataset("occupancy", data=np.arange(100).reshape(20, 5), compression="gzip")
    return made.getvalue()


def _root() -> bytes:
    named = bh.Histogram(bh.axis.StrCategory(["A", "B"]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.root"
        with uproot.recreate(path) as file:
            file["run1_ls1_plain"] = bh.Histogram(bh.axis.Regular(3, 0, 3))
            file["run1_ls2_named"] = named
        return path.read_bytes()


FILES = {
    "t.csv": _csv(),
    "t.csv.gz": gzip.compress(_csv()),
    "t.json": _json(),
    "t.json.gz": gzip.compress(_json()),
    "t.parquet": _parquet(),
    "t.npz": _npz(),
    "t.hdf5": _hdf5(),
    "t.root": _root(),
}


def changed(content: bytes) -> st.SearchStrategy[bytes]:
    """With some bytes that are others, and perhaps cut."""
    places = st.integers(0, len(content) - 1)
    one = st.tuples(places, st.integers(0, 255))
    return st.builds(_changed, st.just(content), st.lists(one, max_size=20), st.none() | places)


def _changed(content: bytes, changes: list[tuple[int, int]], end: int | None) -> bytes:
    made = bytearray(content)
    for place, value in changes:
        made[place] = value
    return bytes(made[:end])


def read(path: Path) -> list[ImportedHistogram | Rejected]:
    (file,) = open_files([path], Description(run=1))
    found = list(file.histograms(Room(ROOM)))
    assert "imported" in marks_of(file)
    return found


def problem(path: Path) -> str:
    """Name of the file of which reading says that it cannot be; empty if it can."""
    try:
        read(path)
    except SourceError as error:
        return path.name if path.name in error.detail else f"nothing: {error}"
    return ""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.mark.parametrize("name", FILES)
def test_the_files_that_are_changed_below_are_good_ones(name: str, folder: Path) -> None:
    (folder / name).write_bytes(FILES[name])
    found = read(folder / name)
    assert found
    assert all(isinstance(one, ImportedHistogram) for one in found)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=60)
@given(data=st.data())
def test_a_changed_file_gives_histograms_or_says_what_is_wrong(
    name: str, data: st.DataObject, folder: Path
) -> None:
    (folder / name).write_bytes(data.draw(changed(FILES[name])))
    assert problem(folder / name) in {"", name}


def test_each_byte_of_a_footer_may_be_another_one(folder: Path) -> None:
    """Some of them make the column that they describe end a process that only looks at it."""
    content = FILES["t.parquet"]
    length = int.from_bytes(content[-8:-4], "little")
    path = folder / "t.parquet"
    for place in range(len(content) - 8 - length, len(content)):
        path.write_bytes(_changed(content, [(place, (content[place] + 0x10) % 256)], None))
        assert problem(path) in {"", "t.parquet"}


def _damaged(content: bytes, first: int, last: int) -> bytes:
    made = bytearray(content)
    for place in range(first, last):
        made[place] ^= 0x5A
    return bytes(made)


LONG = (
    HEADER + "".join(f'1,{ls},a/b,2,0,1,"[0,{ls * 7919},2,0]"\n' for ls in range(1, 3000))
).encode()


def _random_npz() -> bytes:
    made = io.BytesIO()
    np.savez_compressed(made, a=np.random.default_rng(1).random((100, 50)))
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("z.csv.gz", _damaged(gzip.compress(LONG), 200, 300)),
        ("z.json.gz", _damaged(gzip.compress(json.dumps(_rows() * 100).encode()), 100, 200)),
        ("z.npz", _damaged(_random_npz(), 300, 500)),
        ("deep.json", b"[" * 200_000),
    ],
)
def test_damage_within_what_is_packed_is_an_error_of_the_file(
    name: str, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=name) as refused:
        read(tmp_path / name)
    assert refused.value.reason == "file_unreadable"


@pytest.mark.parametrize(
    "row",
    [
        '1,2,a/b,2,0,1,"' + "[" * 100_000 + '"\n',
        '1,2,a/b,2,0,1,"[0,1' + "0" * 400 + ',2,0]"\n',
        '1,2,a/b,2,0,1,"[0,1' + "0" * 5000 + ',2,0]"\n',
        '1,2,a/b,1e300,0,1,"[0,1,2,0]"\n',
        '1,1e400,a/b,2,0,1,"[0,1,2,0]"\n',
    ],
)
def test_a_row_that_no_parser_can_hold_costs_no_other(row: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER + row + GOOD)
    bad, good = read(path)
    assert isinstance(bad, Rejected)
    assert bad.reason == "bad_row"
    assert isinstance(good, ImportedHistogram)


def test_a_lumisection_0_of_a_table_is_a_whole_run_and_noted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(HEADER + GOOD + GOOD.replace("1,1,a/b", "1,0,a/c"))
    first, whole = read(path)
    assert isinstance(first, ImportedHistogram)
    assert isinstance(whole, ImportedHistogram)
    assert (first.notes, whole.notes) == ((), ("lumisection_0",))
