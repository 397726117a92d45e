"""Pairs of muons in flat tables, as CMS outreach has them: `pt1`, `eta1`, ... of the first one."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.elements import MAP, SPECTRUM, TREND
from dqmstream.workspaces.nano import CALL, PHI

__all__ = ["workspace"]

_ETA: Final = regular(60, -3, 3, label="eta")
_PT: Final = regular(100, 0, 100, label="pt", unit="GeV")
_MASS: Final = regular(240, 0, 120, label="mass", unit="GeV")
# Cosines and hyperbolic cosines: the mass of two light particles is
# 2 pt1 pt2 (cosh(eta1 - eta2) - cos(phi1 - phi2)), squared (PDG, Kinematics, 49.5).
_COSH: Final = "(exp(eta1 - eta2) + exp(eta2 - eta1)) / 2"
_PAIR: Final = f"sqrt(2 * pt1 * pt2 * max({_COSH} - cos(phi1 - phi2), 0))"


def _muons() -> Iterator[Element]:
    for which, title in (("1", "the first muon"), ("2", "the second muon")):
        yield histogram(
            f"Dimuon/pt{which}",
            _PT,
            fill=f"pt{which}",
            title=f"Transverse momentum of {title}",
            description=f"One peak, for muons of Z near 40 GeV; no spikes. {CALL}",
            draw=TREND,
        )
        yield histogram(
            f"Dimuon/eta{which}",
            _ETA,
            fill=f"eta{which}",
            title=f"Eta of {title}",
            description=f"Symmetric, without holes. {CALL}",
        )
        yield histogram(
            f"Dimuon/phi{which}",
            PHI,
            fill=f"phi{which}",
            title=f"Phi of {title}",
            description=f"Flat within the statistics; a hole is a dead sector. {CALL}",
        )
        yield histogram(
            f"Dimuon/map{which}",
            _ETA,
            PHI,
            fill=(f"eta{which}", f"phi{which}"),
            title=f"Where {title} is",
            description=f"Even bands along phi; a single hot cell is noise. {CALL}",
            draw=MAP,
        )


def _pairs() -> Iterator[Element]:
    yield scalar(
        "Dimuon/events",
        "1",
        combine="sum",
        title="Pairs",
        description="Steady over lumisections.",
        draw=TREND,
    )
    yield histogram(
        "Dimuon/mass",
        _MASS,
        fill=_PAIR,
        title="Mass of the pair",
        description=f"Peaks at 3.1, 9.5 and 91 GeV, as far as the file has them. {CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "Dimuon/mass_of_z",
        regular(60, 60, 120, label="mass", unit="GeV"),
        fill=_PAIR,
        title="Mass of the pair, about the Z",
        description=f"One peak at 91 GeV: a shift is a wrong momentum scale. {CALL}",
        draw=TREND,
    )
    yield histogram(
        "Dimuon/signs",
        integer(-2, 3, label="sum of the charges"),
        fill="Q1 + Q2",
        title="Sum of the charges",
        description=f"Mostly 0. {CALL}",
    )
    yield histogram(
        "Dimuon/delta_eta",
        regular(60, -6, 6, label="difference in eta"),
        fill="eta1 - eta2",
        title="Difference in eta",
        description=f"Symmetric about 0. {CALL}",
    )
    yield profile(
        "Dimuon/mass_by_eta",
        _ETA,
        fill="eta1",
        value=_PAIR,
        value_range=(0, 10_000),
        title="Mean mass by eta of the first muon",
        description=f"Symmetric: else the momentum scale depends on the side. {CALL}",
        draw=Draw(style="points"),
    )
    yield profile(
        "Dimuon/mass_by_phi",
        PHI,
        fill="phi1",
        value=_PAIR,
        value_range=(0, 10_000),
        title="Mean mass by phi of the first muon",
        description=f"Flat: else the momentum scale depends on phi. {CALL}",
        draw=Draw(style="points"),
    )


workspace = Workspace(
    "dimuon",
    "Pairs of muons in flat tables: each muon, and the mass of the pair.",
    [*_pairs(), *_muons()],
)
