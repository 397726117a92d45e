"""Jets of scouting, and what is known of an event as a whole: ρ and missing momentum."""

from typing import Final

import numpy as np

from dqmstream.sources.cms.products.collection import (
    DOUBLE,
    FLOAT,
    INT32,
    Array,
    Collection,
    Objects,
    member,
    same,
)

__all__ = ["JETS", "MET_PHI", "MET_PT", "RHO"]

_PACKER: Final = "hltScoutingPFPacker"
_PARTS: Final = (
    ("charged_hadron", "chargedHadron", "charged hadrons"),
    ("neutral_hadron", "neutralHadron", "neutral hadrons, those of the HF included"),
    ("photon", "photon", "photons"),
    ("electron", "electron", "electrons"),
    ("muon", "muon", "muons"),
    ("hf_hadron", "HFHadron", "hadrons in the HF"),
    ("hf_em", "HFEM", "electromagnetic particles in the HF"),
)
_SUMMED: Final = tuple(f"{raw}Energy_" for _, raw, _ in _PARTS if raw != "HFHadron")


class Jets(Objects):
    """Jets of a batch."""

    @property
    def energy(self) -> Array:
        """Sum of the energies of all kinds of constituents [GeV]."""
        energies = np.array([self.plain(name) for name in _SUMMED], np.float64)
        total: Array = energies.sum(axis=0)
        return total


JETS = Collection(
    name="scouting_jets",
    class_name="vector<Run3ScoutingPFJet>",
    meaning="particle-flow jets of scouting",
    objects=Jets,
    other="scouting_jets",
    members=(
        same("pt", FLOAT, "pt_", "transverse momentum", "GeV"),
        same("eta", FLOAT, "eta_", "pseudorapidity"),
        same("phi", FLOAT, "phi_", "azimuth", "rad"),
        same("m", FLOAT, "m_", "mass", "GeV"),
        member(
            "energy",
            FLOAT,
            "energy of all constituents",
            *_SUMMED,
            unit="GeV",
            values=lambda jets: jets.energy,
        ),
        same("jet_area", FLOAT, "jetArea_", "area in η and φ"),
        *(
            same(f"{name}_energy", FLOAT, f"{raw}Energy_", f"energy of {what}", "GeV")
            for name, raw, what in _PARTS
        ),
        *(
            same(f"{name}_multiplicity", INT32, f"{raw}Multiplicity_", f"number of {what}")
            for name, raw, what in _PARTS
        ),
        same("ho_energy", FLOAT, "HOEnergy_", "energy in the outer HCAL", "GeV"),
        same("csv", FLOAT, "csv_", "b tag; -20: none"),
        same("mva_discriminator", FLOAT, "mvaDiscriminator_", "discriminator against pile-up"),
    ),
)


def _number(name: str, instance: str, meaning: str, unit: str) -> Collection:
    return Collection(
        name=name,
        class_name="double",
        meaning=meaning,
        members=(same("", DOUBLE, "value", f"{meaning}; NaN where it is absent", unit),),
        label=_PACKER,
        instance=instance,
        other="double",
    )


RHO = _number("scouting_rho", "rho", "mean transverse momentum of pile-up by area", "GeV")
MET_PT = _number("scouting_met_pt", "pfMetPt", "missing transverse momentum", "GeV")
MET_PHI = _number("scouting_met_phi", "pfMetPhi", "azimuth of the missing momentum", "rad")
