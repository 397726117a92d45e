"""The example of events, and of what is filled from them. See `dqmstream.messages.examples`."""

import base64
import zlib
from typing import Final

from dqmstream.identity import content_hash
from dqmstream.messages.booking import (
    Booking,
    Category,
    Draw,
    Histogram,
    Integer,
    Profile,
    Regular,
    Scalar,
    Text,
    Variable,
)
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import Chunk, EventBatch
from dqmstream.messages.histograms import (
    Account,
    HistogramSet,
    Refusal,
    ScalarValue,
    SourceAccount,
)

__all__ = ["BATCH", "BOOKING", "HISTOGRAM_SET"]

_BODY: Final = zlib.decompress(
    base64.b64decode(
        "eNqtUjtOw0AQfY7XTog20hYWokCRj8ARAlWKFDkCAqWwlNgocSQKDsEhKDgEh6DgPpu3s4NkrXDHWDNvZv08"
        "P6/33t9lgEOQOSxKFJjRo2SGMRjNaI1aIKd+U9813jAHwVY0t3rGlKjUP5y7NqR7I+81chdj3KbfHQL3k7yP"
        "yM3dgBtkQn3pg1eyp5KPNIufyC9SvvSwa8/RNxI7VgzzTGVCp/Njkn5bULvjU9NLLSO1aipL+XUW+w5ica2b"
        "s5IRucEN4RG/MmdsZYtht1+IO8+BAWNcrKJLzl2CteJScZXwVwl/m7wfi+3grEj6xj/EU7lnwFWyj0pnee72"
        "++bUdO3pLw96A6LG3Ot7Tstx6wfo/wp4AUpTQG0="
    )
)
"""Three events: `orbit` uint32, `menu` utf8, `muon` list<struct<pt float32>> of 1, 0 and 2."""

_CELLS: Final = base64.b64decode(
    "KLUv/WDQANUCAEQCAAABAAEAAQABAAEAAQABAAEAAQDIALACAHHkHAEAAQABAMgAGAAL0wAIDAwBIGAPHQAy"
    "BgADjMGAAAcgUGbGAHdgNEAaGA0MbUBqwdOA0hagDcgGcBtAGw=="
)
"""The cells of `BOOKING` after `_BODY`."""

BOOKING: Final = Booking(
    workspace="Muon",
    description="Muons of the example.",
    elements=(
        Histogram(
            path="Muon/pt",
            title="Muon transverse momentum",
            description="Falls steeply; a second peak is noise.",
            axes=(Regular(bins=4, lower=0.0, upper=50.0, label="pT", unit="GeV"),),
            fill=("muon.pt",),
            draw=Draw(log_y=True),
        ),
        Histogram(
            path="Muon/size_by_orbit",
            axes=(
                Integer(lower=7, upper=10, label="orbit"),
                Variable(edges=(0.0, 1.0, 4.0), label="muons"),
            ),
            fill=("orbit", "count(muon)"),
        ),
        Histogram(
            path="Muon/energy_by_orbit",
            axes=(Category(codes=(7, 9), labels=("first", "last")),),
            fill=("orbit",),
            weight="sum(muon.pt)",
            weight_range=(0.0, 1000.0),
        ),
        Profile(
            path="Muon/pt_by_orbit",
            axes=(Integer(lower=7, upper=10, label="orbit"),),
            fill=("orbit",),
            value="sum(muon.pt)",
            value_range=(0.0, 1000.0),
        ),
        Scalar(path="Muon/count", value="count(muon)", combine="sum"),
        Text(path="Muon/menu", value="menu"),
    ),
)

_CHUNK: Final = Chunk(
    run=398600,
    lumisection=3,
    source="file",
    incarnation="c0ffee00c0ffee00",
    rereadable=True,
    number=0,
    partitions=4,
    seen=4,
    selected=3,
    dropped=0,
    checksum=body_checksum(_BODY),
)

BATCH: Final = EventBatch(chunk=_CHUNK, body=_BODY)

HISTOGRAM_SET: Final = HistogramSet(
    set="5f2c7d10a94be386",
    run=398600,
    lumisection=3,
    segment=0,
    workspace="Muon",
    partition=1,
    partitions=4,
    booking=content_hash(BOOKING),
    through=23,
    epoch=0,
    closed=True,
    whole=True,
    writer="filler-1",
    account=Account(
        sources=(
            SourceAccount(
                source="file",
                incarnation="c0ffee00c0ffee00",
                rereadable=True,
                chunks=b"\x01",
                marker=2,
                seen=4,
                selected=3,
                notes={"truncated": 1},
            ),
        ),
        refused=(
            Refusal(
                reason="checksum",
                offset=17,
                source="file",
                incarnation="c0ffee00c0ffee00",
                number=1,
                events=5,
            ),
        ),
        missing=("calibration",),
        duplicates=1,
        closed_by="timeout",
    ),
    cells=_CELLS,
    scalars={
        4: ScalarValue(value=3),
        5: ScalarValue(value="collisions", source="file", number=0),
    },
    invalid={2: "weight below its range"},
    published=1_760_000_000_000_000_000,
    heard=1_759_999_999_500_000_000,
)
