"""Which products events have, and how they come out of their payloads."""

import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dqmstream.sources.cms.decoding.friendly import friendly_name

__all__ = ["Branch", "Decoded", "Product", "Ragged", "Values"]

Values: TypeAlias = NDArray[Any]
"""Numbers in native byte order and with the width they have in the payload."""


class Branch(NamedTuple):
    """A product that events of a file may have.

    `class_name` is spelled as by `plain_name` (`vector<reco::Track>`). `friendly` is CMSSW's short
    name of the class as INIT gives it; where it is empty, it is made by CMSSW's rule.
    """

    class_name: str
    label: str
    instance: str
    process: str
    friendly: str = ""

    @property
    def name(self) -> str:
        """As CMSSW names it: `recoTracks_hltPFMuonMerging__HLT.`, the point included."""
        friendly = self.friendly or friendly_name(self.class_name)
        return f"{friendly}_{self.label}_{self.instance}_{self.process}."

    @property
    def id(self) -> int:
        """CRC-32 of the name: how events name the branch."""
        return zlib.crc32(self.name.encode())


class Ragged(NamedTuple):
    """A member with its own number of values in each object.

    `counts` is int64, one for each object (of all events); `values` are those of all objects, one
    object after the other.
    """

    counts: NDArray[np.int64]
    values: Values


class Product(NamedTuple):
    """One branch in all events of a batch.

    `counts` is int64, objects for each event: 0 where the product is absent, unknown or broken;
    0 or 1 for a product that is no collection. `members` are arrays [objects], or [objects, k] of
    members that are C++ arrays; `ragged` are vectors, bitsets, and what stands in vectors. Both go
    by the names that were asked for. Where the class's version has no such member, or a pointer
    to it is null, all bits of its values are set (NaN, -1, the highest unsigned number), and a
    ragged member is empty.
    """

    counts: NDArray[np.int64]
    members: Mapping[str, Values]
    ragged: Mapping[str, Ragged]


class Decoded(NamedTuple):
    """What came out of a batch of payloads.

    `products` go by index in the decoder's branches: each branch that was wanted. `unknown` counts
    events by class and version (`reco::Track v21`), `broken` by class or part, and kind
    (`vector<reco::Track> byte_count`).
    """

    products: Mapping[int, Product]
    unknown: Counter[str]
    broken: Counter[str]
