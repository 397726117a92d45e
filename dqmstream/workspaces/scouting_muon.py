"""Muons of scouting and their pairs, with and without a constraint to a vertex.

Windows of the mass are those in which resonances show: those of J/psi, Upsilon and Z, with their
masses in GeV (Particle Data Group): 3.097, 9.460 and 91.19.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, regular, scalar, variable
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.elements import SPECTRUM, TREND, number_of_events
from dqmstream.workspaces.objects import numbers, places

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the muon DOC."
_PT: Final = regular(100, 0, 200, label="pt", unit="GeV")
_MASSES: Final = variable(
    [round(0.2 * 10 ** (step / 60), 6) for step in range(181)], label="mass", unit="GeV"
)
"""From 0.2 to 200 GeV in 60 steps for each factor of ten."""
_WINDOWS: Final = {
    "low": ("low masses", 100, 0.2, 1.2, "Peaks of eta, rho and omega, and phi"),
    "jpsi": ("the J/psi", 100, 2.6, 4.1, "A peak at 3.10 GeV, a small one at 3.69"),
    "upsilon": ("the Upsilon", 100, 8.5, 11.5, "Peaks at 9.46, 10.02 and 10.36 GeV"),
    "z": ("the Z", 60, 60, 120, "One peak at 91 GeV"),
}
_KINDS: Final = {"vtx": "muons from vertices", "no_vtx": "muons without a vertex"}


def _muons(kind: str, what: str) -> Iterator[Element]:
    folder, name = f"Scouting/Muon/{kind}", f"scouting_muons_{kind}"
    yield from numbers(folder, name, what, most=20, good="Falls from a peak at 0 or 2.", call=_CALL)
    yield from places(folder, name, what, pt=_PT, call=_CALL)
    yield histogram(
        f"{folder}/charge",
        integer(-1, 2, label="charge", labels=["negative", "none", "positive"]),
        fill=f"{name}.charge",
        title=f"Charge of {what}",
        description="Both alike. Judged from 200 muons on, which takes several LSs of a stream "
        f"of a few events each. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{folder}/normalized_chi2",
        regular(100, 0, 10, label="chi2 / ndof"),
        fill=f"{name}.normalized_chi2",
        select=f"{name}.normalized_chi2 < 999",
        title=f"Chi2 per degree of freedom of {what}",
        description=f"One peak near 1; those without a global fit are left out. {_CALL}",
    )
    for member, words, most in (
        ("n_valid_pixel_hits", "valid pixel hits", 20),
        ("n_tracker_layers_with_measurement", "tracker layers with a hit", 20),
        ("n_reco_muon_matched_stations", "matched stations", 10),
    ):
        yield histogram(
            f"{folder}/{member}",
            integer(0, most, label=words),
            fill=f"{name}.{member}",
            title=f"{what.capitalize()}: {words}",
            description=f"As in the reference. {_CALL}",
            draw=TREND,
        )
    yield histogram(
        f"{folder}/track_iso",
        regular(100, 0, 10, label="isolation in the tracker", unit="GeV"),
        fill=f"{name}.track_iso",
        title=f"Isolation of {what} in the tracker",
        description=f"Falls from 0. {_CALL}",
        draw=SPECTRUM,
    )
    for member, end, words in (("trk_dxy", 0.5, "dxy"), ("trk_dz", 20, "dz")):
        yield histogram(
            f"{folder}/{member}",
            regular(100, -end, end, label=words, unit="cm"),
            fill=f"{name}.{member}",
            title=f"Impact parameter {words} of {what} to the origin",
            description=f"One peak, as wide as the beams are off or long. {_CALL}",
            draw=Draw(log_y=True),
        )


def _pairs(kind: str, what: str) -> Iterator[Element]:
    folder, name = f"Scouting/Dimuon/{kind}", f"scouting_dimuons_{kind}"
    yield scalar(
        f"{folder}/number",
        f"count({name}.opposite)",
        combine="sum",
        title=f"Pairs of {what} of opposite sign",
        description="Steady over lumisections, falls with the luminosity.",
        draw=TREND,
    )
    for sign, select, words in (
        ("opposite", f"{name}.opposite", "opposite"),
        ("same", f"not {name}.opposite", "same"),
    ):
        yield histogram(
            f"{folder}/{sign}",
            _MASSES,
            fill=f"{name}.mass",
            select=select,
            title=f"{words.capitalize()} sign: mass of pairs of {what}",
            description=f"Peaks of the resonances in opposite signs, a smooth curve in the same. "
            f"{_CALL}",
            draw=Draw(log_x=True, log_y=True),
        )
    for window, (words, bins, lower, upper, good) in _WINDOWS.items():
        yield histogram(
            f"{folder}/{window}",
            regular(bins, lower, upper, label="mass", unit="GeV"),
            fill=f"{name}.mass",
            select=f"{name}.opposite",
            title=f"About {words}: mass of pairs of {what} of opposite sign",
            description=f"{good}: a shift is a wrong momentum scale. {_CALL}",
        )
    yield histogram(
        f"{folder}/pt",
        regular(100, 0, 100, label="pt", unit="GeV"),
        fill=f"{name}.pt",
        title=f"Transverse momentum of pairs of {what}",
        description=f"Falls steeply. {_CALL}",
        draw=SPECTRUM,
    )


workspace = Workspace(
    "scouting_muon",
    "Muons of scouting, with and without a vertex, and the masses of their pairs.",
    [
        number_of_events("Scouting/Muon"),
        *(element for kind, what in _KINDS.items() for element in _muons(kind, what)),
        *(element for kind, what in _KINDS.items() for element in _pairs(kind, what)),
    ],
)
