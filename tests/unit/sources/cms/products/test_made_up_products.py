"""Columns of made-up events, written and read by the class tables, are what was made up."""

from collections import Counter
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.booking.columns import Columns, decode_batch, encode_batch
from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder
from dqmstream.sources.cms.encoding.objects import WRITTEN_2021
from dqmstream.sources.cms.madeup.plan import (
    ONLINE_BRANCHES,
    TRACKING_BRANCHES,
    FedFault,
    Plan,
)
from dqmstream.sources.cms.madeup.stream import MadeUpRun
from dqmstream.sources.cms.products import products_of

# The first test that decodes may have to compile the decoder.
pytestmark = pytest.mark.timeout(300)

_RAW: Final = Branch("FEDRawDataCollection", "hltFEDSelectorL1", "", "HLT")
_FEDS: Final = (*range(600, 1000), 1404)
_FAULTS: Final = {
    610: FedFault(wrong_crc=1),
    620: FedFault(wrong_size=1),
    630: FedFault(wrong_source=1),
    640: FedFault(wrong_bunch_crossing=1),
    650: FedFault(wrong_l1_id=1),
    660: FedFault(truncated=1),
    670: FedFault(missing=1),
}
_FLAGS: Final = ("framed", "size_ok", "crc_ok", "source_id_ok", "bunch_crossing_ok", "l1_id_ok")


def _columns(run: MadeUpRun, *names: str, feds: tuple[int, ...] = ()) -> Columns:
    plan = products_of(run.branches).plan(names, feds=feds)
    payloads = [run.payload(1, number) for number in range(run.plan.events)]
    decoded = PayloadDecoder(run.branches, plan.wanted).decode(payloads)
    assert (decoded.unknown, decoded.broken) == (Counter(), Counter())
    crossings = [run.auxiliary(1, number).bunch_crossing for number in range(run.plan.events)]
    made = plan.build(decoded, bunch_crossing=np.array(crossings), events=run.plan.events)
    batch = pa.RecordBatch.from_arrays(made, schema=pa.schema(plan.fields))
    return decode_batch(encode_batch(batch), selected=run.plan.events)


@pytest.fixture(scope="module")
def raw() -> Columns:
    """Three events of 401 FEDs, seven of which have a fault of their own."""
    run = MadeUpRun(Plan(events=3, feds=_FEDS, fed_bytes=200, fed_faults=_FAULTS), [_RAW])
    names = [f"fed.{name}" for name in ("id", *_FLAGS)]
    return _columns(run, *names, "fed_missing.id", "l1.orbit", "l1_final.bit", feds=_FEDS)


def test_each_of_many_feds_fails_the_checks_of_its_own_fault_and_no_other(raw: Columns) -> None:
    feds = raw.collections["fed"].members
    assert len(feds["id"]) == 3 * 400
    failed = {name: Counter(feds["id"][~feds[name].astype(np.bool_)].tolist()) for name in _FLAGS}
    # A fragment that is cut has no fields that could be right.
    assert failed == {
        "framed": {660: 3},
        "size_ok": {620: 3, 660: 3},
        "crc_ok": {610: 3, 660: 3},
        "source_id_ok": {630: 3, 660: 3},
        "bunch_crossing_ok": {640: 3, 660: 3},
        "l1_id_ok": {650: 3, 660: 3},
    }


def test_a_fed_without_bytes_is_missing_if_it_is_expected(raw: Columns) -> None:
    assert raw.collections["fed_missing"].members["id"].tolist() == [670] * 3


def test_the_global_trigger_is_read_among_the_others(raw: Columns) -> None:
    assert np.diff(raw.collections["l1"].offsets).tolist() == [1, 1, 1]
    assert np.diff(raw.collections["l1_final"].offsets).min() > 0


def test_tracks_know_which_of_several_vertices_refers_to_them() -> None:
    plan = Plan(seed=3, events=8, filled=0.8, vertices=3, tracks=5)
    run = MadeUpRun(plan, TRACKING_BRANCHES, written=WRITTEN_2021)
    columns = _columns(run, "tracks.vertex", "tracks.vertex_weight", "vertices.tracks")
    found = columns.collections["tracks"]
    assert set(found.members["vertex"].tolist()) == {0, 1, 2}
    for number in range(plan.events):
        products: dict[str, Any] = {
            branch.class_name: value for branch, value in run.products(1, number)
        }
        expected = [(-1, 0.0)] * len(products["vector<reco::Track>"])
        for place, vertex in reversed(list(enumerate(products["vector<reco::Vertex>"]))):
            for reference, weight in zip(vertex["tracks_"], vertex["weights_"], strict=True):
                index = reference["holder_"].value["ref_"]["index_"]
                expected[index] = (place, weight / 255)
        own = slice(found.offsets[number], found.offsets[number + 1])
        assert found.members["vertex"][own].tolist() == [vertex for vertex, _ in expected]
        weights = found.members["vertex_weight"][own].tolist()
        assert weights == pytest.approx([weight for _, weight in expected])


_WHOLE: Final = {
    branches: [
        MadeUpRun(Plan(events=2, filled=1), branches).payload(1, number) for number in (0, 1)
    ]
    for branches in (TRACKING_BRANCHES, ONLINE_BRANCHES)
}


@given(
    st.sampled_from([TRACKING_BRANCHES, ONLINE_BRANCHES]),
    st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_whatever_bytes_of_a_payload_change_all_columns_are_made_and_the_next_event_is_whole(
    branches: tuple[Branch, ...], changes: list[tuple[int, int]]
) -> None:
    offered = products_of(branches)
    plan = offered.plan(offered.columns, feds=(1404,))
    first, second = _WHOLE[branches]
    changed = bytearray(first)
    for place, value in changes:
        changed[place % len(changed)] = value
    decoder = PayloadDecoder(branches, plan.wanted)

    def batch(*payloads: bytes) -> pa.RecordBatch:
        crossings = np.ones(len(payloads), np.int32)
        made = plan.build(decoder.decode(payloads), bunch_crossing=crossings, events=len(payloads))
        return pa.RecordBatch.from_arrays(made, schema=pa.schema(plan.fields))

    both = batch(bytes(changed), second)
    assert decode_batch(encode_batch(both), selected=2).events == 2
    assert both.slice(1).to_pylist() == batch(second).to_pylist()
