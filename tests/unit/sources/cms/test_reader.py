"""Framing: the checksums of a file are those of its bytes, however far its messages are cut."""

import io
import zlib
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.messages import EventMessage, InitMessage
from dqmstream.sources.cms.reader import FrameReader
from dqmstream.sources.cms.writer import encode_event, encode_init


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.integers(0, 5), rest=st.binary(max_size=300), cut=st.integers(0, 300))
def test_checksums_are_of_all_bytes_and_of_those_after_the_first_message(
    init: InitMessage,
    make_event: Callable[..., EventMessage],
    events: int,
    rest: bytes,
    cut: int,
) -> None:
    """Also where noise follows the last message, or the file ends inside one."""
    messages = b"".join(encode_event(make_event(number)) for number in range(events))
    whole = encode_init(init) + messages + rest
    content = whole[: max(0, len(whole) - cut)]
    reader = FrameReader(io.BytesIO(content), len(content), Limits())
    framed = b"".join(frame.message for frame in reader)
    reader.drain()
    assert content.startswith(framed)
    assert len(framed) + reader.unreadable_bytes == len(content)
    assert reader.checksum == zlib.adler32(content)
    after_first = content[reader.first_size :] if reader.first_size else b""
    assert reader.checksum_after_first == zlib.adler32(after_first)
