"""Payloads: stored in four ways, expanded to exactly what was stored, within bounds."""

import lzma
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import SourceError
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.payload import Compression, compress, compression_of, expand

LIMITS = Limits(max_original_bytes=64 << 20)
STORED = pytest.mark.parametrize(
    "compression", [Compression.ZLIB, Compression.LZMA, Compression.ZSTD]
)


@given(st.binary(max_size=2000), st.sampled_from(Compression))
def test_what_was_stored_comes_back(raw: bytes, compression: Compression) -> None:
    """Of any size, 0 and 78 included, which mean "not compressed"."""
    stored = compress(raw, compression)
    assert expand(stored.payload, stored.original_size, LIMITS) == raw


@STORED
def test_the_kind_is_told_from_the_first_bytes(compression: Compression) -> None:
    """Each stored payload is recognised for what it is."""
    stored = compress(b"some payload", compression)
    assert compression_of(stored.payload, stored.original_size) is compression


@pytest.mark.parametrize("size", [0, 78])
def test_sizes_that_mean_plain_leave_the_payload_alone(size: int) -> None:
    """Even when its first byte looks like zlib."""
    assert expand(b"\x78\x01 plain", size, LIMITS) == b"\x78\x01 plain"


def test_plain_bytes_under_a_size_are_recognised() -> None:
    """A writer asked for too high a level stores plain bytes and still states their size."""
    raw = b"\x40\0\0\x01plain as ROOT writes it"
    assert expand(raw, len(raw), LIMITS) == raw


def test_a_payload_like_nothing_known_is_refused() -> None:
    """Another compression tag, and not as long as the stated size."""
    with pytest.raises(SourceError, match="neither zlib") as refusal:
        expand(b"L4\0\0 whatever", 100, LIMITS)
    assert refusal.value.reason == "payload_compression"


@STORED
def test_a_size_above_the_limit_is_refused_before_expanding(compression: Compression) -> None:
    """Whatever the payload really holds."""
    stored = compress(b"a payload", compression)
    with pytest.raises(SourceError, match="at most 100") as refusal:
        expand(stored.payload, 101, Limits(max_original_bytes=100))
    assert refusal.value.reason == "payload_too_large"


@STORED
@pytest.mark.parametrize("stated", [10, 999, 1001, 5000])
def test_another_size_than_stated_is_refused(compression: Compression, stated: int) -> None:
    """Shorter or longer, by much or by one byte."""
    stored = compress(bytes(1000), compression)
    with pytest.raises(SourceError) as refusal:
        expand(stored.payload, stated, LIMITS)
    assert refusal.value.reason == "payload_size"


@pytest.mark.parametrize(
    "bomb",
    [
        zlib.compress(bytes(48 << 20), 9),
        b"XZ\0\0" + lzma.compress(bytes(48 << 20), check=lzma.CHECK_NONE),
        b"ZS\0\0" + zstandard.ZstdCompressor().compress(bytes(48 << 20)),
    ],
    ids=["zlib", "lzma", "zstd"],
)
def test_a_bomb_is_not_expanded(bomb: bytes) -> None:
    """48 MiB in a few kB are not made; LZMA takes its dictionary of 8 MiB, and no more."""
    tracemalloc.start()
    try:
        with pytest.raises(SourceError) as refusal:
            expand(bomb, 1000, LIMITS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refusal.value.reason == "payload_size"
    assert peak < 10 << 20


@STORED
def test_a_cut_payload_is_refused(compression: Compression) -> None:
    """A stream without its end."""
    stored = compress(bytes(range(256)) * 4, compression)
    with pytest.raises(SourceError) as refusal:
        expand(stored.payload[: len(stored.payload) // 2], stored.original_size, LIMITS)
    assert refusal.value.reason in {"payload_corrupt", "payload_size"}


@given(st.binary(min_size=1, max_size=200), st.sampled_from([b"\x78", b"XZ\0\0", b"ZS\0\0"]))
def test_noise_behind_a_known_tag_is_refused_or_has_the_stated_size(
    noise: bytes, tag: bytes
) -> None:
    """Nothing but a refusal ever comes out of a broken payload."""
    try:
        outcome: int | str = len(expand(tag + noise, 1000, LIMITS))
    except SourceError as refusal:
        outcome = refusal.reason
    assert outcome in {1000, "payload_corrupt", "payload_size"}
