"""ECAL barrel: occupancy of crystals and supermodules, energy and timing."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import (
    BUNCHES,
    LOG_MAP,
    MAP,
    SPECTRUM,
    TIME_IN_LS,
    TREND,
    number_of_events,
)

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the ECAL expert on duty."

_SUPERMODULE: Final = integer(
    1,
    37,
    labels=[f"EB{side}{number:02}" for side in "+-" for number in range(1, 19)],
    label="supermodule",
)
_IETA: Final = integer(-85, 86, label="crystal in eta")
_IPHI: Final = integer(1, 361, label="crystal in phi")
_TOWER_ETA: Final = integer(-17, 17, label="trigger tower in eta")
_TOWER_PHI: Final = integer(0, 72, label="trigger tower in phi")
_TOWER: Final = ("(ecal.ieta - where(ecal.ieta > 0, 1, 0)) // 5", "(ecal.iphi - 1) // 5")
"""Towers of 5 x 5 crystals; there is no crystal 0 in eta."""
_ENERGY: Final = regular(100, 0, 10, label="energy", unit="GeV")
_TIME: Final = regular(100, -10, 10, label="time", unit="ns")
_SIDES: Final = (("EBplus", "EB+", "ecal.ieta > 0"), ("EBminus", "EB-", "ecal.ieta < 0"))


def _summary() -> Iterator[Element]:
    yield number_of_events("EcalBarrel")
    yield scalar(
        "EcalBarrel/crystals",
        "count(ecal)",
        combine="sum",
        title="Crystals above threshold",
        description=f"Falls slowly with the luminosity, without steps. {_CALL}",
        draw=TREND,
    )
    yield scalar(
        "EcalBarrel/highest_energy",
        "ecal.energy",
        combine="max",
        title="Highest energy of a crystal [GeV]",
        description=f"Below a few 100 GeV: more is a spike or a saturated crystal. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        "EcalBarrel/crystals_per_event",
        integer(0, 80, label="crystals in an event"),
        fill="count(ecal)",
        title="Crystals per event",
        description="One peak that moves left as pile-up falls. A second one near 0 means lost "
        f"readout. {_CALL}",
    )
    yield histogram(
        "EcalBarrel/energy_per_event",
        regular(100, 0, 100, label="sum of crystal energies", unit="GeV"),
        fill="sum(ecal.energy)",
        title="Energy per event",
        description=f"One peak at about 15 GeV, no second one. {_CALL}",
    )
    yield profile(
        "EcalBarrel/crystals_by_bunch_crossing",
        BUNCHES,
        fill="bunch_crossing",
        value="count(ecal)",
        value_range=(0, 1000),
        title="Mean crystals by bunch crossing",
        description=f"Filled bunches alike, gaps between trains empty. {_CALL}",
    )
    yield histogram(
        "EcalBarrel/crystals_in_time",
        TIME_IN_LS,
        fill="time * 1e-9",
        select="ecal.energy > 0",
        title="Crystals by time in the lumisection",
        description=f"Flat: a hole means that readout stopped and came back. {_CALL}",
    )


def _occupancy() -> Iterator[Element]:
    yield histogram(
        "EcalBarrel/Occupancy/supermodules",
        _SUPERMODULE,
        fill="ecal.supermodule",
        title="Crystals above threshold by supermodule",
        description="Flat within the statistics. A supermodule at 0 has no high or low voltage. "
        f"{_CALL}",
    )
    yield histogram(
        "EcalBarrel/Occupancy/crystals",
        _IETA,
        _IPHI,
        fill=("ecal.ieta", "ecal.iphi"),
        title="Crystals above threshold",
        description="One colour, but for the empty row at eta 0. A single bright spot is a noisy "
        f"crystal; note its numbers. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        "EcalBarrel/Occupancy/towers",
        _TOWER_ETA,
        _TOWER_PHI,
        fill=_TOWER,
        title="Crystals above threshold by trigger tower",
        description=f"One colour. Empty towers in a row share a token ring. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        "EcalBarrel/Occupancy/eta",
        _IETA,
        fill="ecal.ieta",
        title="Crystals above threshold by eta",
        description=f"Flat, but for the empty bin at 0. {_CALL}",
    )
    yield histogram(
        "EcalBarrel/Occupancy/phi",
        _IPHI,
        fill="ecal.iphi",
        title="Crystals above threshold by phi",
        description=f"Flat. A step 20 bins wide is a supermodule. {_CALL}",
    )
    yield histogram(
        "EcalBarrel/Occupancy/energetic",
        _TOWER_ETA,
        _TOWER_PHI,
        fill=_TOWER,
        select="ecal.energy > 2",
        title="Crystals above 2 GeV by trigger tower",
        description=f"One colour: a bright spot here fires triggers. {_CALL}",
        draw=MAP,
    )


def _energy() -> Iterator[Element]:
    for name, side, select in _SIDES:
        yield histogram(
            f"EcalBarrel/Energy/{name}",
            _ENERGY,
            fill="ecal.energy",
            select=select,
            title=f"Crystal energy, {side}",
            description="Falls steeply from 0.5 GeV on, without bumps; mean about 0.75 GeV. "
            f"{_CALL}",
            draw=SPECTRUM,
        )
    yield profile(
        "EcalBarrel/Energy/by_supermodule",
        _SUPERMODULE,
        fill="ecal.supermodule",
        value="ecal.energy",
        value_range=(0, 2000),
        title="Mean crystal energy by supermodule",
        description=f"About 0.75 GeV in all supermodules. {_CALL}",
    )
    yield profile(
        "EcalBarrel/Energy/by_eta",
        _IETA,
        fill="ecal.ieta",
        value="ecal.energy",
        value_range=(0, 2000),
        title="Mean crystal energy by eta",
        description=f"Flat at about 0.75 GeV. {_CALL}",
    )
    yield profile(
        "EcalBarrel/Energy/by_tower",
        _TOWER_ETA,
        _TOWER_PHI,
        fill=_TOWER,
        value="ecal.energy",
        value_range=(0, 2000),
        title="Mean crystal energy by trigger tower",
        description=f"One colour within the statistics. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        "EcalBarrel/Energy/highest",
        regular(100, 0, 20, label="highest crystal energy of an event", unit="GeV"),
        fill="max(ecal.energy)",
        select="count(ecal) > 0",
        title="Most energetic crystal of each event",
        description=f"One peak below 2 GeV with a falling tail. {_CALL}",
        draw=SPECTRUM,
    )


def _timing() -> Iterator[Element]:
    for name, side, select in _SIDES:
        yield histogram(
            f"EcalBarrel/Timing/{name}",
            _TIME,
            fill="ecal.time",
            select=select,
            title=f"Crystal time, {side}",
            description=f"One peak at 0, about 1 ns wide. A shift means a wrong clock. {_CALL}",
        )
    yield profile(
        "EcalBarrel/Timing/by_supermodule",
        _SUPERMODULE,
        fill="ecal.supermodule",
        value="ecal.time",
        value_range=(-50, 50),
        title="Mean crystal time by supermodule",
        description=f"Within 0.2 ns of 0 in all supermodules. {_CALL}",
    )
    yield profile(
        "EcalBarrel/Timing/by_tower",
        _TOWER_ETA,
        _TOWER_PHI,
        fill=_TOWER,
        value="ecal.time",
        value_range=(-50, 50),
        title="Mean crystal time by trigger tower",
        description=f"One colour, near 0. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        "EcalBarrel/Timing/by_energy",
        regular(50, 0, 10, label="energy", unit="GeV"),
        regular(80, -8, 8, label="time", unit="ns"),
        fill=("ecal.energy", "ecal.time"),
        title="Crystal time by energy",
        description=f"A band around 0 at all energies. {_CALL}",
        draw=LOG_MAP,
    )
    yield profile(
        "EcalBarrel/Timing/by_bunch_crossing",
        BUNCHES,
        fill="bunch_crossing",
        value="ecal.time",
        value_range=(-50, 50),
        title="Mean crystal time by bunch crossing",
        description=f"Flat at 0: a wave along the trains is a clock problem. {_CALL}",
    )


workspace = Workspace(
    "ecal",
    "ECAL barrel: dead and noisy crystals and supermodules, energy, timing.",
    [*_summary(), *_occupancy(), *_energy(), *_timing()],
)
