"""Level-1 trigger: bits of the global trigger, muons, calorimeter candidates and energy sums.

Idealised throughout: bits fire independently, candidates are flat over the trigger towers. The
towers are those of CMS's barrel and endcap calorimeters (28 rings a side, 72 in phi), for muons
those within |ieta| 24; seed names are in the form of CMS's menus (CERN-LHCC-2013-011); rates are
round numbers.

=========== ======== ====================================================== ====================
collection  member   shape                                                  source
=========== ======== ====================================================== ====================
`l1t`       `bit`    the bits of `SEEDS` that fired, rising; each with its  see `_FAMILIES`:
                     probability, falling with the threshold to the 1.5     falling, idealised
`l1t_jet`   `pt`     pt^-5 above 20 GeV: mean 26.7 GeV                      falling, idealised
            `bx`     crossing, relative to the event's: -2 to 2, 96 % in 0  prefiring, idealised
`l1t_eg`    `pt`     pt^-4 above 5 GeV: mean 7.5 GeV                        falling, idealised
`l1t_tau`   `pt`     pt^-4.5 above 15 GeV: mean 21 GeV                      falling, idealised
`l1t_muon`  `pt`     pt^-3.5 above 3 GeV: mean 5 GeV                        falling, idealised
            `charge` -1 or +1, equal
all four    `bx`     as for jets
`l1t_sum`   `type`   each once an event: 0 ETT, 1 HTT, 2 ETMHF, 3 HTMHF     names as CMS's
            `et`     ETT, HTT: Gaussian, mean 4 and 2 GeV an interaction,   stochastic term,
                     sigma 4 and 5 times the root of that; missing ones:    idealised
                     Rayleigh, scale 2 and 1.5 times the root of pile-up
            `phi`    [rad] of the missing ones, equal; 0 of the others      symmetry
=========== ======== ====================================================== ====================

`ieta` (without 0) and `iphi` (1 to 72) of candidates are equally likely. The number of calorimeter
candidates follows pile-up, those of muons and bits do not.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members, Rows
from dqmstream.sources.synthetic.distributions import power_law, relative_crossing, uniform
from dqmstream.sources.synthetic.fill import INITIAL_PILEUP

__all__ = [
    "EG_EXPONENT",
    "EG_MINIMUM",
    "IN_TIME",
    "JET_EXPONENT",
    "JET_MINIMUM",
    "SEEDS",
    "SEED_PROBABILITIES",
    "SUMS",
    "TriggerBits",
    "TriggerElectrons",
    "TriggerJets",
    "TriggerMuons",
    "TriggerSums",
    "TriggerTaus",
]

JET_MINIMUM: Final = 20.0
"""Lowest transverse momentum of a jet [GeV]."""
JET_EXPONENT: Final = 5.0
EG_MINIMUM: Final = 5.0
"""Lowest transverse momentum of an electron or photon candidate [GeV]."""
EG_EXPONENT: Final = 4.0
IN_TIME: Final = 0.96
"""Fraction of candidates in the right crossing."""
SUMS: Final = ("ETT", "HTT", "ETMHF", "HTMHF")
"""Names of energy sums 0, 1, ...: total energy, total of jets, missing energy, that of jets."""

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


def _towers(highest: int) -> Cells:
    rings = np.concatenate([np.arange(-highest, 0), np.arange(1, highest + 1)])
    return Cells(
        {
            "ieta": np.repeat(rings, 72).astype(np.int8),
            "iphi": np.tile(np.arange(1, 73), len(rings)).astype(np.uint8),
        }
    )


class _Candidates(Collection):
    """Candidates in trigger towers."""

    members: ClassVar[Mapping[str, pa.DataType]] = {
        "pt": pa.float32(),
        "ieta": pa.int8(),
        "iphi": pa.uint8(),
        "bx": pa.int8(),
    }
    cells = _towers(28)
    follows_pileup = True
    minimum: ClassVar[float]
    exponent: ClassVar[float]

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        return self.cells.members(self.cells.draw(rng, n, at)) | {
            "pt": power_law(rng, n, self.minimum, self.exponent),
            "bx": relative_crossing(rng, n, IN_TIME),
        }


class TriggerJets(_Candidates):
    """Jets, 3 in a crossing of pile-up 60."""

    name = "l1t_jet"
    mean = 3.0
    minimum = JET_MINIMUM
    exponent = JET_EXPONENT


class TriggerElectrons(_Candidates):
    """Electron/photon candidates, 4 in a crossing of pile-up 60."""

    name = "l1t_eg"
    mean = 4.0
    minimum = EG_MINIMUM
    exponent = EG_EXPONENT


class TriggerTaus(_Candidates):
    """Tau candidates, 1.5 in a crossing of pile-up 60."""

    name = "l1t_tau"
    mean = 1.5
    minimum = 15.0
    exponent = 4.5


class TriggerMuons(_Candidates):
    """Muon candidates, 0.8 an event."""

    name = "l1t_muon"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        **_Candidates.members,
        "charge": pa.int8(),
    }
    cells = _towers(24)
    mean = 0.8
    follows_pileup = False
    minimum = 3.0
    exponent = 3.5

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        charge = 2 * rng.integers(0, 2, n, dtype=np.int8) - 1
        return super().draw(rng, n, at) | {"charge": charge}


class TriggerSums(Collection):
    """Energy sums, each once an event."""

    name = "l1t_sum"
    members: ClassVar[Mapping[str, pa.DataType]] = {
        "type": pa.uint8(),
        "et": pa.float32(),
        "phi": pa.float32(),
    }
    cells = Cells({"type": np.arange(len(SUMS), dtype=np.uint8)})
    mean = float(len(SUMS))
    follows_pileup = True
    once_per_event = True
    labels: ClassVar[Mapping[str, tuple[str, ...]]] = {"type": SUMS}

    def rows(self, rng: np.random.Generator, crossings: Crossings) -> Rows:
        events = len(crossings)
        kind = np.tile(np.arange(len(SUMS), dtype=np.uint8), events)
        pileup = np.repeat(crossings.pileup, len(SUMS))
        return Rows(np.full(events, len(SUMS), np.int64), _sums(rng, kind, pileup))

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        kind = self.cells.members(self.cells.draw(rng, n, at))["type"]
        return _sums(rng, kind, np.full(n, INITIAL_PILEUP, np.float32))


_SUM_MEANS: Final = np.array([4.0, 2.0, 0.0, 0.0], np.float32)
_SUM_SPREADS: Final = np.array([4.0, 5.0, 2.0, 1.5], np.float32)


def _sums(
    rng: np.random.Generator, kind: npt.NDArray[np.uint8], pileup: npt.NDArray[np.float32]
) -> Members:
    """Sums of these types in events of this pile-up, both array[rows]."""
    n = len(kind)
    missing = kind >= 2
    root = np.sqrt(np.where(missing, pileup, _SUM_MEANS[kind] * pileup))
    total = _SUM_MEANS[kind] * pileup + _SUM_SPREADS[kind] * root * rng.standard_normal(
        n, dtype=np.float32
    )
    # A Rayleigh variate is the root of twice an exponential one.
    two = np.sqrt(2 * rng.standard_exponential(n, dtype=np.float32))
    return {
        "type": kind,
        "et": np.where(missing, _SUM_SPREADS[kind] * root * two, np.maximum(total, 0)),
        "phi": np.where(missing, uniform(rng, n, -np.pi, np.pi), np.float32(0)),
    }
