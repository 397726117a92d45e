"""Jets of NanoAOD files: kinematics, mass, composition, flavour."""

from collections.abc import Iterator

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import SPECTRUM, TREND
from dqmstream.workspaces.nano import CALL, ETA, of_objects

__all__ = ["workspace"]


def _quality() -> Iterator[Element]:
    yield histogram(
        "NanoJet/mass",
        regular(100, 0, 100, label="mass", unit="GeV"),
        fill="Jet.mass",
        title="Mass of jets",
        description=f"One peak near 5 GeV and a falling tail. {CALL}",
        draw=SPECTRUM,
    )
    yield profile(
        "NanoJet/mass_by_pt",
        regular(50, 0, 500, label="pt", unit="GeV"),
        fill="Jet.pt",
        value="Jet.mass",
        value_range=(-10, 10_000),
        title="Mean mass of jets by transverse momentum",
        description=f"Rises along a straight line. {CALL}",
    )
    yield histogram(
        "NanoJet/sum_pt",
        regular(100, 0, 1000, label="sum of pt over the jets", unit="GeV"),
        fill="sum(Jet.pt)",
        title="Hadronic activity per event",
        description=f"Falls steeply; spikes are noise in the calorimeters. {CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "NanoJet/central",
        integer(0, 15, label="jets above 30 GeV within 2.4 of eta"),
        fill="count(Jet.pt > 30 and abs(Jet.eta) < 2.4)",
        title="Central jets per event",
        description=f"Falls steeply from 0 on. {CALL}",
        draw=TREND,
    )
    for name, title in (
        ("chHEF", "charged hadrons"),
        ("neHEF", "neutral hadrons"),
        ("neEmEF", "photons"),
    ):
        yield profile(
            f"NanoJet/{name}",
            ETA,
            fill="Jet.eta",
            value=f"Jet.{name}",
            value_range=(0, 1.01),
            title=f"Share of {title} in the energy of jets",
            description=f"Symmetric; a step is a calorimeter or tracker part off. {CALL}",
        )
    yield scalar(
        "NanoJet/far_forward",
        "count(abs(Jet.eta) > 3)",
        combine="sum",
        title="Number of forward jets",
        description="Steady over lumisections, as the number of jets is.",
        draw=TREND,
    )


workspace = Workspace(
    "nano_jet",
    "Jets of NanoAOD files: how many, where, made of what.",
    [*of_objects("NanoJet", "Jet", "jets", 500.0), *_quality()],
)
