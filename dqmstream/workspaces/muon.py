"""Muon system: candidates, and occupancy and timing of DT, CSC and RPC chambers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dqmstream.booking import Workspace, category, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Axis, Element
from dqmstream.workspaces.elements import MAP, SPECTRUM, TREND, number_of_events

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the muon expert on duty."

_ETA: Final = regular(48, -2.4, 2.4, label="eta")
_PHI: Final = regular(64, -3.1416, 3.1416, label="phi", unit="rad")
_SECTOR: Final = integer(1, 13, label="sector")
_WHEEL: Final = integer(-2, 3, label="wheel")


@dataclass(frozen=True, slots=True)
class _Chambers:
    """One kind of chamber: its collection, how many there are, and how they are mapped.

    `maps` are (name, axes, expressions, selection); `call` says whom.
    """

    collection: str
    title: str
    chambers: int
    maps: tuple[tuple[str, tuple[Axis, Axis], tuple[str, str], str], ...]
    call: str


_DT: Final = _Chambers(
    "dt",
    "DT",
    240,
    tuple(
        (
            f"station{station}",
            (_SECTOR, _WHEEL),
            ("dt.sector", "dt.wheel"),
            f"dt.station == {station}",
        )
        for station in range(1, 5)
    ),
    "Otherwise call the DT expert on duty.",
)
_CSC: Final = _Chambers(
    "csc",
    "CSC",
    540,
    (
        (
            "rings",
            (
                category(
                    [-4, -3, -2, -1, 1, 2, 3, 4],
                    labels=["ME-4", "ME-3", "ME-2", "ME-1", "ME+1", "ME+2", "ME+3", "ME+4"],
                    label="station",
                ),
                integer(1, 4, label="ring"),
            ),
            ("csc.endcap * csc.station", "csc.ring"),
            "",
        ),
    ),
    "Otherwise call the CSC expert on duty.",
)
_RPC: Final = _Chambers(
    "rpc",
    "RPC",
    360,
    tuple(
        (f"layer{layer}", (_SECTOR, _WHEEL), ("rpc.sector", "rpc.wheel"), f"rpc.layer == {layer}")
        for layer in range(1, 7)
    ),
    "Otherwise call the RPC expert on duty.",
)


def _candidates() -> Iterator[Element]:
    yield number_of_events("Muon")
    yield scalar(
        "Muon/candidates",
        "count(muon)",
        combine="sum",
        title="Muon candidates",
        description=f"Steady, without steps. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        "Muon/multiplicity",
        integer(0, 10, label="muons in an event"),
        fill="count(muon)",
        title="Muon candidates per event",
        description=f"Falls from 0 on; mean about 0.6. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "Muon/pt",
        regular(100, 0, 100, label="pt", unit="GeV"),
        fill="muon.pt",
        title="Transverse momentum",
        description=f"Falls from 3 GeV on without steps; mean about 5 GeV. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "Muon/highest_pt",
        regular(100, 0, 100, label="pt", unit="GeV"),
        fill="max(muon.pt)",
        select="count(muon) > 0",
        title="Highest transverse momentum of each event",
        description=f"Falls from 3 GeV on without steps. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "Muon/eta",
        _ETA,
        fill="muon.eta",
        title="Pseudorapidity",
        description=f"Flat over the acceptance. {_CALL}",
    )
    yield histogram(
        "Muon/phi",
        _PHI,
        fill="muon.phi",
        title="Azimuth",
        description=f"Flat: a dip is a sector without high voltage. {_CALL}",
    )
    yield histogram(
        "Muon/eta_phi",
        _ETA,
        _PHI,
        fill=("muon.eta", "muon.phi"),
        title="Muon candidates in the detector",
        description=f"One colour. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        "Muon/charge",
        category([-1, 1], labels=["-", "+"], label="charge"),
        fill="muon.charge",
        title="Charge",
        description=f"Both alike. {_CALL}",
    )
    yield histogram(
        "Muon/time",
        regular(100, -25, 25, label="time", unit="ns"),
        fill="muon.time",
        title="Time of muon candidates",
        description=f"One peak at 0; side peaks at 25 ns are a wrong crossing. {_CALL}",
    )
    yield profile(
        "Muon/pt_by_eta",
        _ETA,
        fill="muon.eta",
        value="muon.pt",
        value_range=(0, 1000),
        title="Mean transverse momentum by pseudorapidity",
        description=f"Flat at about 5 GeV. {_CALL}",
    )
    yield profile(
        "Muon/charge_by_phi",
        _PHI,
        fill="muon.phi",
        value="muon.charge",
        value_range=(-1, 1),
        title="Mean charge by azimuth",
        description=f"Flat at 0. {_CALL}",
    )


def _chambers(kind: _Chambers) -> Iterator[Element]:
    name, folder = kind.collection, f"Muon/{kind.title}"
    chamber = integer(0, kind.chambers, label="chamber")
    time = regular(100, -25, 25, label="time", unit="ns")
    yield scalar(
        f"{folder}/hits",
        f"count({name})",
        combine="sum",
        title=f"{kind.title} hits",
        description=f"Falls slowly with the luminosity, without steps. {kind.call}",
        draw=TREND,
    )
    yield histogram(
        f"{folder}/multiplicity",
        integer(0, 25, label="hits in an event"),
        fill=f"count({name})",
        title=f"{kind.title} hits per event",
        description=f"One peak; a second one at 0 means lost readout. {kind.call}",
    )
    yield histogram(
        f"{folder}/occupancy",
        chamber,
        fill=f"{name}.chamber",
        title=f"{kind.title} hits by chamber",
        description="Flat within the statistics. An empty bin is a dead chamber, one high above "
        f"its neighbours a noisy one. {kind.call}",
    )
    for place, axes, fill, select in kind.maps:
        yield histogram(
            f"{folder}/Map/{place}",
            *axes,
            fill=fill,
            select=select,
            title=f"{kind.title} hits, {place}",
            description="The same colours as in the reference; a white field is a dead chamber. "
            f"{kind.call}",
            draw=MAP,
        )
    yield histogram(
        f"{folder}/time",
        time,
        fill=f"{name}.time",
        title=f"{kind.title} time",
        description=f"One peak at 0, a few ns wide. {kind.call}",
    )
    yield profile(
        f"{folder}/time_by_chamber",
        chamber,
        fill=f"{name}.chamber",
        value=f"{name}.time",
        value_range=(-100, 100),
        title=f"Mean {kind.title} time by chamber",
        description=f"Flat at 0: a shifted chamber has a wrong delay. {kind.call}",
    )


workspace = Workspace(
    "muon",
    "Muon candidates; dead, noisy and mistimed DT, CSC and RPC chambers.",
    [*_candidates(), *_chambers(_DT), *_chambers(_CSC), *_chambers(_RPC)],
)
