"""Level-1 trigger: bits of the global trigger, jets and electron/photon candidates.

Idealised throughout: bits fire independently, candidates are flat over the trigger towers. The
towers are those of CMS's barrel and endcap calorimeters (28 rings a side, 72 in phi), seed names
are in the form of CMS's menus (CERN-LHCC-2013-011); rates are round numbers.

=========== ======== ====================================================== ====================
collection  member   shape                                                  source
=========== ======== ====================================================== ====================
`l1t`       `bit`    the bits of `SEEDS` that fired, rising; each with its  see `_FAMILIES`:
                     probability, falling with the threshold to the 1.5     falling, idealised
`l1t_jet`   `pt`     pt^-5 above 20 GeV: mean 26.7 GeV                      falling, idealised
            `bx`     crossing, relative to the event's: -2 to 2, 96 % in 0  prefiring, idealised
`l1t_eg`    `pt`     pt^-4 above 5 GeV: mean 7.5 GeV                        falling, idealised
            `bx`     as for jets
=========== ======== ====================================================== ====================

`ieta` (-28 to 28 without 0) and `iphi` (1 to 72) of candidates are equally likely.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members, Rows
from dqmstream.sources.synthetic.distributions import power_law

__all__ = [
    "EG_EXPONENT",
    "EG_MINIMUM",
    "JET_EXPONENT",
    "JET_MINIMUM",
    "SEEDS",
    "SEED_PROBABILITIES",
    "TriggerBits",
    "TriggerElectrons",
    "TriggerJets",
]

JET_MINIMUM: Final = 20.0
"""Lowest transverse momentum of a jet [GeV]."""
JET_EXPONENT: Final = 5.0
EG_MINIMUM: Final = 5.0
"""Lowest transverse momentum of an electron or photon candidate [GeV]."""
EG_EXPONENT: Final = 4.0

_FAMILIES: Final = (
    ("L1_ZeroBias", 0.05, ("",)),
    ("L1_MinimumBiasHF0", 0.04, ("",)),
    ("L1_FirstBunchInTrain", 0.03, ("",)),
    ("L1_IsolatedBunch", 0.03, ("",)),
    ("L1_SingleMu", 0.10, (5, 7, 12, 15, 18, 22, 25)),
    ("L1_DoubleMu", 0.06, (4, 6, 9, 12, 15)),
    ("L1_SingleEG", 0.20, (10, 15, 26, 28, 30, 34, 36, 40)),
    ("L1_SingleIsoEG", 0.12, (24, 26, 28, 30, 32, 34)),
    ("L1_DoubleEG", 0.08, (15, 20, 25)),
    ("L1_SingleTau", 0.10, (30, 40, 70, 120)),
    ("L1_SingleJet", 0.25, (35, 60, 90, 120, 140, 160, 180, 200)),
    ("L1_DoubleJet", 0.15, (40, 60, 100, 120, 150)),
    ("L1_HTT", 0.15, (120, 160, 200, 255, 280, 320, 360)),
    ("L1_ETMHF", 0.08, (70, 80, 90, 100, 110, 120)),
)
"""Family, probability at its first threshold, thresholds [GeV]."""


def _menu() -> tuple[tuple[str, float], ...]:
    bits = []
    for family, probability, thresholds in _FAMILIES:
        first = float(thresholds[0] or 1)
        for threshold in thresholds:
            fall = (first / float(threshold or 1)) ** 1.5
            bits.append((f"{family}{threshold}", probability * fall))
    return tuple(bits)


SEEDS: Final = tuple(name for name, _ in _menu())
"""Names of bits 0, 1, ..."""
SEED_PROBABILITIES: Final = tuple(probability for _, probability in _menu())
"""Probability of each bit to fire in an event."""

_BX_PROBABILITIES: Final = (0.005, 0.015, 0.96, 0.015, 0.005)


class TriggerBits(Collection):
    """Bits of the global trigger that fired."""

    name = "l1t"
    members: ClassVar[Mapping[str, pa.DataType]] = {"bit": pa.uint16()}
    cells = Cells({"bit": np.arange(len(SEEDS), dtype=np.uint16)}, weights=SEED_PROBABILITIES)
    mean = sum(SEED_PROBABILITIES)
    once_per_event = True
    labels: ClassVar[Mapping[str, tuple[str, ...]]] = {"bit": SEEDS}

    def rows(self, rng: np.random.Generator, crossings: Crossings) -> Rows:
        fired = rng.random((len(crossings), len(SEEDS)), dtype=np.float32) < np.array(
            SEED_PROBABILITIES, np.float32
        )
        return Rows(fired.sum(axis=1), {"bit": np.nonzero(fired)[1].astype(np.uint16)})

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        return self.cells.members(self.cells.draw(rng, n, at))


def _towers() -> Cells:
    rings = np.concatenate([np.arange(-28, 0), np.arange(1, 29)])
    return Cells(
        {
            "ieta": np.repeat(rings, 72).astype(np.int8),
            "iphi": np.tile(np.arange(1, 73), len(rings)).astype(np.uint8),
        }
    )


class _Candidates(Collection):
    """Calorimeter candidates."""

    members: ClassVar[Mapping[str, pa.DataType]] = {
        "pt": pa.float32(),
        "ieta": pa.int8(),
        "iphi": pa.uint8(),
        "bx": pa.int8(),
    }
    cells = _towers()
    minimum: ClassVar[float]
    exponent: ClassVar[float]

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        edges = np.cumsum(_BX_PROBABILITIES[:-1], dtype=np.float32)
        crossing = np.searchsorted(edges, rng.random(n, dtype=np.float32), side="right")
        return self.cells.members(self.cells.draw(rng, n, at)) | {
            "pt": power_law(rng, n, self.minimum, self.exponent),
            "bx": crossing - 2,
        }


class TriggerJets(_Candidates):
    """Jets, 3 an event."""

    name = "l1t_jet"
    mean = 3.0
    minimum = JET_MINIMUM
    exponent = JET_EXPONENT


class TriggerElectrons(_Candidates):
    """Electron/photon candidates, 4 an event."""

    name = "l1t_eg"
    mean = 4.0
    minimum = EG_MINIMUM
    exponent = EG_EXPONENT
