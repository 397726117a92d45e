"""Muons of NanoAOD files: kinematics, isolation, distance to the vertex, identification."""

from collections.abc import Iterator

from dqmstream.booking import Workspace, histogram, integer, profile, regular
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import SPECTRUM, TREND
from dqmstream.workspaces.nano import CALL, ETA, of_objects

__all__ = ["workspace"]


def _quality() -> Iterator[Element]:
    yield histogram(
        "NanoMuon/charge",
        integer(-1, 2, label="charge"),
        fill="Muon.charge",
        title="Charge of muons",
        description=f"Slightly more positive ones than negative ones, none at 0. {CALL}",
    )
    for cone in ("03", "04"):
        yield histogram(
            f"NanoMuon/isolation{cone}",
            regular(100, 0, 2, label=f"relative isolation in a cone of 0.{cone[1]}"),
            fill=f"Muon.pfRelIso{cone}_all",
            title=f"Isolation of muons, cone 0.{cone[1]}",
            description="A peak at 0 of muons from W and Z, a tail of those in jets. Isolation "
            f"rises with pile-up. {CALL}",
            draw=SPECTRUM,
        )
    for name, axis, half in (("dxy", "transverse", 0.5), ("dz", "longitudinal", 1.0)):
        yield histogram(
            f"NanoMuon/{name}",
            regular(100, -half, half, label=f"{axis} distance to the vertex", unit="cm"),
            fill=f"Muon.{name}",
            title=f"Distance of muons to the vertex, {axis}",
            description=f"A narrow peak at 0; a shift is a wrong beam spot. {CALL}",
            draw=SPECTRUM,
        )
    for name in ("softId", "tightId"):
        yield profile(
            f"NanoMuon/{name}",
            ETA,
            fill="Muon.eta",
            value=f"where(Muon.{name}, 1, 0)",
            value_range=(0, 1),
            title=f"Fraction of muons that pass {name}",
            description=f"High in the barrel, no eta bin far below its neighbours. {CALL}",
        )
    yield histogram(
        "NanoMuon/dimuon_events",
        integer(0, 10, label="muons above 15 GeV in an event"),
        fill="count(Muon.pt > 15)",
        title="Muons above 15 GeV per event",
        description=f"Most events of a muon trigger have one. {CALL}",
        draw=TREND,
    )


workspace = Workspace(
    "nano_muon",
    "Muons of NanoAOD files: how many, where, how isolated.",
    [*of_objects("NanoMuon", "Muon", "muons", 200.0), *_quality()],
)
