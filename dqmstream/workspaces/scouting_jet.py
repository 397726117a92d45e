"""Jets of scouting, what they are made of, and the event as a whole: rho and missing momentum.

The energy of a jet is that of its charged hadrons, neutral hadrons, photons, electrons, muons and
electromagnetic particles in the forward calorimeter (HF); hadrons in the HF are among the neutral
ones, and their fraction is shown beside.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import EFFICIENCY, SPECTRUM, number_of_events, with_mean
from dqmstream.workspaces.objects import NIBBLE, NIBBLES, PHI, TIMED, numbers, places

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the JetMET expert."
_FOLDER: Final = "Scouting/Jet"
_ETA: Final = regular(50, -5, 5, label="eta")
_FRACTION: Final = regular(51, -0.01, 1.01, label="fraction of the jet's energy")
"""Bins of which 0 and 1 are centres: both are frequent."""

_PARTS: Final = {
    "charged_hadron": ("charged hadrons", 50, "Peaks near 0.6 where tracks reach, else 0."),
    "neutral_hadron": ("neutral hadrons", 50, "Falls from 0; the HF alone has 1."),
    "photon": ("photons", 50, "Peaks near 0.25."),
    "electron": ("electrons", 10, "Nearly all at 0."),
    "muon": ("muons", 10, "Nearly all at 0."),
    "hf_hadron": ("hadrons in the HF", 50, "0 but in the HF."),
    "hf_em": ("electromagnetic particles in the HF", 50, "0 but in the HF."),
}
"""Kind to its words, the end of the axis of how many, and what a good fraction looks like."""


def _jets() -> Iterator[Element]:
    name = "scouting_jets"
    yield from numbers(
        _FOLDER, name, "jets", most=100, good="One peak that follows pile-up.", call=_CALL
    )
    yield from places(
        _FOLDER,
        name,
        "jets",
        pt=regular(100, 0, 200, label="pt", unit="GeV"),
        eta=_ETA,
        call=_CALL,
    )
    yield histogram(
        f"{_FOLDER}/phi_of_barrel",
        PHI,
        fill=f"{name}.phi",
        select=f"abs({name}.eta) < 1.3",
        title="Phi of jets in the barrel",
        description=f"Flat: an empty bin is a dead sector of the calorimeters. {_CALL}",
    )
    for member, label, end, unit in (
        ("m", "mass", 40, "GeV"),
        ("jet_area", "area", 1.0, ""),
        ("energy", "energy", 2500, "GeV"),
        ("ho_energy", "energy in the outer HCAL", 5, "GeV"),
    ):
        yield from with_mean(
            histogram(
                f"{_FOLDER}/{member}",
                regular(100, 0, end, label=label, unit=unit),
                fill=f"{name}.{member}",
                title=f"Jets: {label}",
                description=f"As in the reference. {_CALL}",
                draw=SPECTRUM,
            ),
            value_range=(0, 20 * end),
        )
    yield histogram(
        f"{_FOLDER}/mva_discriminator",
        regular(100, -1, 1, label="discriminator"),
        fill=f"{name}.mva_discriminator",
        title="Jets: discriminator against pile-up",
        description=f"As in the reference. {_CALL}",
    )


def _parts() -> Iterator[Element]:
    for part, (words, most, good) in _PARTS.items():
        share = f"scouting_jets.{part}_energy / scouting_jets.energy"
        yield from with_mean(
            histogram(
                f"{_FOLDER}/Fraction/{part}",
                _FRACTION,
                fill=share,
                select="scouting_jets.energy > 0",
                title=f"{words.capitalize()}: fraction of the energy of jets".replace("hf", "HF"),
                description=f"{good} {_CALL}",
                draw=SPECTRUM,
            ),
            value_range=(0, 1.1),
        )
        yield profile(
            f"{_FOLDER}/Fraction/{part}_by_eta",
            _ETA,
            fill="scouting_jets.eta",
            value=share,
            value_range=(0, 1.1),
            select="scouting_jets.energy > 0",
            title=f"By eta: {words}, mean fraction of the energy of jets",
            description=f"Symmetric, steps where detectors end. {_CALL}",
            draw=EFFICIENCY,
        )
        yield histogram(
            f"{_FOLDER}/Multiplicity/{part}",
            integer(0, most, label=words),
            fill=f"scouting_jets.{part}_multiplicity",
            title=f"Number of {words} in a jet",
            description=f"Falls, as in the reference. {_CALL}",
            draw=SPECTRUM,
        )


def _events() -> Iterator[Element]:
    yield number_of_events("Scouting/Event")
    for column, axis, words, good in (
        ("rho", regular(100, 0, 100, label="rho", unit="GeV"), "Rho", "One peak, by pile-up."),
        (
            "met_pt",
            regular(100, 0, 250, label="missing momentum", unit="GeV"),
            "Missing transverse momentum",
            "One peak and a tail that falls.",
        ),
    ):
        yield from with_mean(
            histogram(
                f"Scouting/Event/{column}",
                axis,
                fill=f"scouting_{column}",
                title=words,
                description=f"{good} {_CALL}",
            ),
            value_range=(0, 14_000),
        )
        yield profile(
            f"Scouting/Event/{column}_by_time",
            NIBBLES,
            fill=NIBBLE,
            value=f"scouting_{column}",
            value_range=(0, 14_000),
            select=TIMED,
            title=f"Mean of {words.lower()} by time in the lumisection",
            description=f"Flat within the statistics. {_CALL}",
        )
    yield histogram(
        "Scouting/Event/met_phi",
        PHI,
        fill="scouting_met_phi",
        title="Phi of the missing momentum",
        description=f"A slow wave at most: a peak is a hot or a dead region opposite. {_CALL}",
    )
    yield histogram(
        "Scouting/Event/ht",
        regular(100, 0, 4000, label="sum of pt", unit="GeV"),
        fill="sum(scouting_jets.pt)",
        title="Sum of the transverse momenta of jets",
        description=f"Falls, follows pile-up. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "Scouting/Event/unknown",
        integer(0, 2, label="rho and missing momentum", labels=["known", "not known"]),
        fill="where(scouting_rho >= 0 and scouting_met_pt >= 0, 0, 1)",
        title="Events whose rho or missing momentum is not known",
        description=f"All on the left. {_CALL}",
    )


workspace = Workspace(
    "scouting_jet",
    "Jets of scouting and what they are made of; rho and missing momentum.",
    [*_events(), *_jets(), *_parts()],
)
