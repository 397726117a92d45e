"""When events happen: bunch crossings, orbits, times and pile-up of an LHC-like beam.

The filling scheme, the revolution frequency and the lumisection length are the LHC's; pile-up
falls over lumisections (`fill`), and differs a little from bunch to bunch.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "BUNCH_SLOTS",
    "REVOLUTION_FREQUENCY",
    "Crossings",
    "crossings",
    "filled_bunches",
]

BUNCH_SLOTS: Final = 3564
"""Places for bunches in the ring, 25 ns apart, numbered from 1 (LHC Design Report, vol. 1)."""
REVOLUTION_FREQUENCY: Final = 11245.5
"""Orbits per second of a proton at 7 TeV [Hz]; 2**18 orbits are one lumisection of 23.31 s."""

_BUNCH_SPREAD: Final = 0.04
_ORBIT_NS: Final = 1e9 / REVOLUTION_FREQUENCY
_SLOT_NS: Final = _ORBIT_NS / BUNCH_SLOTS

_TRAIN: Final = 48
_TRAINS: Final = 5
_TRAIN_GAP: Final = 7
_INJECTIONS: Final = 11
_INJECTION_GAP: Final = 31
_PILOT_TRAIN: Final = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossings:
    """The crossings of some events of one LS, in order of orbit; all arrays have length n.

    `event` uint64, unique in the run; `bunch_crossing` uint16, 1 to 3564; `orbit` uint32, counted
    from the start of the run; `time` int64, ns since the start of the lumisection; `pileup`
    float32, expected number of interactions. `lumisection` is numbered from 1, `prescale_index`
    the column of prescales in force.
    """

    lumisection: int
    prescale_index: int
    event: npt.NDArray[np.uint64]
    bunch_crossing: npt.NDArray[np.uint16]
    orbit: npt.NDArray[np.uint32]
    time: npt.NDArray[np.int64]
    pileup: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.event)


@cache
def filled_bunches() -> npt.NDArray[np.uint16]:
    """Numbers of the filled slots: a train of 12, then 11 injections of 5 trains of 48 bunches.

    Gaps of 7 slots for the SPS kicker, of 31 for the LHC's, and an abort gap of more than 3 us at
    the end, as in the LHC's 25 ns schemes: 2652 bunches, read-only uint16[2652].
    """
    slots = list(range(1, 1 + _PILOT_TRAIN))
    slot = slots[-1] + 1 + _INJECTION_GAP
    for _ in range(_INJECTIONS):
        for _ in range(_TRAINS):
            slots.extend(range(slot, slot + _TRAIN))
            slot += _TRAIN + _TRAIN_GAP
        slot += _INJECTION_GAP - _TRAIN_GAP
    filled = np.array(slots, np.uint16)
    filled.flags.writeable = False
    return filled


def _bunch_factors(bunch_crossing: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Pile-up of a bunch relative to the mean: a wave of 4 % along each train of 48."""
    phase = bunch_crossing.astype(np.float32) * np.float32(2 * np.pi / _TRAIN)
    factors: npt.NDArray[np.float32] = 1 + np.float32(_BUNCH_SPREAD) * np.sin(phase)
    return factors


def crossings(
    rng: np.random.Generator,
    *,
    lumisection: int,
    pileup: float,
    prescale_index: int = 0,
    first: int,
    size: int,
    events: int,
    before: int,
    seconds: float,
) -> Crossings:
    """Crossings of events `first` to `first + size` of the `events` of one lumisection.

    Events are spread evenly over the orbits of the lumisection, one at random in each of `events`
    equal intervals, and each takes a filled bunch at random.

    Parameters
    ----------
    rng
        Generator of these events alone.
    lumisection
        Numbered from 1; earlier ones are taken to have as many orbits.
    pileup
        Mean over the bunches of this LS [interactions].
    prescale_index
        Column of prescales in force.
    first, size
        Which events, counted from 0 in the lumisection.
    events
        Events in the lumisection.
    before
        Numbers that earlier lumisections have taken: events are numbered from `before` + 1.
    seconds
        Length of a lumisection [s].
    """
    orbits = max(1, round(seconds * REVOLUTION_FREQUENCY))
    index = np.arange(first, first + size)
    orbit = ((index + rng.random(size)) * (orbits / events)).astype(np.int64)
    np.minimum(orbit, orbits - 1, out=orbit)
    filled = filled_bunches()
    bunch_crossing = filled[rng.integers(0, len(filled), size)]
    time = orbit * _ORBIT_NS + (bunch_crossing.astype(np.float64) - 1) * _SLOT_NS
    return Crossings(
        lumisection=lumisection,
        prescale_index=prescale_index,
        event=(index + (before + 1)).astype(np.uint64),
        bunch_crossing=bunch_crossing,
        orbit=((orbit + (lumisection - 1) * orbits) % 2**32).astype(np.uint32),
        time=np.ceil(time).astype(np.int64),
        pileup=np.float32(pileup) * _bunch_factors(bunch_crossing),
    )
