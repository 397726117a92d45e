"""The subsystems of the synthetic detector: which columns each adds to an event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.bril import VERTEX_EFFICIENCY, BeamMonitorHits, Luminometers
from dqmstream.sources.synthetic.castor import CastorHits
from dqmstream.sources.synthetic.collection import Collection
from dqmstream.sources.synthetic.ctpps import ProtonPixels, ProtonTimes
from dqmstream.sources.synthetic.derived import Derived
from dqmstream.sources.synthetic.ecal import EcalCrystals
from dqmstream.sources.synthetic.gem import GemClusters
from dqmstream.sources.synthetic.hcal import HcalHits
from dqmstream.sources.synthetic.hlt import HltPaths, HltStreams
from dqmstream.sources.synthetic.l1t import (
    TriggerBits,
    TriggerElectrons,
    TriggerJets,
    TriggerMuons,
    TriggerSums,
    TriggerTaus,
)
from dqmstream.sources.synthetic.l1t_emulator import (
    BitMismatch,
    ElectronMismatch,
    EmulatedBits,
    EmulatedElectrons,
    EmulatedJets,
    EmulatedMuons,
    EmulatedSums,
    EmulatedTaus,
    JetMismatch,
    MuonMismatch,
    SumMismatch,
    TauMismatch,
)
from dqmstream.sources.synthetic.muon import CscHits, DtHits, Muons, RpcHits
from dqmstream.sources.synthetic.pixel import PixelClusters, PixelMismatch, PixelNewClusters
from dqmstream.sources.synthetic.pixel_disk import (
    PixelDiskClusters,
    PixelDiskMismatch,
    PixelNewDiskClusters,
)
from dqmstream.sources.synthetic.sistrip import StripClusters

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
    """What one subsystem adds to an event.

    `derived` collections are there only if all they are made of are read out; `dcs` are the parts
    whose voltages are watched.
    """

    name: str
    collections: tuple[Collection, ...]
    derived: tuple[Derived, ...] = ()
    event_columns: tuple[EventColumn, ...] = ()
    dcs: tuple[str, ...] = ()


def _pileup(rng: np.random.Generator, crossings: Crossings) -> npt.NDArray[Any]:  # noqa: ARG001 as all columns
    return crossings.pileup


def _vertices(rng: np.random.Generator, crossings: Crossings) -> npt.NDArray[Any]:
    return rng.poisson(crossings.pileup * VERTEX_EFFICIENCY).astype(np.uint16)


def _prescale_index(rng: np.random.Generator, crossings: Crossings) -> npt.NDArray[Any]:  # noqa: ARG001 as all columns
    return np.full(len(crossings), crossings.prescale_index, np.uint8)


_ALL: Final = (
    Subsystem(
        name="pixel",
        collections=(PixelClusters(), PixelDiskClusters()),
        dcs=("bpix", "fpix"),
    ),
    Subsystem(
        name="pixel_new",
        collections=(PixelNewClusters(), PixelNewDiskClusters()),
        derived=(PixelMismatch(), PixelDiskMismatch()),
    ),
    Subsystem(name="sistrip", collections=(StripClusters(),), dcs=("tibtid", "tob", "tec")),
    Subsystem(name="ecal", collections=(EcalCrystals(),), dcs=("eb",)),
    Subsystem(name="hcal", collections=(HcalHits(),), dcs=("hb", "he", "ho", "hf")),
    Subsystem(
        name="muon",
        collections=(Muons(), DtHits(), CscHits(), RpcHits()),
        dcs=("dt", "csc", "rpc"),
    ),
    Subsystem(name="gem", collections=(GemClusters(),), dcs=("gem",)),
    Subsystem(
        name="l1t",
        collections=(
            TriggerBits(),
            TriggerJets(),
            TriggerElectrons(),
            TriggerTaus(),
            TriggerMuons(),
            TriggerSums(),
        ),
    ),
    Subsystem(
        name="l1t_emulator",
        collections=(
            EmulatedBits(),
            EmulatedJets(),
            EmulatedElectrons(),
            EmulatedTaus(),
            EmulatedMuons(),
            EmulatedSums(),
        ),
        derived=(
            BitMismatch(),
            JetMismatch(),
            ElectronMismatch(),
            TauMismatch(),
            MuonMismatch(),
            SumMismatch(),
        ),
    ),
    Subsystem(
        name="hlt",
        collections=(HltPaths(),),
        derived=(HltStreams(),),
        event_columns=(EventColumn(name="prescale_index", type=pa.uint8(), draw=_prescale_index),),
    ),
    Subsystem(
        name="bril",
        collections=(BeamMonitorHits(), Luminometers()),
        event_columns=(
            EventColumn(name="pileup", type=pa.float32(), draw=_pileup),
            EventColumn(name="vertices", type=pa.uint16(), draw=_vertices),
        ),
    ),
    Subsystem(name="ctpps", collections=(ProtonPixels(), ProtonTimes()), dcs=("ctpps",)),
    Subsystem(name="castor", collections=(CastorHits(),), dcs=("castor",)),
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
