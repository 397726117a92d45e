"""Files that are not what they should be: a clear error, or rows that are counted."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import uproot

from dqmstream.errors import SourceError
from dqmstream.sources.tables import TableSettings, TableSource, find_tables, table_sources
from tests.event_files import EVENTS, Write, chunks_of, notes_of, numbers

FLAT = {name: values for name, values in EVENTS.items() if not name.startswith("Muon_")}


def refused(path: Path) -> str:
    """Why the only file cannot be read."""
    with pytest.raises(SourceError) as caught:
        table_sources([path])
    assert caught.value.reason == "no_files"
    assert path.name in caught.value.detail
    return caught.value.detail


def one(path: Path) -> TableSource:
    (source,), _ = table_sources([path], TableSettings(block_bytes=64))
    return source


@pytest.mark.parametrize("name", ["a.root", "a.parquet"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_cut_file_is_refused_by_name(write: Write, name: str, share: float) -> None:
    path = write(name, EVENTS)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "unreadable" in refused(path)


@pytest.mark.parametrize("name", ["a.root", "a.parquet", "a.csv"])
def test_noise_is_refused_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(1).integers(0, 256, 4096, np.uint8).tobytes()
    path.write_bytes(noise)
    refused(path)
    path.write_bytes(b"root" + noise)
    refused(path)


def test_each_byte_of_a_footer_may_be_another_one(tmp_path: Path) -> None:
    """Some of them make the column that they describe end a process that only looks at it."""
    path = tmp_path / "a.parquet"
    ones = pa.array([1, 1], pa.int32())
    table = pa.table({"run": ones, "ls": ones, "x": pa.array([[1.0], []])})
    pq.write_table(table, path, row_group_size=1, store_schema=False)
    whole = path.read_bytes()
    length = int.from_bytes(whole[-8:-4], "little")
    skipped = set()
    for place in range(len(whole) - 8 - length, len(whole)):
        changed = bytearray(whole)
        changed[place] = (changed[place] + 0x10) % 256
        path.write_bytes(changed)
        try:
            (source, *_), _ = table_sources([path])
        except SourceError as error:
            skipped.add(error.reason)
        else:
            chunks_of(source)
            source.close()
    assert skipped == {"no_files"}


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    ones = pa.array([1, 2])
    table = pa.table([ones, ones, ones, ones], names=["run", "ls", "x", "x"])
    if name == "a.csv":
        pyarrow.csv.write_csv(table, path)
    else:
        pq.write_table(table, path)
    assert "columns ['x'] stand there twice" in refused(path)


def test_a_broken_file_is_skipped_and_the_others_are_read(write: Write, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    sources, skipped = table_sources([tmp_path / "a.parquet", write("b.parquet", EVENTS)])
    assert [source.run for source in sources] == [7]
    assert [(one.path.name, one.reason) for one in skipped] == [("a.parquet", "unreadable")]


def test_rows_whose_bytes_are_broken_are_counted_and_the_others_come(tmp_path: Path) -> None:
    """Damage inside a file that opens well: a basket of one of the lumisections."""
    path = tmp_path / "a.root"
    with uproot.recreate(path, compression=uproot.ZLIB(1)) as file:
        file.mktree("Events", {"run": "int32", "ls": "int32", "x": "float64"})
        for number in (1, 2):
            x = np.random.default_rng(number).normal(size=500)
            file["Events"].extend(
                {"run": np.full(500, 9, np.int32), "ls": np.full(500, number, np.int32), "x": x}
            )
    with uproot.open(path) as file:
        start = int(file["Events"]["x"].member("fBasketSeek")[1])
    raw = bytearray(path.read_bytes())
    raw[start + 200 : start + 600] = bytes(400)
    path.write_bytes(raw)
    (source,), _ = table_sources([path], TableSettings(block_bytes=4000, chunk_events=1000))
    seen = {n: sum(c.seen for c in cs) for n, cs in chunks_of(source).items()}
    taken = {n: sum(c.selected for c in cs) for n, cs in chunks_of(source).items()}
    lost = {number: notes.get("unreadable", 0) for number, notes in notes_of(source).items()}
    assert seen == {1: 500, 2: 500}
    # A block at the border of the baskets has rows of both.
    assert taken[1] > 400
    assert taken[2] == 0
    assert {n: taken[n] + lost[n] for n in taken} == seen
    assert "a.root" in source.reports[0].problems[0]


def test_a_csv_file_may_turn_out_to_have_fractions(tmp_path: Path) -> None:
    """Types are seen in the first block of text; whole numbers there may be luck."""
    path = tmp_path / "a.csv"
    rows = [f"1,{row // 50000 + 1},{row}" for row in range(150_000)]
    path.write_text("\n".join(["run,ls,x", *rows, "1,4,0.5"]))
    (whole,), _ = table_sources([path], TableSettings(chunk_events=10_000))
    source = whole.reading({"x"})
    assert numbers(source, "x")[4] == [0.5]
    assert len(numbers(source, "x")[1]) == 50_000


def test_a_csv_row_of_another_length_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("run,ls,x\n1,1,5\n1,1\n1,1,6,7\n1,1,8\n")
    source = one(path)
    assert numbers(source, "x") == {1: [5, 8]}
    assert notes_of(source) == {1: {"bad_row": 2}}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Empty"),
        ("run,ls,run\n1,2,3\n", "columns ['run'] stand there twice"),
        ("run,ls\n", "no_rows"),
        ("a,b\n1,2\n", "no_run_column"),
        ("run,ls\nx,1\n", "bad_key_column"),
        ("run,ls\n1,x\n", "bad_key_column"),
    ],
)
def test_a_csv_file_that_is_no_table_of_events_says_why(
    tmp_path: Path, text: str, why: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert why in refused(path)


def test_a_packed_csv_file_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"run,ls,x\n1,2,3\n"))
    assert numbers(one(path), "x") == {2: [3]}


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.root", "a.ntuple.root"])
def test_text_is_a_column_of_its_own(write: Write, name: str) -> None:
    source = one(write(name, {**FLAT, "trigger": list("abcdefgh")}))
    (chunk,) = chunks_of(source.reading({"trigger"}))[1]
    with pa.ipc.open_stream(chunk.body) as stream:
        assert stream.read_all().to_pydict() == {"trigger": ["c", "g"]}


def test_lists_in_lists_are_left_out_with_the_reason(write: Write) -> None:
    source = one(write("a.parquet", {**FLAT, "deep": [[[1.0], []]] * 8}))
    assert "deep" not in source.columns
    assert source.reports[0].unusable == {"deep": "lists in lists"}


def test_several_trees_must_be_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    columns = {"run": np.ones(3, np.int32), "ls": np.ones(3, np.int32)}
    with uproot.recreate(path) as file:
        for name in ("A", "B"):
            file.mktree(name, dict.fromkeys(columns, "int32"))
            file[name].extend(columns)
    assert "has these trees: A, B; name one of them" in refused(path)
    (source,), _ = table_sources([path], TableSettings(tree="B"))
    assert source.name == "table-B"
    with pytest.raises(SourceError, match="has no tree 'C'; it has A, B"):
        table_sources([path], TableSettings(tree="C"))


def test_the_tree_of_the_events_is_the_one_with_their_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    trees = {"Runs": ["run"], "LuminosityBlocks": ["run", "luminosityBlock"]}
    trees["Events"] = ["run", "luminosityBlock", "event"]
    with uproot.recreate(path) as file:
        for name, keys in trees.items():
            file.mktree(name, dict.fromkeys(keys, "int32"))
            file[name].extend({key: np.ones(2, np.int32) for key in keys})
    assert one(path).name == "table-Events"


def test_tables_are_known_by_what_they_begin_with(write: Write, tmp_path: Path) -> None:
    renamed = write("a.parquet", FLAT).rename(tmp_path / "a.data")
    (tmp_path / "other.txt").write_text("run,ls\n1,1\n")
    assert find_tables([renamed, tmp_path / "other.txt"]) == [renamed]
    csv = write("b.csv", FLAT)
    assert find_tables([tmp_path]) == [csv]
    assert find_tables([csv, tmp_path, csv]) == [csv]


def test_a_file_that_was_cut_while_it_is_read_gives_no_more_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    count = 20_000
    columns = {"run": [1] * count, "ls": [1] * 10 + [2] * (count - 10), "x": [0.5] * count}
    pq.write_table(pa.table(columns), path, row_group_size=10_000, use_dictionary=False)
    (source,), _ = table_sources([path], TableSettings(block_bytes=1000, chunk_events=count))
    path.write_bytes(path.read_bytes()[:100])
    chunks = [chunk for chunks in chunks_of(source).values() for chunk in chunks]
    assert sum(chunk.seen for chunk in chunks) == count
    assert sum(chunk.selected for chunk in chunks) == 0
