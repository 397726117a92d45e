"""Makes the hostile streamer files beside it: `python make_streamer.py [folder]`.

Each case is `NAME.dat`, `NAME.jsn` (either may be missing on purpose) and `NAME.expected`: what a
reader must report, one fact a line. Bytes depend on nothing but this script: payloads are stored
zlib blocks and hand-made zstd frames, because compressors may differ from release to release.
"""

import random
import struct
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.auxiliary import EventAuxiliary
from dqmstream.sources.cms.jsn import Jsn, JsnForm, encode_jsn
from dqmstream.sources.cms.messages import EventMessage
from dqmstream.sources.cms.payload import Compression
from dqmstream.sources.cms.states import packed_size
from dqmstream.sources.cms.writer import encode_event, encode_init, new_event, new_init
from tests.send_events import encode_send_event

PLACE = LumisectionId(900001, 7)
PATHS = ("HLT_ZeroBias_v1", "HLT_Physics_v2", "HLT_Mu5_v3", "DST_Scouting_v4", "AlCa_Lumi_v5")
INIT = new_init(PATHS, output_module="hltOutputHostile", payload=b"\x40\0\0\x10 a job header")
HLT_COUNT_AT = 39
"""Byte of the HLT count in an EVENT with three L1 bits."""
AUXILIARY_VERSION_AT, SEND_EVENT_VERSION_AT, TIMESTAMP_COUNT_AT = 34, 28, 112
"""Bytes of a payload: lowest ones of two class versions and of a byte count."""
HOST_AT = HLT_COUNT_AT + 4 + packed_size(len(PATHS)) + 4
"""Byte of the host name's length in an EVENT of these paths."""


def raw_payload(number: int, place: LumisectionId = PLACE) -> bytes:
    """A payload before compression, of an event of this number."""
    auxiliary = EventAuxiliary(
        run=place.run,
        lumisection=place.lumisection,
        event=number,
        time=1_700_000_000_000_000_000 + number * 1_000_000,
        bunch_crossing=number % 3564,
        orbit=(6 << 18) + number,
        fill=9999,
    )
    return encode_send_event(auxiliary, b"edm::StreamedProduct " * 4)


RAW = raw_payload(1002)


def stored_zlib(raw: bytes) -> bytes:
    """A zlib stream of one stored block: the same bytes from any zlib."""
    block = b"\x01" + struct.pack("<HH", len(raw), len(raw) ^ 0xFFFF) + raw
    return b"\x78\x01" + block + zlib.adler32(raw).to_bytes(4, "big")


def zstd_of_zeros(blocks: int) -> bytes:
    """A zstd frame of `blocks` times 128 KiB of zeros, four bytes each."""
    header = b"\x28\xb5\x2f\xfd" + b"\x00" + b"\x38"
    block = (128 << 10) << 3 | 1 << 1
    middle = (block.to_bytes(3, "little") + b"\0") * (blocks - 1)
    return b"ZS\0\0" + header + middle + (block | 1).to_bytes(3, "little") + b"\0"


def event(number: int, payload: bytes | None = None, size: int | None = None) -> EventMessage:
    """Event with a payload as it is to stand in the file, and a checksum that fits it."""
    states = [1 + (number >> path) % 3 for path in range(len(PATHS))]
    plain = new_event(
        INIT, PLACE, number, states, b"", host="fu-host-01", compression=Compression.UNCOMPRESSED
    )
    payload = stored_zlib(raw_payload(number)) if payload is None else payload
    return msgspec.structs.replace(
        plain,
        payload=payload,
        original_size=len(RAW) if size is None else size,
        adler32=zlib.adler32(payload),
    )


METADATA = msgspec.structs.replace(
    event(0, stored_zlib(raw_payload(0, LumisectionId(0, 0)))),
    run=0,
    event=0,
    lumisection=0,
    hlt_count=0,
    hlt_bits=b"",
)
HEAD = encode_init(INIT)
FIRST, SECOND, LAST = (encode_event(event(number)) for number in (1001, 1002, 1003))
BODY = FIRST + SECOND + LAST


def patch(message: bytes, offset: int, layout: str, *values: int) -> bytes:
    """`message` with `values` written over it at `offset`."""
    patched = bytearray(message)
    struct.pack_into("<" + layout, patched, offset, *values)
    return bytes(patched)


def flip(message: bytes, offset: int) -> bytes:
    """`message` with one bit of one byte the other way round."""
    return patch(message, offset % len(message), "B", message[offset] ^ 0x10)


def jsn(body: bytes, name: str, accepted: int = 3) -> bytes:
    """The `.jsn` of a file whose messages after the INIT are `body`."""
    return encode_jsn(
        Jsn(
            form=JsnForm.DQM,
            processed=100,
            accepted=accepted,
            errors=0,
            file=f"{name}.dat",
            size=len(body),
            adler32=zlib.adler32(body),
        )
    )


class Case(NamedTuple):
    """One file pair, and what must be reported, parts set off by semicolons."""

    name: str
    dat: bytes | None
    jsn: bytes | None
    expected: str


def middle(name: str, message: bytes, expected: str, rest: bytes = LAST) -> Case:
    """A case with `message` between two good events, and no `.jsn`."""
    return Case(name, HEAD + FIRST + message + rest, None, expected)


def refused(name: str, message: bytes, reason: str) -> Case:
    """A case whose second message is refused, and only that."""
    return middle(name, message, f"selected 2; refused {reason} 1")


def changed(name: str, reason: str, **fields: int) -> Case:
    """A case whose second event is encoded well, with fields that cannot be."""
    return refused(name, encode_event(msgspec.structs.replace(event(1002), **fields)), reason)


def payload(name: str, stored: bytes, size: int, reason: str = "") -> Case:
    """A case whose second event has an odd payload under a good checksum."""
    message = encode_event(event(1002, stored, size))
    return refused(name, message, reason) if reason else middle(name, message, "selected 3")


def unread(name: str, raw: bytes) -> Case:
    """A case whose second event is used, but without its own time."""
    message = encode_event(event(1002, raw, 0))
    return middle(name, message, "selected 3; flaw auxiliary_unknown 1")


def with_jsn(name: str, content: bytes, expected: str) -> Case:
    """A good data file under another `.jsn`."""
    return Case(name, HEAD + BODY, content, expected)


def init(name: str, dat: bytes, reason: str) -> Case:
    """A case that does not begin with a good INIT: nothing of the file can be used."""
    return Case(name, dat, None, f"refused {reason} 1; unreadable {len(dat)}")


def jsn_cases() -> list[Case]:
    """Good data files under bad `.jsn` files, and lost data files."""
    good = jsn(BODY, "good")
    no_events = Jsn(form=JsnForm.RAW, processed=100, accepted=0, errors=0, file="", size=0)
    renamed = "run000002_ls0009_streamHostile_renamed"
    unreadable, no_form = "refused jsn_unreadable 1", "refused jsn_form 1"
    no_number = "refused jsn_number 1"
    return [
        with_jsn("good", good, "selected 3"),
        Case("dat_missing", None, jsn(BODY, "dat_missing"), "refused file_missing 1; missing 3"),
        Case("dat_empty", b"", jsn(BODY, "dat_empty"), "refused file_empty 1; missing 3"),
        Case("lumisection_without_events", None, encode_jsn(no_events), "selected 0"),
        with_jsn("jsn_is_text", b"not JSON at all\n", unreadable),
        with_jsn("jsn_is_cut", good[: len(good) // 2], unreadable),
        with_jsn("jsn_is_deep", b'{"data": ' + b"[" * 3000, unreadable),
        with_jsn("jsn_without_file", b'{"data": ["3", "3", "0", "", "9"]}', no_form),
        with_jsn("jsn_is_short", b'{"data": ["3"]}', no_form),
        with_jsn("jsn_events_no_file", b'{"data": ["3", "3", ""]}', no_form),
        with_jsn("jsn_negative_count", b'{"data": ["3", "-3", "0", "a.dat"]}', no_number),
        with_jsn("jsn_size_is_text", b'{"data": [3, 3, 0, "a.dat", "big"]}', no_number),
        with_jsn(
            "jsn_leaves_folder",
            b'{"data": ["3", "3", "0", "../good.dat", "1", "", "1"]}',
            "refused jsn_file_name 1",
        ),
        with_jsn(
            "jsn_other_size", jsn(BODY + b"x", "jsn_other_size"), "selected 3; flaw file_size 1"
        ),
        with_jsn(
            "jsn_other_checksum",
            jsn(flip(BODY, 400), "jsn_other_checksum"),
            "selected 3; flaw file_checksum 1",
        ),
        with_jsn(
            "jsn_other_count",
            jsn(BODY, "jsn_other_count", accepted=5),
            "selected 3; flaw event_count 1; missing 2",
        ),
        with_jsn(renamed, jsn(BODY, renamed), "selected 3; flaw renamed 1"),
    ]


def init_cases() -> list[Case]:
    """Files that begin with something else than a good INIT, or have two."""
    names_at = HEAD.index(PATHS[0].encode()) - 8
    noise = random.Random(7).randbytes(600)
    page = b"<!DOCTYPE html><title>404 Not Found</title>\n" * 10
    other = encode_init(msgspec.structs.replace(INIT, hlt_paths=PATHS[::-1]))
    behind_other = f"selected 1; refused init_changed 1; unreadable {len(other + LAST)}"

    def patched(name: str, offset: int, layout: str, value: int, reason: str) -> Case:
        return init(name, patch(HEAD, offset, layout, value) + BODY, reason)

    return [
        init("init_missing", BODY, "init_missing"),
        init("noise", noise, "init_missing"),
        init("web_page", page, "init_missing"),
        init("init_is_cut", HEAD[:60], "truncated_message"),
        patched("init_size_huge", 1, "I", 0xFFFFFFFF, "message_size"),
        patched("init_size_zero", 1, "I", 0, "message_size"),
        patched("init_version_10", 5, "B", 10, "init_version"),
        patched("init_version_12", 5, "B", 12, "init_version"),
        patched("init_header_size_lies", 26, "I", 35, "init_length"),
        patched("init_text_length_lies", 34, "B", 255, "init_length"),
        patched("init_list_length_huge", names_at + 4, "I", 0xFFFFFFF0, "init_length"),
        patched("init_path_count_lies", names_at, "I", 0xFFFFFFFF, "init_names"),
        patched("init_path_not_ascii", names_at + 9, "B", 0xC3, "init_names"),
        patched("init_label_flipped", HEAD.index(b"hltOutput"), "B", 0x6A, "init_output_module"),
        init("init_payload_flipped", flip(HEAD, -3) + BODY, "init_checksum"),
        middle("init_repeated", HEAD, "selected 2"),
        middle("init_changed", other, behind_other),
    ]


def header_cases() -> list[Case]:
    """One event of three whose header says what cannot be."""

    def patched(name: str, offset: int, layout: str, value: int, reason: str) -> Case:
        return refused(name, patch(SECOND, offset, layout, value), reason)

    to_the_end = 8 * (len(SECOND) - 40)
    return [
        patched("event_version_10", 5, "B", 10, "event_version"),
        patched("event_version_12", 5, "B", 12, "event_version"),
        patched("event_payload_length_lies", HOST_AT + 26, "I", 0x7FFFFFFF, "event_length"),
        patched("event_hlt_count_huge", HLT_COUNT_AT, "I", 0xFFFFFFFF, "event_length"),
        patched("event_l1_count_huge", 34, "I", 0xFFFFFFFF, "event_length"),
        patched("event_l1_count_to_the_end", 34, "I", to_the_end, "event_length"),
        patched("event_host_length", HOST_AT, "B", 24, "host_name"),
        patched("event_host_binary", HOST_AT + 1, "B", 7, "host_name"),
        patched("event_host_hole", HOST_AT + 3, "B", 0, "host_name"),
        changed("event_more_paths", "hlt_count", hlt_count=8),
        changed("event_other_l1_count", "l1_count", l1_count=4),
        changed("event_other_module", "output_module", output_module_id=1),
        changed("event_other_lumisection", "other_lumisection", lumisection=0x10007),
        changed("event_other_run", "other_lumisection", run=900002),
        changed("event_all_zero", "other_lumisection", run=0, event=0, lumisection=0),
    ]


def payload_cases() -> list[Case]:
    """One event of three whose payload is not what its header says."""
    good, size = stored_zlib(RAW), len(RAW)
    flipped = HEAD + FIRST + flip(SECOND, -20) + LAST
    metadata = encode_event(METADATA)
    return [
        Case(
            "payload_flipped",
            flipped,
            jsn(BODY, "payload_flipped"),
            "selected 2; refused payload_checksum 1; flaw file_checksum 1",
        ),
        payload("payload_zlib_broken", flip(good, 20), size, "payload_corrupt"),
        payload("payload_zlib_cut", good[:-8], size, "payload_corrupt"),
        payload("payload_zlib_trailing", good + b"more", size, "payload_corrupt"),
        payload("payload_lzma_broken", b"XZ\0\0" + bytes(range(40)), size, "payload_corrupt"),
        payload("payload_zstd_broken", b"ZS\0\0" + bytes(range(40)), size, "payload_corrupt"),
        payload("payload_zstd_bomb", zstd_of_zeros(200), size, "payload_size"),
        payload("payload_larger", good, size - 1, "payload_size"),
        payload("payload_smaller", good, size + 1, "payload_size"),
        payload("payload_claims_4_gigabytes", good, 0xFFFFFFFF, "payload_too_large"),
        payload("payload_unknown_kind", b"LZ4!" + bytes(40), size, "payload_compression"),
        payload("payload_plain_with_size", RAW, size),
        unread("payload_empty", b""),
        middle("metadata_good", metadata, "selected 2; metadata 1"),
        refused("metadata_flipped", flip(metadata, -20), "payload_checksum"),
    ]


def auxiliary_cases() -> list[Case]:
    """One event of three whose payload has an unknown class, or is that of another event."""

    def patched(name: str, offset: int, layout: str, value: int) -> Case:
        return unread(name, patch(RAW, offset, layout, value))

    def another(name: str, raw: bytes) -> Case:
        return refused(name, encode_event(event(1002, raw, 0)), "auxiliary_mismatch")

    return [
        another("auxiliary_other_event", raw_payload(1001)),
        another("auxiliary_other_run", raw_payload(1002, LumisectionId(900002, 7))),
        another("auxiliary_other_lumisection", raw_payload(1002, LumisectionId(900001, 8))),
        unread("auxiliary_cut", RAW[:100]),
        unread("auxiliary_trailing", RAW + b"more"),
        unread("auxiliary_endless_class", b"\x40\0\x03\xe4" + b"\xff" * 4 + b"A" * 992),
        unread("auxiliary_other_class", RAW.replace(b"SendEvent", b"SendEvenT")),
        patched("auxiliary_version_12", AUXILIARY_VERSION_AT, "B", 12),
        patched("auxiliary_size_huge", AUXILIARY_VERSION_AT - 5, "I", 0xFFFFFFFF),
        patched("auxiliary_timestamp_size", TIMESTAMP_COUNT_AT, "B", 14),
        patched("auxiliary_microseconds", TIMESTAMP_COUNT_AT + 3, "I", 0xFFFFFFFF),
        patched("send_event_version_12", SEND_EVENT_VERSION_AT, "B", 12),
    ]


def frame_cases() -> list[Case]:
    """Files whose messages do not follow one another."""
    insane = f"selected 1; refused message_size 1; unreadable {len(SECOND + LAST)}"
    truncated = insane.replace("message_size", "truncated_message")
    zeros = "selected 1; refused message_size 1; unreadable 500"
    half_header = "selected 1; refused truncated_message 1; unreadable 3"
    half_event = (
        "selected 2; refused truncated_message 1; flaw file_size 1; flaw event_count 1; "
        f"missing 1; unreadable {len(LAST) - 30}"
    )
    return [
        middle("message_size_zero", patch(SECOND, 1, "I", 0), insane),
        middle("message_size_one", patch(SECOND, 1, "I", 1), insane),
        middle("message_size_huge", patch(SECOND, 1, "I", 0xFFFFFFFF), insane),
        middle("message_size_past_end", patch(SECOND, 1, "I", 5000), truncated),
        refused("message_of_other_code", patch(SECOND, 0, "B", 14), "message_code"),
        middle("zeros_at_end", bytes(500), zeros, rest=b""),
        middle("end_in_header", b"\x02\xff\0", half_header, rest=b""),
        Case("end_in_event", HEAD + BODY[:-30], jsn(BODY, "end_in_event"), half_event),
    ]


def cases() -> list[Case]:
    """All cases."""
    return [
        *jsn_cases(),
        *init_cases(),
        *header_cases(),
        *payload_cases(),
        *auxiliary_cases(),
        *frame_cases(),
    ]


def write(folder: Path) -> None:
    """Write all cases into `folder`."""
    for case in cases():
        expected = case.expected.replace("; ", "\n") + "\n"
        parts = {".dat": case.dat, ".jsn": case.jsn, ".expected": expected.encode()}
        for suffix, content in parts.items():
            if content is not None:
                (folder / (case.name + suffix)).write_bytes(content)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("streamer"))
