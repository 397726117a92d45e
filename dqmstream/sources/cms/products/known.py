"""All collections that products become."""

from typing import Final

from dqmstream.sources.cms.products.beam_spot import BEAM_SPOT
from dqmstream.sources.cms.products.collection import Collection
from dqmstream.sources.cms.products.fed import FED, FED_MISSING
from dqmstream.sources.cms.products.l1 import L1, L1_BITS
from dqmstream.sources.cms.products.online import (
    CTPPS,
    CTPPS_POTS,
    DCS,
    DCS_PARTITIONS,
    LUMINOSITY,
)
from dqmstream.sources.cms.products.scouting import SCOUTING
from dqmstream.sources.cms.products.tracks import TRACKS
from dqmstream.sources.cms.products.trigger import TRIGGER_RESULTS
from dqmstream.sources.cms.products.vertices import VERTICES

__all__ = ["COLLECTIONS"]

COLLECTIONS: Final[tuple[Collection, ...]] = (
    TRACKS,
    VERTICES,
    BEAM_SPOT,
    DCS,
    DCS_PARTITIONS,
    LUMINOSITY,
    CTPPS,
    CTPPS_POTS,
    TRIGGER_RESULTS,
    FED,
    FED_MISSING,
    L1,
    *L1_BITS,
    *SCOUTING,
)
"""In the order in which their columns stand."""
