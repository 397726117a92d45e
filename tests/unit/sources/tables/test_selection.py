"""Which rows a selection takes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.selection import kept_by_prescale as kept_by_reader
from dqmstream.sources.tables import TableSelection, TableSettings, TableSource, table_sources
from dqmstream.sources.tables.selection import kept_by_prescale
from tests.event_files import EVENTS, Write, chunks_of, numbers


def selected(path: Path, selection: TableSelection) -> TableSource:
    (source,), _ = table_sources([path], TableSettings(selection=selection))
    return source


def events(path: Path, selection: TableSelection) -> list[int]:
    found = numbers(selected(path, selection), "event").values()
    return sorted(event for of_lumisection in found for event in of_lumisection)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("HLT_Mu",), [100, 102, 104, 106]),
        (("HLT_*",), [100, 102, 103, 104, 106]),
        (("HLT_J?t",), [103]),
        (("!HLT_Mu",), [101, 103, 105, 107]),
        (("!HLT_*",), [101, 105, 107]),
        (("!HLT_*", "HLT_Jet"), [101, 103, 105, 107]),
    ],
)
def test_an_event_is_taken_when_any_path_is_met(
    write: Write, paths: tuple[str, ...], expected: list[int]
) -> None:
    assert events(write("a.parquet", EVENTS), TableSelection(paths=paths)) == expected


def test_an_expression_must_be_true_besides(write: Write) -> None:
    selection = TableSelection(paths=("HLT_Mu",), expression="count(Muon.pt > 15) >= 2")
    assert events(write("a.parquet", EVENTS), selection) == [102, 104]


def test_a_selection_is_marked_and_counts_what_it_saw(write: Write) -> None:
    source = selected(write("a.root", EVENTS), TableSelection(paths=("HLT_Jet",)))
    assert source.marks == ("selected",)
    counts = {n: [(c.seen, c.selected) for c in cs] for n, cs in chunks_of(source).items()}
    assert counts == {1: [(2, 0)], 2: [], 3: [(4, 1)], 4: [], 5: [(2, 0)]}


def test_columns_that_are_only_selected_by_do_not_travel(write: Write) -> None:
    source = selected(write("a.root", EVENTS), TableSelection(expression="count(Muon.pt > 15) > 0"))
    narrow = source.reading({"Muon.charge", "event"})
    assert [str(field.name) for field in narrow.schema] == ["event", "Muon"]
    assert numbers(narrow, "event")[5] == [104, 105]


@given(st.lists(st.integers(0, 2**64 - 1), max_size=50), st.integers(2, 1000))
def test_a_prescale_keeps_the_events_that_it_keeps_of_streamer_files(
    numbers: list[int], prescale: int
) -> None:
    kept = kept_by_prescale(np.array(numbers, np.uint64), prescale)
    assert kept.tolist() == [kept_by_reader(number, prescale) for number in numbers]


def test_a_prescale_of_signed_numbers_is_that_of_the_same_numbers() -> None:
    events = np.arange(1000)
    assert (kept_by_prescale(events, 7) == kept_by_prescale(events.astype(np.uint64), 7)).all()


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"paths": ("HLT Mu",)}, "expected letters"),
        ({"prescale": 0}, "expected 1"),
        ({"expression": "Muon.pt > 20"}, "objects of Muon"),
        ({"expression": "MET_pt +"}, "selection 'MET_pt \\+'"),
        ({"expression": "1 + 1"}, "expected a boolean"),
        ({"expression": "1 < 2"}, "of nothing"),
    ],
)
def test_a_bad_selection_is_refused_before_anything_is_read(
    selection: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        TableSelection(**selection)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (TableSelection(paths=("HLT_Ele*",)), "matches none of 2"),
        (TableSelection(expression="nJet > 1"), "needs nJet"),
        (TableSelection(expression="MET_pt and HLT_Mu"), "expected booleans, got float64"),
    ],
)
def test_a_selection_that_does_not_fit_the_file_is_refused_at_start(
    write: Write, selection: TableSelection, message: str
) -> None:
    with pytest.raises(Exception, match=message):
        selected(write("a.parquet", EVENTS), selection)


def test_a_prescale_needs_event_numbers(write: Write) -> None:
    columns = {name: values for name, values in EVENTS.items() if name != "event"}
    with pytest.raises(ConfigurationError, match="column of event numbers"):
        selected(write("a.parquet", columns), TableSelection(prescale=2))
