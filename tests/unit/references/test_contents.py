"""Contents of references travel exactly, in parts, and damage is noticed."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.errors import MessageError
from dqmstream.histograms.layout import Layout
from dqmstream.references.banding import band_of
from dqmstream.references.contents import ReferenceData, pack, unpack
from dqmstream.references.making import matching
from dqmstream.store.testing import EVERY_KIND, random_contents

LAYOUT = Layout(EVERY_KIND)


def data(seed: int, *, bands: bool) -> ReferenceData:
    rng = np.random.default_rng(seed)
    members = [random_contents(LAYOUT, rng) for _ in range(5)]
    found = {}
    for place in LAYOUT:
        if bands and place.size:
            cells = np.stack(
                [one.cells[place.offset : place.offset + place.size] for one in members]
            )
            band = band_of(place, cells, "entries")
            usual = (1.0, float(seed), -0.5) if place.index % 2 else None
            found[place.element.path] = replace(band, usual=usual)
    return ReferenceData(contents=members[0], bands=found)


@given(seed=st.integers(0, 999), part=st.integers(1, 5_000), bands=st.booleans())
@settings(max_examples=25)
def test_contents_come_out_as_they_went_in(seed, part, bands):
    before = data(seed, bands=bands)
    packed = pack(before, part)
    assert all(len(one.body) <= part for one in packed.messages)
    assert sum(len(one.body) for one in packed.messages) == packed.size
    after = unpack(packed.digest, [one.body for one in packed.messages])
    assert after.contents.equals(before.contents)
    assert after.bands.keys() == before.bands.keys()
    for path, band in before.bands.items():
        for name in ("centre", "lower", "upper", "statistical"):
            np.testing.assert_array_equal(getattr(after.bands[path], name), getattr(band, name))
        assert after.bands[path].members == band.members
        assert after.bands[path].usual == band.usual


def test_equal_contents_have_equal_digests_and_others_have_not():
    assert pack(data(1, bands=True)).digest == pack(data(1, bands=True), 100).digest
    assert pack(data(1, bands=True)).digest != pack(data(2, bands=True)).digest
    assert pack(data(1, bands=True)).digest != pack(data(1, bands=False)).digest


@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
@settings(max_examples=40)
def test_a_changed_bit_is_noticed(at, bit):
    packed = pack(data(3, bands=False))
    body = bytearray(b"".join(one.body for one in packed.messages))
    body[at % len(body)] ^= 1 << bit
    try:
        after = unpack(packed.digest, [bytes(body)])
    except MessageError as error:
        refused = error.reason
    else:  # a bit that zstd does not look at
        refused = "bad_reference" if after.contents.equals(data(3, bands=False).contents) else ""
    assert refused == "bad_reference"


def test_missing_parts_are_noticed():
    packed = pack(data(3, bands=False), 100)
    with pytest.raises(MessageError, match="bad_reference"):
        unpack(packed.digest, [one.body for one in packed.messages[1:]])


@pytest.mark.parametrize("patterns", [("one/*",), ("two/counts", "scalar/*"), ("**",), ("none",)])
def test_a_part_of_the_elements_is_taken_with_its_cells_scalars_and_reasons(patterns):
    before = random_contents(LAYOUT, np.random.default_rng(5))
    before.mark_invalid(LAYOUT["one/profile"].index, "failed")
    after = matching(before, patterns)
    for place in after.layout:
        path, old = place.element.path, LAYOUT[place.element.path]
        np.testing.assert_array_equal(
            after.cells[place.offset : place.offset + place.size],
            before.cells[old.offset : old.offset + old.size],
        )
        assert after.scalars.get(place.index) == before.scalars.get(old.index), path
        assert after.invalid.get(place.index) == before.invalid.get(old.index), path
    expected = {"one/*": 3, "two/counts": 5, "**": 9, "none": 0}[patterns[0]]
    assert len(after.layout.elements) == expected


def test_the_booking_travels_with_the_contents():
    """So that a verdict can be made again when nobody books these elements any more."""
    packed = pack(data(1, bands=False))
    layout = unpack(packed.digest, [one.body for one in packed.messages]).contents.layout
    assert layout.booking == EVERY_KIND
    assert msgspec.msgpack.encode(layout.booking) == msgspec.msgpack.encode(EVERY_KIND)
