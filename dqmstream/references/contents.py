"""Contents of a reference: cells of its own booking, and of a band its ranges; as they travel.

They hold the booking themselves, so that a verdict can be made again when the store has forgotten
the run, and when nobody books these elements any more.
"""

import hashlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from dqmstream.errors import MessageError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking
from dqmstream.messages.histograms import ScalarValue
from dqmstream.messages.references import ReferenceContents
from dqmstream.messages.struct import Value

__all__ = ["MOST_BYTES", "BandRanges", "Packed", "ReferenceData", "pack", "unpack"]

MOST_BYTES: Final = 64 << 20
"""Bytes of the contents of one version as they travel."""
_MOST_UNPACKED: Final = 1 << 30
_PART: Final = 4 << 20
_LEVEL: Final = 3
_PLANES: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BandRanges:
    """What one element looks like in many good LSs; see `dqmstream.quality.stack.BandStack`.

    Parameters
    ----------
    centre, lower, upper, statistical
        float64[extents...] of content for one unit, flow included; NaN where nothing is known.
    members
        LSs that it was made of.
    usual
        Mean, variance and third central moment of `usual_squares` of these, if there are enough.
    """

    centre: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    statistical: NDArray[np.float64]
    members: int
    usual: tuple[float, float, float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReferenceData:
    """All contents of one version.

    Parameters
    ----------
    contents
        Sum over what it was made of.
    bands
        By path; empty but for a band.
    """

    contents: Contents
    bands: Mapping[str, BandRanges] = field(default_factory=dict)

    @property
    def elements(self) -> int:
        """Elements that can be compared with: those with entries, a band or a value."""
        contents = self.contents
        return sum(
            bool(place.size and contents.cells[place.offset : place.nan].any())
            or place.index in contents.scalars
            for place in contents.layout
            if place.index not in contents.invalid
        )


class Packed(NamedTuple):
    """Contents as they travel: their digest, and the messages to send."""

    digest: str
    size: int
    messages: tuple[ReferenceContents, ...]


class _Bands(Value, frozen=True, kw_only=True):
    """`cells` is float64[4, n] little-endian: centre, lower, upper, statistical of all elements of
    `elements`, one after another."""

    elements: tuple[int, ...] = ()
    members: tuple[int, ...] = ()
    cells: bytes = b""
    usual: tuple[tuple[float, float, float] | None, ...] = ()


class _Payload(Value, frozen=True, kw_only=True):
    booking: Booking
    cells: bytes
    scalars: tuple[tuple[int, ScalarValue], ...]
    invalid: tuple[tuple[int, str], ...]
    bands: _Bands


def pack(data: ReferenceData, part: int = _PART) -> Packed:
    """Contents in messages of at most `part` bytes of body. Equal contents have equal digests.

    Raises
    ------
    MessageError
        With reason `reference_too_large` beyond `MOST_BYTES`.
    """
    contents = data.contents
    payload = _Payload(
        booking=contents.layout.booking,
        cells=contents.cells.astype("<i8").tobytes(),
        scalars=tuple(sorted(contents.scalars.items(), key=_index)),
        invalid=tuple(sorted(contents.invalid.items())),
        bands=_packed_bands(contents.layout, data.bands),
    )
    raw = msgspec.msgpack.encode(payload)
    digest = hashlib.blake2b(raw, digest_size=16).hexdigest()
    body = zstandard.ZstdCompressor(level=_LEVEL).compress(raw)
    if len(body) > MOST_BYTES or len(raw) > _MOST_UNPACKED:
        detail = (
            f"workspace {contents.layout.workspace!r}: a reference of {len(body)} bytes "
            f"({len(raw)} unpacked), expected at most {MOST_BYTES} ({_MOST_UNPACKED}): name fewer "
            "paths"
        )
        raise MessageError("reference_too_large", detail)
    slices = [body[at : at + part] for at in range(0, len(body), part)]
    messages = (
        ReferenceContents(digest=digest, part=number, parts=len(slices), body=one)
        for number, one in enumerate(slices)
    )
    return Packed(digest, len(body), tuple(messages))


def unpack(digest: str, bodies: Iterable[bytes]) -> ReferenceData:
    """Contents from the bodies of all their parts, in order.

    Raises
    ------
    MessageError
        With reason `bad_reference` if they are damaged or not those of the digest.
    """
    try:
        with zstandard.ZstdDecompressor().stream_reader(b"".join(bodies)) as reader:
            raw = reader.read(_MOST_UNPACKED)
        if hashlib.blake2b(raw, digest_size=16).hexdigest() != digest:
            detail = f"contents {digest}: bytes are not those of the digest"
            raise MessageError("bad_reference", detail)
        payload = msgspec.msgpack.decode(raw, type=_Payload)
        return _unpacked(payload)
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError) as error:
        raise MessageError("bad_reference", f"contents {digest}: {error}") from error


def _index(item: tuple[int, ScalarValue]) -> int:
    return item[0]


def _unpacked(payload: _Payload) -> ReferenceData:
    layout = Layout(payload.booking)
    cells = np.frombuffer(payload.cells, "<i8").astype(np.int64)
    if cells.size != layout.cells:
        msg = f"{cells.size} cells, expected {layout.cells}"
        raise ValueError(msg)
    contents = Contents(layout, cells, dict(payload.scalars), dict(payload.invalid))
    return ReferenceData(contents=contents, bands=_unpacked_bands(layout, payload.bands))


def _packed_bands(layout: Layout, bands: Mapping[str, BandRanges]) -> _Bands:
    if not bands:
        return _Bands()
    places = [place for place in layout if place.element.path in bands]
    found = [bands[place.element.path] for place in places]
    planes = [
        np.concatenate([np.ravel(getattr(one, name)) for one in found])
        for name in ("centre", "lower", "upper", "statistical")
    ]
    return _Bands(
        elements=tuple(place.index for place in places),
        members=tuple(one.members for one in found),
        cells=np.stack(planes).astype("<f8").tobytes(),
        usual=tuple(one.usual for one in found),
    )


def _unpacked_bands(layout: Layout, bands: _Bands) -> dict[str, BandRanges]:
    if not bands.elements:
        return {}
    planes = np.frombuffer(bands.cells, "<f8").reshape(_PLANES, -1)
    if sys.byteorder != "little":
        planes = planes.astype(np.float64)
    found: dict[str, BandRanges] = {}
    at = 0
    # Bands of former releases have none.
    usual = bands.usual or (None,) * len(bands.elements)
    for index, members, moments in zip(bands.elements, bands.members, usual, strict=True):
        place = layout.elements[index]
        shaped = [one.reshape(place.extents) for one in planes[:, at : at + place.cells]]
        centre, lower, upper, statistical = shaped
        found[place.element.path] = BandRanges(
            centre=centre,
            lower=lower,
            upper=upper,
            statistical=statistical,
            members=members,
            usual=moments,
        )
        at += place.cells
    if at != planes.shape[1]:
        msg = f"bands of {planes.shape[1]} cells, expected {at}"
        raise ValueError(msg)
    return found
