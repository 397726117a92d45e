"""Tables as sources: the same events from every format, chunks, holes, refusals, identity."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.sources.source import ColumnSource
from dqmstream.sources.tables import KeyNames, TableSettings, TableSource, table_sources
from tests.event_files import (
    EVENTS,
    Write,
    chunks_of,
    columns_of,
    notes_of,
    numbers,
)

FLAT = {name: values for name, values in EVENTS.items() if not name.startswith("Muon_")}
BY_LS = {1: [102, 106], 2: [], 3: [100, 101, 103, 107], 4: [], 5: [104, 105]}


def one(*paths: Path, **options: Any) -> TableSource:
    (source,), skipped = table_sources(paths, TableSettings(**options))
    assert skipped == []
    return source


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.root", "a.ntuple.root"])
def test_rows_are_grouped_by_lumisection_wherever_they_stand(write: Write, name: str) -> None:
    source = one(write(name, FLAT))
    assert (source.run, source.first_lumisection, source.marks) == (7, 1, ())
    assert isinstance(source, ColumnSource)
    assert numbers(source, "event") == BY_LS
    assert numbers(source, "MET_pt")[5] == [2.0, 2.5]


@pytest.mark.parametrize("name", ["a.parquet", "a.root", "a.ntuple.root"])
def test_collections_come_with_their_objects(write: Write, name: str) -> None:
    (columns,) = columns_of(chunks_of(one(write(name, EVENTS)))[5])
    muons = columns.collections["Muon"]
    assert muons.offsets.tolist() == [0, 3, 4]
    assert muons.members["pt"].tolist() == [40, 41, 42, 50]
    assert muons.members["charge"].tolist() == [1, -1, 1, -1]


def test_holes_are_lumisections_without_chunks(write: Write) -> None:
    notes = notes_of(one(write("a.root", EVENTS)))
    assert notes == {1: {}, 2: {"no_rows": 1}, 3: {}, 4: {"no_rows": 1}, 5: {}}


def test_reading_goes_on_after_a_lumisection(write: Write) -> None:
    source = one(write("a.parquet", EVENTS))
    assert [ls.lumisection for ls in source.lumisections(3)] == [4, 5]


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=80),
    st.integers(1, 9),
    st.integers(1, 2000),
    st.integers(1, 50),
)
def test_chunks_depend_on_their_size_alone(
    tmp_path_factory: pytest.TempPathFactory,
    lumisections: list[int],
    most: int,
    block_bytes: int,
    row_group: int,
) -> None:
    """Whatever is read at once, the same rows come in the same chunks, and none is lost."""
    path = tmp_path_factory.mktemp("chunks") / "a.parquet"
    count = len(lumisections)
    columns = {"run": [5] * count, "ls": lumisections, "event": list(range(count))}
    columns["n"] = [row % 3 for row in range(count)]
    lists = [[float(row)] * (row % 3) for row in range(count)]
    hits = pa.array(lists, pa.list_(pa.float64()))
    table = pa.table({**columns, "nHit": columns["n"], "Hit_x": hits})
    pq.write_table(table, path, row_group_size=row_group)
    source = one(path, chunk_events=most, block_bytes=block_bytes)
    for number, chunks in chunks_of(source).items():
        expected = [row for row, ls in enumerate(lumisections) if ls == number]
        found = [c.values["event"].tolist() for c in columns_of(chunks)]
        assert [row for rows in found for row in rows] == expected
        assert [len(rows) for rows in found[:-1]] == [most] * (len(found) - 1)
        assert [chunk.seen for chunk in chunks] == [len(rows) for rows in found]
        made = [c.collections["Hit"] for c in columns_of(chunks)]
        assert [x for hit in made for x in hit.members["x"].tolist()] == [
            float(row) for row in expected for _ in range(row % 3)
        ]
    assert source.incarnation == one(path, chunk_events=most).incarnation


def test_chunks_end_in_time_order_within_the_lumisection(write: Write) -> None:
    chunks = chunks_of(one(write("a.csv", FLAT), chunk_events=2))[3]
    assert [chunk.at for chunk in chunks] == pytest.approx([23.31 / 2, 23.31])


def test_only_the_columns_that_are_asked_for_travel(write: Write) -> None:
    source = one(write("a.root", EVENTS)).reading({"Muon.pt", "MET_pt", "Jet.pt", "Muon"})
    (columns,) = columns_of(chunks_of(source)[5])
    assert set(columns.values) == {"MET_pt"}
    assert set(columns.collections["Muon"].members) == {"pt"}


def test_where_nothing_is_asked_for_the_events_still_count(write: Write) -> None:
    source = one(write("a.root", EVENTS)).reading({"nothing"})
    assert [chunk.selected for chunk in chunks_of(source)[3]] == [4]


def test_files_of_a_run_are_one_source_in_the_order_of_their_names(write: Write) -> None:
    second = write("b.root", {**EVENTS, "event": list(range(200, 208))})
    source = one(second, write("a.root", EVENTS), second)
    assert numbers(source, "event")[5] == [104, 105, 204, 205]
    assert [report.rows for report in source.reports] == [8, 8]


def test_runs_of_a_file_are_sources_of_their_own(write: Write) -> None:
    sources, _ = table_sources([write("a.csv", {**FLAT, "run": [7, 8] * 4})])
    assert [(source.run, source.name) for source in sources] == [
        (7, "table-csv"),
        (8, "table-csv"),
    ]
    assert sum(len(values) for values in numbers(sources[1], "event").values()) == 4


def test_files_of_a_run_must_have_the_same_columns(write: Write) -> None:
    other = {name: values for name, values in EVENTS.items() if name != "MET_pt"}
    paths = [write("a.root", EVENTS), write("b.root", other)]
    with pytest.raises(SourceError, match=r"b\.root lacks columns MET_pt") as caught:
        table_sources(paths)
    assert caught.value.reason == "bad_columns"


def test_without_lumisections_they_are_assigned_and_marked(write: Write) -> None:
    columns = {"Run": [3] * 5, "Event": list(range(5))}
    source = one(write("a.csv", columns), events_per_lumisection=2)
    assert source.marks == ("lumisections-assigned",)
    assert numbers(source, "Event") == {1: [0, 1], 2: [2, 3], 3: [4]}


def test_generated_events_are_marked(write: Write) -> None:
    assert one(write("a.root", {**EVENTS, "genWeight": [1.0] * 8})).marks == ("simulated",)


def test_keys_of_other_names_can_be_named(write: Write) -> None:
    columns = {"r": [3, 3], "block": [4, 5], "run": [1, 2]}
    keys = KeyNames.parsed(["run=r", "lumisection=block"])
    assert set(chunks_of(one(write("a.csv", columns), keys=keys))) == {4, 5}
    with pytest.raises(ConfigurationError, match="no column 'nix' for the run; there are r, block"):
        one(write("b.csv", columns), keys=KeyNames(run="nix"))
    with pytest.raises(ConfigurationError, match="expected run=COLUMN"):
        KeyNames.parsed(["luminosity=x"])


# ------------------------------------------------------------------ identity


def test_the_same_files_read_the_same_way_are_the_same_incarnation(write: Write) -> None:
    path = write("a.root", EVENTS)
    assert one(path).incarnation == one(path).incarnation


def test_other_files_settings_or_columns_are_another_incarnation(write: Write) -> None:
    path = write("a.parquet", EVENTS)
    source = one(path)
    others = {
        source.incarnation,
        one(path, chunk_events=5).incarnation,
        source.reading({"MET_pt"}).incarnation,
        one(write("a.parquet", {**EVENTS, "MET_pt": [1.0] * 8})).incarnation,
        one(write("b.parquet", {**EVENTS, "MET_pt": [1.0] * 8})).incarnation,
    }
    assert len(others) == 5


# ------------------------------------------------------------------ refusals


def test_rows_with_nulls_are_counted_where_there_is_no_nan_to_say_so(write: Write) -> None:
    columns = {
        "run": [7, 7, 7, 7],
        "ls": [1, 1, 1, 1],
        "event": [1, None, 3, 4],
        "energy": [None, 1.0, 2.0, 3.0],
        "nHit": [1, 1, 1, 2],
        "Hit_x": [[1.0], [2.0], None, [None, 4.0]],
    }
    source = one(write("a.parquet", columns))
    (chunk,) = chunks_of(source)[1]
    assert (chunk.seen, chunk.selected) == (4, 2)
    (found,) = columns_of([chunk])
    assert found.values["event"].tolist() == [1, 4]
    assert str(found.values["energy"].tolist()) == "[nan, 3.0]"
    assert str(found.collections["Hit"].members["x"].tolist()) == "[1.0, nan, 4.0]"
    assert notes_of(source) == {1: {"null_value": 2}}


def test_rows_whose_members_differ_in_number_are_counted(write: Write) -> None:
    columns = {
        "run": [7, 7],
        "ls": [1, 1],
        "nMuon": [1, 2],
        "Muon_pt": [[1.0], [2.0, 3.0]],
        "Muon_eta": [[1.0], [2.0]],
    }
    source = one(write("a.parquet", columns))
    assert [(c.seen, c.selected) for c in chunks_of(source)[1]] == [(2, 1)]
    assert notes_of(source) == {1: {"uneven_collection": 1}}


def test_rows_without_a_lumisection_are_counted_in_the_first_one(write: Write) -> None:
    columns = {"run": [7, -7, 7, 0], "ls": [4, 4, 5, 6], "x": [1, 2, 3, 4]}
    assert notes_of(one(write("a.parquet", columns))) == {4: {"bad_key": 2}, 5: {}}
