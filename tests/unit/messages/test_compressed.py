"""Large bodies travel compressed, and what only looks like one is refused."""

import msgspec
import pytest
import zstandard

from dqmstream.errors import MessageError
from dqmstream.messages import wire
from dqmstream.messages.examples import EXAMPLES
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.wire import CODEC
from dqmstream.store.bodies import pack, unpack

SMALL = EXAMPLES["QualityReports"]
assert isinstance(SMALL, QualityReports)
LARGE = msgspec.structs.replace(SMALL, reports=SMALL.reports * 2000)


def test_only_large_reports_are_compressed_and_come_back_as_they_were() -> None:
    assert "encoding" not in dict(CODEC.encode(SMALL).headers)
    wired = CODEC.encode(LARGE)
    assert dict(wired.headers)["encoding"] == b"zstd"
    assert CODEC.decode(wired.headers, wired.value) == LARGE


def test_the_store_keeps_them_whole() -> None:
    columns = pack(LARGE)
    schema, body = columns["schema"], columns["body"]
    assert isinstance(schema, int)
    assert isinstance(body, bytes)
    assert unpack(QualityReports, schema, body) == LARGE


@pytest.mark.parametrize(
    ("encoding", "value", "reason"),
    [
        (b"gzip", b"", "bad_encoding"),
        (b"\xff" * 100, b"", "bad_encoding"),
        (b"zstd", b"not a frame", "bad_body"),
        (b"zstd", b"", "bad_body"),
        (b"zstd", CODEC.encode(LARGE).value[:-20], "bad_body"),
        (b"zstd", zstandard.compress(b"not a message"), "bad_body"),
    ],
)
def test_what_is_none_is_refused_by_name(encoding: bytes, value: bytes, reason: str) -> None:
    headers = (*CODEC.encode(SMALL).headers, ("encoding", encoding))
    with pytest.raises(MessageError) as refused:
        CODEC.decode(headers, value)
    assert refused.value.reason == reason


def test_a_small_frame_of_a_huge_body_takes_no_more_memory_than_a_message_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "_LARGEST_BODY", 1 << 20)
    headers = (*CODEC.encode(SMALL).headers, ("encoding", b"zstd"))
    with pytest.raises(MessageError, match="more than 1048576 bytes when decompressed"):
        CODEC.decode(headers, zstandard.compress(bytes(64 << 20)))


def test_reports_of_version_2_name_their_reference_among_others() -> None:
    fields = msgspec.to_builtins(SMALL)
    for name in ("first_lumisection", "configuration", "code", "contents", "missing", "closed"):
        fields.pop(name)
    report = fields["reports"][0]
    for name in ("references", "statistic", "ndof", "p_value", "adjusted"):
        report.pop(name, None)
    fields["reports"] = [report | {"reference": "run 398500"}, dict(report) | {"reference": ""}]
    headers = (("type", b"QualityReports"), ("schema", b"2"))
    message = CODEC.decode(headers, msgspec.msgpack.encode(fields))
    assert isinstance(message, QualityReports)
    assert [one.references for one in message.reports] == [("run 398500",), ()]
    assert message.first_lumisection is None
