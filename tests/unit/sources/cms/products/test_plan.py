"""From branches to names, from names to raw members, from decoded products to Arrow columns."""

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.sources.cms.decoding.branch import Decoded
from dqmstream.sources.cms.products import COLLECTIONS, products_of
from dqmstream.sources.cms.products.naming import snake_case
from tests.made_products import branch, columns_of, product, ragged

_TRACKS = "vector<reco::Track>"
_MUONS = "vector<Run3ScoutingMuon>"
_DOUBLE = "double"


def _names(*branches: object) -> list[str]:
    return [offer.name for offer in products_of(branches).offers]  # type: ignore[arg-type]


def test_the_first_branch_of_a_class_has_the_plain_name_and_others_say_their_label() -> None:
    found = _names(
        branch(_TRACKS, "hltPFMuonMerging"),
        branch(_TRACKS, "hltPixelTracks"),
        branch(_TRACKS, "hltIter0", "highPurity"),
    )
    assert found == ["tracks", "tracks_hlt_pixel_tracks", "tracks_hlt_iter0_high_purity"]


def test_branches_that_differ_in_their_process_alone_say_it_too() -> None:
    found = _names(branch(_TRACKS), branch(_TRACKS, "a"), branch(_TRACKS, "a", process="RECO"))
    assert found == ["tracks", "tracks_a", "tracks_a_reco"]


def test_names_that_still_are_the_same_are_offered_once() -> None:
    found = _names(*(branch(_TRACKS, label) for label in ("x", "aB", "a_b", "a__b")))
    assert found == ["tracks", "tracks_a_b", "tracks_a_b_hlt"]


def test_collections_of_scouting_are_known_by_label_and_instance() -> None:
    found = _names(
        branch(_MUONS, "hltScoutingMuonPackerNoVtx"),
        branch(_MUONS, "hltScoutingMuonPacker"),
        branch("vector<Run3ScoutingVertex>", "hltScoutingMuonPackerVtx", "displacedVtx"),
        branch(_DOUBLE, "hltScoutingPFPacker", "rho"),
        branch(_DOUBLE, "hltOther", "rho"),
    )
    assert found == [
        "scouting_muons_no_vtx",
        "scouting_muons_hlt_scouting_muon_packer",
        "scouting_dimuons_no_vtx",
        "scouting_dimuons_hlt_scouting_muon_packer",
        "scouting_vertices_displaced_vtx",
        "scouting_rho",
        "double_hlt_other_rho",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hltPFMuonMerging", "hlt_pf_muon_merging"),
        ("hltScoutingMuonPackerNoVtx", "hlt_scouting_muon_packer_no_vtx"),
        ("hltIter0", "hlt_iter0"),
        ("strange-label::x", "strange_label_x"),
        ("", ""),
    ],
)
def test_labels_become_snake_case(text: str, expected: str) -> None:
    assert snake_case(text) == expected


def test_a_class_that_no_table_knows_offers_nothing() -> None:
    assert products_of([branch("vector<reco::Muon>")]).columns == frozenset()


def test_only_the_raw_members_of_asked_columns_are_wanted() -> None:
    offered = products_of([branch(_TRACKS), branch("vector<reco::Vertex>"), branch(_MUONS)])
    plan = offered.plan({"tracks.pt", "tracks.vertex", "nothing.there"})
    assert plan.wanted == {
        0: ("momentum_.fCoordinates.fX", "momentum_.fCoordinates.fY"),
        1: ("tracks_.holder_.ref_.index_",),
    }
    assert [field.name for field in plan.fields] == ["tracks"]


def test_a_collection_that_is_only_counted_has_its_first_member() -> None:
    plan = products_of([branch(_TRACKS)]).plan({"tracks"})
    assert [member.name for member in plan.fields[0].type.value_type] == ["pt"]


def test_no_asked_column_wants_nothing() -> None:
    plan = products_of([branch(_TRACKS)]).plan(())
    assert plan.wanted == {}
    assert plan.fields == []


def test_a_number_that_an_event_has_not_is_nan() -> None:
    rho = branch(_DOUBLE, "hltScoutingPFPacker", "rho")
    found = columns_of({rho: product([1, 0, 1], {"value": [1.5, 2.5]})}, ["scouting_rho"])
    first, absent, last = found["scouting_rho"]
    assert (first, last) == (1.5, 2.5)
    assert math.isnan(absent)


@pytest.mark.parametrize("events", [0, 3])
def test_products_that_no_event_has_make_empty_columns_of_the_same_types(events: int) -> None:
    branches = [
        branch(found.class_name, found.label or "made", found.instance or "")
        for found in COLLECTIONS
    ]
    offered = products_of(list(dict.fromkeys(branches)))
    plan = offered.plan(offered.columns, feds=[1404])
    assert {field.name for field in plan.fields} == {found.name for found in COLLECTIONS}
    for products in ({}, {index: product([0] * events) for index in plan.wanted}):
        decoded = Decoded(products, Counter(), Counter())
        made = plan.build(decoded, bunch_crossing=np.full(events, -1), events=events)
        batch = pa.RecordBatch.from_arrays(made, schema=pa.schema(plan.fields))
        body = encode_batch(batch)
        assert decode_batch(body, selected=events).events == events


def test_all_columns_are_what_bookings_can_read() -> None:
    raw = branch("FEDRawDataCollection")
    data = product([2], of_any_length={"data_": ragged([b"", b"x" * 16], "u1")})
    plan = products_of([raw]).plan(products_of([raw]).columns)
    decoded = Decoded({0: data}, Counter(), Counter())
    made = plan.build(decoded, bunch_crossing=np.array([1]), events=1)
    batch = pa.RecordBatch.from_arrays(made, schema=pa.schema(plan.fields))
    columns = decode_batch(encode_batch(batch), selected=1)
    assert columns.collections["fed"].members["id"].tolist() == [1]
    assert columns.collections["fed"].members["framed"].tolist() == [False]


def test_names_of_columns_are_unique_and_members_too() -> None:
    assert len({found.name for found in COLLECTIONS}) == len(COLLECTIONS)
    for found in COLLECTIONS:
        assert len(found.by_name()) == len(found.members)


def test_a_truth_that_a_version_of_the_class_does_not_tell_is_false() -> None:
    vertices = branch("vector<reco::Vertex>")
    raw = product([3], {"validity_": np.array([0, 1, 255], np.uint8)})
    (event,) = columns_of({vertices: raw}, ["vertices.valid"])["vertices"]
    assert [vertex["valid"] for vertex in event] == [False, True, False]


def test_paths_are_numbered_in_each_event_up_to_the_highest_number_of_the_column() -> None:
    results = branch("edm::TriggerResults")
    words = [[1 | 5 << 2, 2], [3 | 16383 << 2] * 32769]
    raw = product([1, 0, 1], of_any_length={"paths_": ragged(words, "u2")})
    names = [f"trigger_results.{name}" for name in ("path", "state", "module")]
    first, none, last = columns_of({results: raw}, names)["trigger_results"]
    assert [list(path.values()) for path in first] == [[0, 1, 5], [1, 2, 0]]
    assert none == []
    assert list(last[-1].values()) == [32767, 3, 16383]


def test_of_several_collections_of_tracks_none_is_taken_for_that_of_the_vertices() -> None:
    vertices = branch("vector<reco::Vertex>")
    assert "tracks.vertex" in products_of([branch(_TRACKS), vertices]).columns
    several = products_of([branch(_TRACKS), branch(_TRACKS, "other"), vertices]).columns
    assert not {name for name in several if name.endswith((".vertex", ".vertex_weight"))}
    assert {"tracks.pt", "tracks_other.pt"} <= several
