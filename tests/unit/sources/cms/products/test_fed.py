"""Columns of raw data: what each FED says of itself, and whether the FEDs of an event agree."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dqmstream.sources.cms.decoding.branch import Product
from tests.fragments import fragment, trigger_fragment
from tests.made_products import branch, columns_of, product, ragged

_RAW = branch("FEDRawDataCollection")
_FLAGS = ("framed", "size_ok", "crc_ok", "source_id_ok", "bunch_crossing_ok", "l1_id_ok")
_SLOTS = 4097


def _raw(*events: dict[int, bytes], slots: int = _SLOTS) -> Product:
    rows = [event.get(fed, b"") for event in events for fed in range(slots)]
    return product([slots] * len(events), of_any_length={"data_": ragged(rows, "u1")})


def _columns(raw: Product, *columns: str, **more: Any) -> dict[str, list[Any]]:
    return columns_of({_RAW: raw}, columns, **more)


def _feds(raw: Product, *members: str, **more: Any) -> list[Any]:
    return _columns(raw, *(f"fed.{member}" for member in members), **more)["fed"]


def test_each_fed_with_bytes_is_one_object_with_all_its_fields() -> None:
    data = fragment(613, bytes(16), l1_id=77, bunch_crossing=9, event_type=1, status=3, tts=4)
    first, second = _feds(
        _raw({613: data, 4096: bytes(8)}, {}),
        *("id", "size", "source_id", "l1_id", "bunch_crossing", "event_type"),
        *("trailer_words", "status", "tts", "framed"),
    )
    assert second == []
    assert list(first[0].values()) == [613, 32, 613, 77, 9, 1, 4, 3, 4, True]
    assert list(first[1].values()) == [4096, 8, 0, 0, 0, 0, 0, 0, 0, False]


def test_a_good_fragment_has_all_flags_and_each_fault_takes_its_own() -> None:
    good = fragment(600, bytes(24), l1_id=5, bunch_crossing=100)
    short = bytearray(good)
    short[-4] ^= 1
    events = [
        {600: good},
        {601: good},
        {600: bytes(short)},
        {600: good[:-1]},
        {600: good[:8] + b"\1" + good[9:]},
    ]
    found = _feds(_raw(*events), *_FLAGS, bunch_crossings=[100, 100, 100, 100, 101])
    missing = [{name for name, is_so in event[0].items() if not is_so} for event in found]
    assert missing == [
        set(),
        {"source_id_ok"},
        {"size_ok", "crc_ok"},
        set(_FLAGS),
        {"crc_ok", "bunch_crossing_ok"},
    ]


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=8), max_size=4))
def test_the_l1_id_of_most_framed_feds_is_right_and_of_ties_that_of_the_lowest(
    events: list[list[tuple[int, bool]]],
) -> None:
    raw = _raw(
        *(
            {
                fed: fragment(fed, b"", l1_id=l1) if framed else b"x"
                for fed, (l1, framed) in enumerate(feds)
            }
            for feds in events
        ),
        {},
        slots=10,
    )
    found = _feds(raw, "l1_id_ok")
    for objects, feds in zip(found, events, strict=False):
        votes = Counter(l1 for l1, framed in feds if framed)
        most = max(votes.values(), default=0)
        right = next((l1 for l1, framed in feds if framed and votes[l1] == most), None)
        expected = [framed and l1 == right for l1, framed in feds]
        assert [fed["l1_id_ok"] for fed in objects] == expected


def test_feds_that_are_expected_and_have_no_bytes_are_named_where_there_is_raw_data() -> None:
    data = fragment(1, b"")
    raw = product(
        [5, 0, 5],
        of_any_length={"data_": ragged([b"", data, b"", b"", b""] + [data] * 5, "u1")},
    )
    found = _columns(raw, "fed_missing.id", feds=[4, 1, 5, 0, 4])["fed_missing"]
    assert [[fed["id"] for fed in event] for event in found] == [[0, 4, 5], [], [5]]
    assert _columns(raw, "fed_missing.id")["fed_missing"] == [[], [], []]


def test_the_global_trigger_gives_one_record_and_its_bits() -> None:
    final = [0] * 12 + [0b101, 0, 0, 0, 0, 0] + [0] * 12
    column = [0] * 12 + [0, 0, 0, 0, 0, 300] + [0] * 12
    good = trigger_fragment([{45: final, 49: column}], orbit=11)
    columns = ["l1.orbit", "l1.prescale_column", "l1.boards", "l1_final.bit", "l1_initial.bit"]
    found = _columns(_raw({1404: good}, {1404: good[:-16]}, {1403: good}, {}), *columns)
    assert found["l1"] == [[{"orbit": 11, "prescale_column": 255, "boards": 1}], [], [], []]
    assert [[b["bit"] for b in bits] for bits in found["l1_final"]] == [[0, 2], [], [], []]
    assert found["l1_initial"] == [[], [], [], []]


@given(st.lists(st.dictionaries(st.sampled_from([0, 3, 1404]), st.binary(max_size=64)), max_size=4))
def test_any_bytes_of_feds_make_columns(events: list[dict[int, bytes]]) -> None:
    columns = [f"fed.{name}" for name in ("id", *_FLAGS)]
    columns += ["l1.orbit", "l1_final.bit", "fed_missing.id"]
    raw = _raw(*events, {}, slots=1405)
    found = _columns(raw, *columns, feds=[3])["fed"]
    expected = [sorted(fed for fed, data in event.items() if data) for event in [*events, {}]]
    assert [[fed["id"] for fed in event] for event in found] == expected
