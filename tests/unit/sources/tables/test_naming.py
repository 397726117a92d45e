"""What the columns of files are called."""

import pyarrow as pa
import pytest

from dqmstream.sources.tables.naming import Naming, named

FLOATS = pa.list_(pa.float32())


def names(**types: pa.DataType) -> set[str]:
    return set(named(types).names)


def test_a_list_beside_its_counter_is_a_member_of_a_collection() -> None:
    assert names(nMuon=pa.uint32(), Muon_pt=FLOATS, Muon_pfRelIso03_all=FLOATS) == {
        "nMuon",
        "Muon",
        "Muon.pt",
        "Muon.pfRelIso03_all",
    }


def test_one_value_an_event_keeps_its_name() -> None:
    assert names(MET_pt=pa.float32(), HLT_Mu=pa.bool_()) == {"MET_pt", "HLT_Mu"}


def test_the_longest_counter_that_fits_names_the_collection() -> None:
    found = names(nJet=pa.int32(), nJet_sub=pa.int32(), Jet_sub_pt=FLOATS, Jet_pt=FLOATS)
    assert {"Jet_sub.pt", "Jet.pt"} <= found


def test_a_list_without_a_counter_is_a_collection_of_values() -> None:
    assert names(Muon_pt=FLOATS) == {"Muon_pt", "Muon_pt.value"}


def test_a_counter_must_be_a_whole_number() -> None:
    assert "Muon.pt" not in names(nMuon=pa.float32(), Muon_pt=FLOATS)


def test_a_list_of_records_is_a_collection() -> None:
    kind = pa.list_(pa.struct([("pt", pa.float32()), ("q", pa.int8())]))
    assert names(Muon=kind) == {"Muon", "Muon.pt", "Muon.q"}


@pytest.mark.parametrize(
    ("raw", "expected"), [("px1 ", "px1"), ("pt (GeV)", "pt__GeV_"), ("1st", "_1st"), ("é", "_")]
)
def test_what_is_no_identifier_becomes_one(raw: str, expected: str) -> None:
    assert named({raw: pa.float64()}).names == {expected}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (pa.list_(FLOATS), "lists in lists"),
        (pa.list_(pa.utf8()), "list of string"),
        (pa.struct([("x", pa.int8())]), "is no number"),
        (pa.timestamp("ns"), "is no number"),
        (pa.null(), "is no number"),
        (pa.list_(pa.struct([("x", pa.utf8())])), "field x is no number"),
    ],
)
def test_a_column_that_events_cannot_have_is_left_out_with_the_reason(
    kind: pa.DataType, reason: str
) -> None:
    found = named({"odd": kind, "fine": pa.int8()})
    assert found.names == {"fine"}
    assert reason in found.unusable["odd"]


def test_two_columns_of_one_name_are_the_first_of_them() -> None:
    found = named({"a b": pa.int8(), "a_b": pa.int16()})
    assert [part.raw for part in found.parts] == ["a b"]
    assert "'a b'" in found.unusable["a_b"]


def test_the_column_of_the_log_is_no_columns_of_a_file() -> None:
    assert "log_time" in named({"log_time": pa.int64()}).unusable


def test_of_a_collection_that_is_only_counted_one_member_is_read() -> None:
    naming = named({"nMuon": pa.int32(), "Muon_pt": FLOATS, "Muon_eta": FLOATS})
    assert _raws(naming, "Muon") == ["Muon_pt"]
    assert _raws(naming, "Muon", "Muon.eta") == ["Muon_eta"]
    assert _raws(naming, "other") == []


def _raws(naming: Naming, *wanted: str) -> list[str]:
    return [part.raw for part in naming.chosen(wanted)]
