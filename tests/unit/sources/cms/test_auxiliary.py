"""The auxiliary of an event: read where all is as it is known, else named and left alone."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.sources.cms.auxiliary import (
    AUXILIARY_END,
    EventAuxiliary,
    UnknownClass,
    decode_auxiliary,
)
from tests.send_events import encode_send_event

U32 = st.integers(0, 2**32 - 1)
I32 = st.integers(-(2**31), 2**31 - 1)
ID = st.binary(min_size=16, max_size=16)
AUXILIARIES = st.builds(
    EventAuxiliary,
    run=U32,
    lumisection=U32,
    event=st.integers(0, 2**64 - 1),
    time=st.integers(0, 2**32 * 10**6 - 1).map(lambda microseconds: microseconds * 1000),
    bunch_crossing=I32,
    orbit=I32,
    fill=I32,
    real_data=st.booleans(),
    experiment_type=I32,
    process_history=ID,
    process_guid=ID,
)
MADE = EventAuxiliary(346373, 27, 24108194, 1_635_455_186_815_616_000, 1, 6815744, 7517)
PAYLOAD = encode_send_event(MADE, b"products")


@given(AUXILIARIES, st.binary(max_size=300))
def test_what_is_written_is_read(auxiliary: EventAuxiliary, rest: bytes) -> None:
    """Any value that fits its field, sensible or not."""
    payload = encode_send_event(auxiliary, rest)
    assert decode_auxiliary(payload) == auxiliary
    assert payload[AUXILIARY_END:] == rest


def test_the_bytes_are_pinned() -> None:
    """As CMS writes them: record, SendEvent, history, event, process, time, and what follows."""
    assert PAYLOAD.hex() == (
        "40000094ffffffff65646d3a3a53656e644576656e7400"
        "4000007d000b"
        "4000006f000b"
        "40000019000b4000001300091000000000000000000000000000000000"
        "40000012000c000549050000001b00000000016fdca2"
        "4000001300091000000000000000000000000000000000"
        "4000000a000a000c7200617b10d2"
        "00000000" + "01" + "00000001" + "00000001" + "00680000" + "00001d5d" + "70726f6475637473"
    )


@pytest.mark.parametrize("version", [10, 11])
def test_both_versions_of_the_send_event_are_read(version: int) -> None:
    """They differ only behind the auxiliary."""
    assert decode_auxiliary(PAYLOAD[:28] + bytes([version]) + PAYLOAD[29:]) == MADE


FRAME = [*range(48), *range(64, 70), *range(86, 93), *range(109, 115)]
"""All bytes up to the auxiliary's end that are not free."""


def test_each_byte_of_the_frame_counts() -> None:
    """Whatever class, size or version is another one, nothing is read."""
    for offset in FRAME:
        changed = bytearray(PAYLOAD)
        changed[offset] ^= 0x20
        assert isinstance(decode_auxiliary(bytes(changed)), UnknownClass), offset


@pytest.mark.parametrize(
    ("offset", "layout", "value", "label"),
    [
        (0, ">I", 0x40000093, "not a ROOT object"),
        (0, ">I", 0x94, "not a ROOT object"),
        (4, ">I", 0x80000001, "not a ROOT object"),
        (8, "14s", b"edm::InitEvent", "edm::InitEvent"),
        (8, "14s", b"edm::\n\x00 stays", "edm::\\n"),
        (23, ">I", 0x4000007E, "edm::SendEvent v11"),
        (27, ">H", 12, "edm::SendEvent v12"),
        (29, ">I", 0x40000070, "edm::EventAuxiliary v11"),
        (33, ">H", 12, "edm::EventAuxiliary v12"),
        (39, ">H", 10, "edm::Hash v10"),
        (45, ">H", 8, "std::string v8"),
        (47, "B", 0, "std::string v9"),
        (47, "B", 255, "std::string v9"),
        (68, ">H", 13, "edm::EventID v13"),
        (92, "B", 17, "std::string v9"),
        (113, ">H", 65535, "edm::Timestamp v65535"),
        (115, ">I", 1_000_000, "edm::Timestamp v10"),
    ],
)
def test_the_first_unknown_class_is_named(
    offset: int, layout: str, value: int | bytes, label: str
) -> None:
    """With its version where there is one, which is what such events are counted by."""
    changed = bytearray(PAYLOAD)
    struct.pack_into(layout, changed, offset, value)
    found = decode_auxiliary(bytes(changed))
    assert isinstance(found, UnknownClass)
    assert found.label == label


def test_a_payload_cut_anywhere_is_not_read() -> None:
    """Its byte counts say more than there is."""
    for end in range(len(PAYLOAD)):
        assert isinstance(decode_auxiliary(PAYLOAD[:end]), UnknownClass), end


def test_a_cut_payload_with_counts_that_fit_it_is_not_read() -> None:
    """No byte behind the end is looked at, though the classes before it are the known ones."""
    for end in range(29, AUXILIARY_END):
        cut = bytearray(PAYLOAD[:end])
        struct.pack_into(">I", cut, 0, 0x40000000 + end - 4)
        struct.pack_into(">I", cut, 23, 0x40000000 + end - 27)
        found = decode_auxiliary(bytes(cut))
        assert isinstance(found, UnknownClass), end
        assert f"a payload of {end}" in found.detail


@given(st.binary(max_size=300))
def test_noise_is_never_read_and_never_raises(noise: bytes) -> None:
    """And what is said of it stays short."""
    for payload in (noise, PAYLOAD[:23] + noise, PAYLOAD[:8] + noise):
        found = decode_auxiliary(payload)
        if isinstance(found, UnknownClass):
            assert found.label.isprintable()
            assert len(found.label) + len(found.detail) < 900
        else:
            assert payload.startswith(PAYLOAD[4:23], 4)


def test_made_events_begin_with_their_auxiliary(
    auxiliary: Callable[[int], EventAuxiliary],
) -> None:
    """The lumisection follows from the orbit, as in real ones."""
    made = auxiliary(5)
    assert (made.orbit >> 18) + 1 == made.lumisection
    assert decode_auxiliary(encode_send_event(made)) == made
