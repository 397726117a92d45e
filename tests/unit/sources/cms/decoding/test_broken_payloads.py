"""Payloads that lie: each is unknown or broken by name, and what is whole still comes out."""

import struct
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.kernels.payload.buffer import KINDS
from dqmstream.sources.cms.classes.tables import Tables, class_tables
from dqmstream.sources.cms.decoding.branch import Branch, Decoded
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder, available_members
from dqmstream.sources.cms.encoding.events import encode_event_payload, encode_metadata_payload
from dqmstream.sources.cms.encoding.objects import WRITTEN_2021, WRITTEN_2025, Written
from dqmstream.sources.cms.madeup.plan import ONLINE_BRANCHES, TRACKING_BRANCHES, Plan
from dqmstream.sources.cms.madeup.stream import MadeUpRun

BRANCHES = tuple(
    branch
    for branch in dict.fromkeys((*TRACKING_BRANCHES, *ONLINE_BRANCHES))
    if branch.class_name != "vector<Run3ScoutingParticle>"
)
NESTED = (
    *("reco::HitPattern", "reco::TrackBase", "edm::Ref", "edm::RefCore", "edm::HLTPathStatus"),
    *("edm::RefToBase", "edm::Timestamp", "FEDRawData", "Run3ScoutingHitPatternPOD"),
)


def _run(branches: Sequence[Branch] = BRANCHES, written: Written = WRITTEN_2025) -> MadeUpRun:
    plan = Plan(events=4, tracks=2, vertices=2, feds=(1404, 600))
    return MadeUpRun(plan, branches, written=written)


def _everything(branches: Sequence[Branch], tables: Tables | None = None) -> PayloadDecoder:
    wanted = {index: list(available_members(one.class_name)) for index, one in enumerate(branches)}
    return PayloadDecoder(branches, wanted, tables=tables)


def _objects(decoded: Decoded) -> dict[int, list[int]]:
    """Objects by event of each product; each column has as many values as it must have."""
    for product in decoded.products.values():
        objects = product.counts.sum()
        assert all(len(values) == objects for values in product.members.values())
        for member in product.ragged.values():
            assert member.counts.size == objects
            assert member.counts.sum() == len(member.values)
    return {index: product.counts.tolist() for index, product in decoded.products.items()}


RUN = _run()
PAYLOADS = [RUN.payload(1, number) for number in range(4)]
DECODER = _everything(BRANCHES)
WHOLE = _objects(DECODER.decode(PAYLOADS))


def test_the_made_events_are_whole() -> None:
    decoded = DECODER.decode(PAYLOADS)
    assert not decoded.unknown
    assert not decoded.broken
    assert all(sum(counts) for counts in WHOLE.values())


@pytest.mark.parametrize("written", [WRITTEN_2021, WRITTEN_2025])
def test_a_payload_cut_anywhere_is_broken_and_its_neighbour_is_whole(written: Written) -> None:
    branches = TRACKING_BRANCHES
    run = _run(branches, written)
    payload = run.payload(1, 0)
    decoder = _everything(branches)
    whole = _objects(decoder.decode([payload]))
    cut = [payload[:size] for size in range(len(payload))]
    decoded = decoder.decode([*cut, payload])
    assert sum(decoded.broken.values()) == len(cut)
    assert not decoded.unknown
    assert _objects(decoded) == {
        index: [*([0] * len(cut)), *counts] for index, counts in whole.items()
    }


@given(
    event=st.integers(0, 3),
    flips=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 7)), min_size=1, max_size=4),
)
def test_flipped_bits_spoil_no_other_event(event: int, flips: list[tuple[int, int]]) -> None:
    spoiled = bytearray(PAYLOADS[event])
    for place, bit in flips:
        spoiled[place % len(spoiled)] ^= 1 << bit
    payloads = [bytes(spoiled) if i == event else one for i, one in enumerate(PAYLOADS)]
    decoded = DECODER.decode(payloads)
    objects = _objects(decoded)
    assert {label.rpartition(" ")[2] for label in decoded.broken} <= set(KINDS)
    for index, counts in WHOLE.items():
        others = [count for i, count in enumerate(counts) if i != event]
        assert [count for i, count in enumerate(objects[index]) if i != event] == others


@given(st.lists(st.binary(max_size=200), max_size=3))
def test_any_bytes_are_survived(payloads: list[bytes]) -> None:
    decoded = DECODER.decode(payloads)
    assert sum(decoded.broken.values()) + sum(decoded.unknown.values()) == len(payloads)


def test_lengths_that_lie_do_not_allocate() -> None:
    """Every four bytes that could be a length say four billion, one after the other."""
    payload = _run(TRACKING_BRANCHES).payload(1, 0)
    decoder = _everything(TRACKING_BRANCHES)
    lies = [
        payload[:place] + b"\xff\xff\xff\xff" + payload[place + 4 :]
        for place in range(len(payload) - 4)
    ]
    objects = _objects(decoder.decode(lies))
    whole = _objects(decoder.decode([payload]))
    for index, counts in objects.items():
        assert set(counts) <= {0, *whole[index]}


@pytest.mark.parametrize("name", NESTED)
def test_a_class_without_a_table_makes_its_product_unknown_and_no_other(name: str) -> None:
    tables = Tables(table for table in class_tables() if table.name != name)
    decoded = _everything(BRANCHES, tables).decode(PAYLOADS)
    objects = _objects(decoded)
    assert not decoded.broken
    assert decoded.unknown
    # In a member-wise vector a base has no version of its own to be unknown.
    named = "reco::Track v20" if name == "reco::TrackBase" else name
    assert all(label.startswith(named) for label in decoded.unknown)
    lost = {index for index, counts in objects.items() if counts != WHOLE[index]}
    assert lost
    assert len(lost) < len(BRANCHES) / 2
    for index in lost:
        assert all(got in (0, had) for got, had in zip(objects[index], WHOLE[index], strict=True))


def test_an_unknown_version_is_named_with_the_version_that_came() -> None:
    (branch,) = [one for one in TRACKING_BRANCHES if "Track" in one.class_name]
    header = struct.pack(">HH", 0x4009, 20)
    payload = _run([branch]).payload(1, 0)
    assert payload.count(header) == 1
    newer = payload.replace(header, struct.pack(">HH", 0x4009, 21))
    decoded = PayloadDecoder([branch], {0: ["chi2_"]}).decode([newer, payload])
    assert decoded.unknown == {"reco::Track v21": 1}
    assert decoded.products[0].counts.tolist()[0] == 0


def test_a_product_of_another_class_than_announced_is_broken() -> None:
    tracks = Branch("vector<reco::Track>", "made", "", "HLT", "x")
    vertices = tracks._replace(class_name="vector<reco::Vertex>")
    payload = encode_event_payload(RUN.auxiliary(1, 0), [(vertices, [])])
    decoded = PayloadDecoder([tracks], {0: ["chi2_"]}).decode([payload])
    assert decoded.broken == {"vector<reco::Track> class_tag": 1}


def test_a_product_that_comes_twice_is_broken() -> None:
    tracks = Branch("vector<reco::Track>", "made", "", "HLT")
    payload = encode_event_payload(RUN.auxiliary(1, 0), [(tracks, []), (tracks, [])])
    decoded = PayloadDecoder([tracks], {0: ["chi2_"]}).decode([payload])
    assert decoded.broken == {"vector<reco::Track> repeated": 1}


def test_products_go_by_their_branch_and_not_by_their_place() -> None:
    products = dict(RUN.products(1, 0))
    shuffled: Mapping[Branch, object] = dict(reversed(products.items()))
    payload = encode_event_payload(RUN.auxiliary(1, 0), list(shuffled.items()))
    objects = _objects(DECODER.decode([payload]))
    assert objects == {index: counts[:1] for index, counts in WHOLE.items()}


def test_an_absent_product_and_events_without_products_are_no_fault() -> None:
    branch = Branch("vector<reco::Track>", "made", "", "HLT")
    absent = encode_event_payload(RUN.auxiliary(1, 0), [(branch, None)])
    payloads = [
        absent,
        encode_metadata_payload([1, 2]),
        encode_event_payload(RUN.auxiliary(1, 0), []),
    ]
    decoded = PayloadDecoder([branch], {0: ["chi2_"]}).decode(payloads)
    assert decoded.products[0].counts.tolist() == [0, 0, 0]
    assert not decoded.unknown
    assert not decoded.broken


def test_room_for_records_grows_without_losing_or_repeating_any() -> None:
    """Thousands of FEDs of different sizes in each event are a record each."""
    branch = Branch("FEDRawDataCollection", "made", "", "HLT")
    sizes = [1 + number % 3 for number in range(4097)]
    value = {"data_": [{"data_": [7] * size} for size in sizes]}
    payload = encode_event_payload(RUN.auxiliary(1, 0), [(branch, value)])
    decoded = PayloadDecoder([branch], {0: ["data_"]}).decode([payload] * 3)
    member = decoded.products[0].ragged["data_"]
    assert not decoded.broken
    assert decoded.products[0].counts.tolist() == [4097] * 3
    assert member.counts.tolist() == sizes * 3
    assert member.values.size == 3 * sum(sizes)
    assert member.values.dtype == np.uint8
