"""Files of conditions that were changed at random: rows come out of them, or one kind of error."""

import gzip
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from dqmstream.conditions.files import read_conditions
from dqmstream.errors import SourceError

ROWS = [
    {
        "run_number": 381208,
        "lumisection_number": number,
        "fill_number": 9673,
        "pileup": 60.5 - number,
        "prescale_name": "2p0E34",
        "beams_stable": True,
        "bpix_ready": number % 2 == 0,
    }
    for number in range(1, 20)
]
BRILCALC = "#run:fill,ls,delivered(/fb),avgpu\n" + "".join(
    f"306929:6404,{number}:{number},0.0000037{number},53.{number}\n" for number in range(1, 20)
)


def _parquet() -> bytes:
    made = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(ROWS), made)
    return made.getvalue()


FILES = {
    "a.json": json.dumps(ROWS).encode(),
    "columns.json": json.dumps({name: [row[name] for row in ROWS] for name in ROWS[0]}).encode(),
    "a.json.gz": gzip.compress(json.dumps(ROWS).encode()),
    "a.parquet": _parquet(),
    "a.csv": BRILCALC.encode(),
    "a.csv.gz": gzip.compress(BRILCALC.encode()),
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def problem(path: Path) -> str:
    """Name of the file of which reading says that it cannot be; empty if it can."""
    try:
        table = read_conditions([path])
    except SourceError as error:
        return path.name if path.name in error.detail else f"nothing: {error}"
    for row in table:
        assert 1 <= row.run <= 1 << 40
        assert 1 <= row.lumisection <= 1 << 24
    return ""


@pytest.mark.parametrize("name", FILES)
def test_the_files_that_are_changed_below_are_good_ones(name: str, folder: Path) -> None:
    (folder / name).write_bytes(FILES[name])
    table = read_conditions([folder / name])
    assert (len(table), table.rejected) == (len(ROWS), {})


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=100)
@given(data=st.data())
def test_a_changed_file_gives_rows_or_says_what_is_wrong(
    name: str, data: st.DataObject, folder: Path
) -> None:
    content = bytearray(FILES[name])
    places = st.integers(0, len(content) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=20)):
        content[place] = value
    (folder / name).write_bytes(content[: data.draw(st.none() | places)])
    assert problem(folder / name) in {"", name}


def test_each_byte_of_a_footer_may_be_another_one(folder: Path) -> None:
    content = FILES["a.parquet"]
    length = int.from_bytes(content[-8:-4], "little")
    path = folder / "a.parquet"
    for place in range(len(content) - 8 - length, len(content)):
        changed = bytearray(content)
        changed[place] = (changed[place] + 0x10) % 256
        path.write_bytes(changed)
        assert problem(path) in {"", "a.parquet"}
