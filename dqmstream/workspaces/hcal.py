"""HCAL: occupancy by depth, energy and timing of HB, HE, HO and HF."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import MAP, SPECTRUM, TREND, beginning

__all__ = ["workspace"]

_FOLDER: Final = "Hcal"
_CALL: Final = "Otherwise call the HCAL expert on duty."

_SUBDETECTORS: Final = {"HB": 1, "HE": 2, "HO": 3, "HF": 4}
"""Barrel, endcap, outer, forward: CMSSW's numbers."""
_DEPTHS: Final = {"HB": range(1, 5), "HE": range(1, 8), "HO": range(4, 5), "HF": range(1, 5)}
_HIGHEST: Final = {"HB": 16, "HE": 29, "HO": 15, "HF": 41}
"""Ring farthest forward."""
_IPHI: Final = integer(1, 73, label="channel in phi")
_SIGMA: Final = {"HB": 1, "HE": 1, "HO": 3, "HF": 1}
_MEAN_ENERGY: Final = {"HB": 0.83, "HE": 0.83, "HO": 0.83, "HF": 3.3}


def _subdetector(name: str, number: int) -> Iterator[Element]:
    folder, here, highest = f"{_FOLDER}/{name}", f"hcal.subdetector == {number}", _HIGHEST[name]
    ieta = integer(-highest, highest + 1, label="channel in eta")
    yield scalar(
        f"{folder}/hits",
        f"count({here})",
        combine="sum",
        title=f"{name}: hits",
        description=f"Falls slowly with the luminosity, without steps. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{folder}/phi",
        _IPHI,
        fill="hcal.iphi",
        select=here,
        title=f"{name}: hits by phi",
        description="The regular pattern of the reference: an empty bin beside filled ones is a "
        f"wedge without voltage or readout. {_CALL}",
    )
    for depth in _DEPTHS[name]:
        yield histogram(
            f"{folder}/Depth{depth}/occupancy",
            ieta,
            _IPHI,
            fill=("hcal.ieta", "hcal.iphi"),
            select=f"{here} and hcal.depth == {depth}",
            title=f"{name}, depth {depth}: hits",
            description="One colour where there are channels. A white patch is a readout box "
            f"without data, a bright spot a noisy channel. {_CALL}",
            draw=MAP,
        )
    yield histogram(
        f"{folder}/energy",
        regular(100, 0, 40 if name == "HF" else 10, label="energy", unit="GeV"),
        fill="hcal.energy",
        select=here,
        title=f"{name}: energy of hits",
        description=f"Falls without steps; mean about {_MEAN_ENERGY[name]} GeV. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        f"{folder}/time",
        regular(100, -25, 25, label="time of the TDC", unit="ns"),
        fill="hcal.time",
        select=here,
        title=f"{name}: time of hits",
        description=f"One peak at 0 with a width of {_SIGMA[name]} ns. {_CALL}",
    )
    yield profile(
        f"{folder}/time_by_eta",
        ieta,
        fill="hcal.ieta",
        value="hcal.time",
        value_range=(-100, 100),
        select=here,
        title=f"{name}: mean time by eta",
        description=f"Flat at 0: a step is a wrong delay of a readout box. {_CALL}",
    )


def _summary() -> Iterator[Element]:
    yield from beginning(_FOLDER, "hcal", "depth", "hits", most=100, call=_CALL)
    kind = integer(1, 5, labels=list(_SUBDETECTORS), label="subdetector")
    yield histogram(
        f"{_FOLDER}/hits_by_subdetector",
        kind,
        fill="hcal.subdetector",
        title="Hits by subdetector",
        description=f"As in the reference; none is empty. {_CALL}",
    )
    yield histogram(
        f"{_FOLDER}/hits_by_depth",
        integer(1, 8, label="depth"),
        kind,
        fill=("hcal.depth", "hcal.subdetector"),
        title="Hits by depth and subdetector",
        description=f"As in the reference. {_CALL}",
        draw=MAP,
    )
    yield profile(
        f"{_FOLDER}/energy_by_depth",
        integer(1, 8, label="depth"),
        fill="hcal.depth",
        value="hcal.energy",
        value_range=(0, 10_000),
        select="hcal.subdetector <= 2",
        title="Mean energy by depth, HB and HE",
        description=f"Flat at about 0.83 GeV; a fall to the right is radiation damage. {_CALL}",
    )


workspace = Workspace(
    "hcal",
    "HCAL: dead and noisy channels by depth, energy, timing of the TDCs.",
    [*_summary(), *(one for item in _SUBDETECTORS.items() for one in _subdetector(*item))],
)
