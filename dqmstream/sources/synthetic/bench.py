"""The bench event: 30 objects in 5 collections, and 300 MonitorElements over it.

What a benchmark names must be the same everywhere, so it is fixed here. An event has 20 bytes of
its own and 6 objects in each of 5 collections:

========= ===================== =========================================
variant   members of an object  bytes of values in an event
========= ===================== =========================================
`500B`    4 float32             20 + 30 x 16 = 500
`2kB`     16 float32, 1 uint16  20 + 30 x 66 = 2000
========= ===================== =========================================

Arrow adds 20 bytes an event for the list offsets. The 300 elements read the first four members, so
that both variants fill the same. For each collection there are 40 histograms in 1D with 100 bins,
10 of them with a selection; 10 in 2D with 50 x 50 bins, 4 of them with a selection; 8 profiles
with 50 bins; the number of objects and its sum.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import numpy as np
import pyarrow as pa

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.errors import ConfigurationError
from dqmstream.messages.booking import Booking, Element, Regular
from dqmstream.sources.synthetic.collection import Members, Rows, jagged_array, jagged_type
from dqmstream.sources.synthetic.distributions import gaussian, power_law, uniform

__all__ = [
    "COLLECTIONS",
    "OBJECTS",
    "VARIANTS",
    "Variant",
    "bench_batch",
    "bench_booking",
    "bench_columns",
]

Variant = Literal["500B", "2kB"]

COLLECTIONS: Final = ("electron", "photon", "muon", "jet", "track")
OBJECTS: Final = 6
"""Objects of each collection in each event."""

_EVENT: Final[dict[str, pa.DataType]] = {
    "event": pa.uint64(),
    "orbit": pa.uint32(),
    "bunch_crossing": pa.uint16(),
    "trigger": pa.uint16(),
    "weight": pa.float32(),
}
_MEMBERS: Final[dict[str, pa.DataType]] = {
    name: pa.float32() for name in ("pt", "eta", "phi", "time")
}
_SHAPE: Final[dict[str, pa.DataType]] = {f"shape{number}": pa.float32() for number in range(12)}
VARIANTS: Final[Mapping[Variant, Mapping[str, pa.DataType]]] = {
    "500B": _MEMBERS,
    "2kB": _MEMBERS | _SHAPE | {"status": pa.uint16()},
}
"""Members of an object, by variant."""

_RANGES: Final = {"pt": (0.0, 100.0), "eta": (-2.5, 2.5), "phi": (-3.2, 3.2), "time": (-5.0, 5.0)}
_ZOOMS: Final = (1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2)
_REGIONS: Final = (
    "abs({0}.eta) < 0.5",
    "0.5 <= abs({0}.eta) < 1",
    "1 <= abs({0}.eta) < 1.5",
    "{0}.eta >= 1.5",
    "{0}.eta < -1.5",
)
_PAIRS: Final = (
    ("eta", "phi"),
    ("eta", "pt"),
    ("eta", "time"),
    ("phi", "pt"),
    ("phi", "time"),
    ("pt", "time"),
)
_AVERAGED: Final = (*_PAIRS, ("time", "pt"), ("phi", "eta"))


def bench_columns(variant: Variant = "500B") -> pa.Schema:
    """Names and types of the columns of a variant.

    Raises
    ------
    ConfigurationError
        If there is no such variant.
    """
    if variant not in VARIANTS:
        msg = f"bench event {variant!r}: expected one of {', '.join(VARIANTS)}"
        raise ConfigurationError(msg)
    types = _EVENT | dict.fromkeys(COLLECTIONS, jagged_type(VARIANTS[variant]))
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in types.items()])


def bench_batch(
    *, seed: int, number: int, events: int, variant: Variant = "500B"
) -> pa.RecordBatch:
    """One chunk of bench events, the same for the same arguments.

    Parameters
    ----------
    seed, number
        Of the run and of the chunk; together they seed the generator.
    events
        In the chunk; their numbers go on from chunk to chunk.
    variant
        Size of an event.
    """
    schema = bench_columns(variant)
    key = hashlib.blake2b(f"{seed}/{number}".encode(), digest_size=16).digest()
    rng = np.random.Generator(np.random.PCG64(int.from_bytes(key)))
    first = number * events
    own: Members = {
        "event": np.arange(first + 1, first + events + 1, dtype=np.uint64),
        "orbit": np.arange(first, first + events).astype(np.uint32),
        "bunch_crossing": rng.integers(1, 3565, events, dtype=np.uint16),
        "trigger": rng.integers(0, 64, events, dtype=np.uint16),
        "weight": uniform(rng, events, 0.5, 1.5),
    }
    arrays = [pa.array(own[name], kind) for name, kind in _EVENT.items()]
    members = VARIANTS[variant]
    arrays += [jagged_array(members, _objects(rng, events, len(members))) for _ in COLLECTIONS]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _objects(rng: np.random.Generator, events: int, members: int) -> Rows:
    n = events * OBJECTS
    values: Members = {
        "pt": power_law(rng, n, 3, 3),
        "eta": uniform(rng, n, -2.5, 2.5),
        "phi": uniform(rng, n, -np.pi, np.pi),
        "time": gaussian(rng, n, 0, 1),
    }
    if members > len(values):
        values |= {name: uniform(rng, n, 0, 1) for name in _SHAPE}
        values["status"] = rng.integers(0, 2**16, n, dtype=np.uint16)
    return Rows(np.full(events, OBJECTS, np.int64), values)


def bench_booking() -> Booking:
    """The 300 elements over a bench event, as workspace `bench`."""
    elements = [element for name in COLLECTIONS for element in _elements(name)]
    return Workspace("bench", "300 elements over the bench event.", elements)


def _elements(name: str) -> Iterator[Element]:
    yield from _spectra(name)
    for region, select in enumerate(_REGIONS):
        for member in ("pt", "time"):
            yield histogram(
                f"Bench/{name}/{member}_region{region}",
                _axis(member, 100),
                fill=f"{name}.{member}",
                select=select.format(name),
            )
    yield from _maps(name)
    for x, value in _AVERAGED:
        yield profile(
            f"Bench/{name}/mean_{value}_by_{x}",
            _axis(x, 50),
            fill=f"{name}.{x}",
            value=f"{name}.{value}",
            value_range=(-1000, 1000),
        )
    yield histogram(f"Bench/{name}/multiplicity", integer(0, 20), fill=f"count({name})")
    yield scalar(f"Bench/{name}/objects", f"count({name})", combine="sum")


def _spectra(name: str) -> Iterator[Element]:
    """30 histograms in 1D over members."""
    for zoom, factor in enumerate(_ZOOMS):
        for member in _MEMBERS:
            yield histogram(
                f"Bench/{name}/{member}_zoom{zoom}",
                _axis(member, 100, factor),
                fill=f"{name}.{member}",
            )
    for function in ("cos", "sin"):
        yield histogram(
            f"Bench/{name}/pt_{function}",
            regular(100, -50, 50, label="component of pt", unit="GeV"),
            fill=f"{name}.pt * {function}({name}.phi)",
        )


def _maps(name: str) -> Iterator[Element]:
    """10 histograms in 2D."""
    selected = [(pair, side) for pair in _PAIRS[:2] for side in ("> 0", "< 0")]
    for number, (pair, side) in enumerate([*((pair, "") for pair in _PAIRS), *selected]):
        x, y = pair
        yield histogram(
            f"Bench/{name}/map{number}_{x}_{y}",
            _axis(x, 50),
            _axis(y, 50),
            fill=(f"{name}.{x}", f"{name}.{y}"),
            select=f"{name}.eta {side}" if side else "",
        )


def _axis(member: str, bins: int, factor: float = 1.0) -> Regular:
    lower, upper = _RANGES[member]
    return regular(bins, lower * factor, upper * factor, label=member)
