"""Messages: what is written is read, and what is read is written."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.messages import (
    EventMessage,
    InitMessage,
    decode_event,
    decode_init,
    l1_size,
)
from dqmstream.sources.cms.states import packed_size
from dqmstream.sources.cms.writer import encode_event, encode_init, new_event, new_init

U32 = st.integers(0, 2**32 - 1)
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=255)
NAMES = st.lists(st.from_regex(r"[!-~]{1,20}", fullmatch=True), max_size=20).map(tuple)
HOST = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=25)
INITS = st.builds(
    InitMessage,
    process_id=st.binary(min_size=16, max_size=16),
    run=U32,
    event_header_size=U32,
    release=TEXT,
    process=TEXT,
    output_module=TEXT,
    output_module_id=U32,
    hlt_paths=NAMES,
    hlt_selections=NAMES,
    l1_names=NAMES,
    adler32=U32,
    payload=st.binary(max_size=200),
)


@st.composite
def events(draw: st.DrawFn) -> EventMessage:
    """Any EVENT message that fits its fields, sensible or not."""
    l1_count, hlt_count = draw(st.integers(0, 600)), draw(st.integers(0, 1000))
    return EventMessage(
        run=draw(U32),
        event=draw(st.integers(0, 2**64 - 1)),
        lumisection=draw(U32),
        original_size=draw(U32),
        output_module_id=draw(U32),
        dropped=draw(U32),
        l1_count=l1_count,
        l1_bits=draw(st.binary(min_size=l1_size(l1_count), max_size=l1_size(l1_count))),
        hlt_count=hlt_count,
        hlt_bits=draw(st.binary(min_size=packed_size(hlt_count), max_size=packed_size(hlt_count))),
        adler32=draw(U32),
        host=draw(HOST),
        payload=draw(st.binary(max_size=300)),
    )


@given(INITS)
def test_an_init_comes_back_as_it_was_written(init: InitMessage) -> None:
    """Also the oddest names, counts and payloads."""
    assert decode_init(encode_init(init), Limits()) == init


@given(events())
def test_an_event_comes_back_as_it_was_written(event: EventMessage) -> None:
    """Every bit of the header and of the payload."""
    encoded = encode_event(event)
    assert len(encoded) == event.message_size
    assert decode_event(encoded) == event


@given(events(), st.data())
def test_an_event_cut_anywhere_is_refused_not_misread(
    event: EventMessage, data: st.DataObject
) -> None:
    """No shorter message decodes, once the fixed part is there."""
    encoded = encode_event(event)
    end = data.draw(st.integers(76, max(76, len(encoded) - 1)))
    if end < len(encoded):
        with pytest.raises(SourceError) as refusal:
            decode_event(encoded[:end])
        assert refusal.value.reason in {"event_length", "host_name"}


@pytest.mark.parametrize("version", [0, 5, 10, 12, 255])
def test_other_protocol_versions_are_refused_by_number(version: int) -> None:
    """The sentence says which version came and which is read."""
    init = new_init(["HLT_A_v1"], output_module="out")
    event = new_event(init, LumisectionId(1, 1), 1, [1], b"x")
    with pytest.raises(SourceError, match=f"version {version}; this release reads 11") as refusal:
        decode_init(_with_version(encode_init(init), version), Limits())
    assert refusal.value.reason == "init_version"
    with pytest.raises(SourceError, match=f"version {version}; this release reads 11") as refusal:
        decode_event(_with_version(encode_event(event), version))
    assert refusal.value.reason == "event_version"


def _with_version(message: bytes, version: int) -> bytes:
    return message[:5] + bytes([version]) + message[6:]


def test_a_menu_above_the_limit_is_refused() -> None:
    """Path numbers must fit their column, whatever a file names."""
    encoded = encode_init(new_init([f"HLT_{n}_v1" for n in range(5)], output_module="out"))
    assert len(decode_init(encoded, Limits(max_paths=5)).hlt_paths) == 5
    with pytest.raises(SourceError, match="at most 4") as refusal:
        decode_init(encoded, Limits(max_paths=4))
    assert refusal.value.reason == "init_paths"


def test_new_messages_have_the_checksums_and_sizes_of_the_daq() -> None:
    """CRC-32 of the label, Adler-32 of the payload, header size of the events."""
    init = new_init(["HLT_A_v1"] * 67, output_module="hltOutputDQMOnlineBeamspot", payload=b"job")
    assert init.output_module_id == 3421289365
    assert init.adler32 == zlib.adler32(b"job")
    assert init.event_header_size == 94
    event = new_event(init, LumisectionId(1, 2), 3, [1] * 67, b"payload " * 40)
    assert event.message_size - len(event.payload) == 94
    assert event.adler32 == zlib.adler32(event.payload)


@pytest.mark.parametrize("names", [["HLT A"], ["HLT_A", ""], ["HLT_ä"], ["HLT\nA"]])
def test_names_that_would_not_come_back_are_not_written(names: list[str]) -> None:
    """Names are joined by single spaces and must be printable ASCII."""
    with pytest.raises(SourceError) as refusal:
        encode_init(new_init(names, output_module="out"))
    assert refusal.value.reason == "init_names"


def test_a_text_that_does_not_fit_is_not_cut_in_silence() -> None:
    """One byte holds the length."""
    with pytest.raises(SourceError, match="at most 255"):
        encode_init(new_init([], output_module="o" * 256))


def test_a_host_name_that_does_not_fit_is_not_cut_in_silence() -> None:
    """25 bytes are the field's length."""
    init = new_init([], output_module="out")
    event = new_event(init, LumisectionId(1, 1), 1, [], b"x", host="h" * 26)
    with pytest.raises(SourceError, match="at most 25"):
        encode_event(event)
