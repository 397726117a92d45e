"""The subsystems of the synthetic detector: which columns each adds to an event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.bril import VERTEX_EFFICIENCY, BeamMonitorHits
from dqmstream.sources.synthetic.collection import Collection
from dqmstream.sources.synthetic.derived import Derived
from dqmstream.sources.synthetic.ecal import EcalCrystals
from dqmstream.sources.synthetic.l1t import TriggerBits, TriggerElectrons, TriggerJets
from dqmstream.sources.synthetic.muon import CscHits, DtHits, Muons, RpcHits
from dqmstream.sources.synthetic.pixel import PixelClusters

__all__ = ["SUBSYSTEMS", "EventColumn", "Subsystem", "collection_named"]

_Draw = Callable[[np.random.Generator, Crossings], npt.NDArray[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class EventColumn:
    """A column with one value for each event."""

    name: str
    type: pa.DataType
    draw: _Draw


@dataclass(frozen=True, kw_only=True, slots=True)
class Subsystem:
    """What one subsystem adds to an event."""

    name: str
    collections: tuple[Collection, ...]
    derived: tuple[Derived, ...] = ()
    event_columns: tuple[EventColumn, ...] = ()


def _pileup(rng: np.random.Generator, crossings: Crossings) -> npt.NDArray[Any]:  # noqa: ARG001 as all columns
    return crossings.pileup


def _vertices(rng: np.random.Generator, crossings: Crossings) -> npt.NDArray[Any]:
    return rng.poisson(crossings.pileup * VERTEX_EFFICIENCY).astype(np.uint16)


_ALL: Final = (
    Subsystem(name="pixel", collections=(PixelClusters(),)),
    Subsystem(name="ecal", collections=(EcalCrystals(),)),
    Subsystem(name="muon", collections=(Muons(), DtHits(), CscHits(), RpcHits())),
    Subsystem(name="l1t", collections=(TriggerBits(), TriggerJets(), TriggerElectrons())),
    Subsystem(
        name="bril",
        collections=(BeamMonitorHits(),),
        event_columns=(
            EventColumn(name="pileup", type=pa.float32(), draw=_pileup),
            EventColumn(name="vertices", type=pa.uint16(), draw=_vertices),
        ),
    ),
)

SUBSYSTEMS: Final[Mapping[str, Subsystem]] = {subsystem.name: subsystem for subsystem in _ALL}
"""All subsystems by name, in the order of their columns."""

_COLLECTIONS: Final = {
    collection.name: collection for subsystem in _ALL for collection in subsystem.collections
}


def collection_named(name: str) -> Collection:
    """The collection of that name.

    Raises
    ------
    ConfigurationError
        If no subsystem has one.
    """
    if name not in _COLLECTIONS:
        msg = f"collection {name!r}: expected one of {', '.join(_COLLECTIONS)}"
        raise ConfigurationError(msg)
    return _COLLECTIONS[name]
