"""Missing transverse momentum of NanoAOD files: what nothing has seen, or what is noise."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, profile, regular, scalar
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.elements import SPECTRUM, TREND
from dqmstream.workspaces.nano import CALL, PHI, number_of_events

__all__ = ["workspace"]

_PT: Final = regular(100, 0, 200, label="missing pt", unit="GeV")
_PROJECTED: Final = (("x", "cos"), ("y", "sin"))


def _kinds() -> Iterator[Element]:
    """Each way of reconstruction by itself: they must tell the same story."""
    for name, title in (
        ("MET", "as certified"),
        ("CaloMET", "of the calorimeters alone"),
        ("ChsMET", "without charged pile-up"),
        ("PuppiMET", "with weights against pile-up"),
    ):
        yield histogram(
            f"NanoMET/{name}/pt",
            _PT,
            fill=f"{name}_pt",
            title=f"Missing transverse momentum {title}",
            description="Falls smoothly: a second peak or a long tail is noise or a missing "
            f"detector part. {CALL}",
            draw=Draw(log_y=True, per_lumisection=name == "MET"),
        )
        yield histogram(
            f"NanoMET/{name}/phi",
            PHI,
            fill=f"{name}_phi",
            title=f"Direction of missing momentum {title}",
            description=f"A gentle wave; a peak points at a hot or dead part. {CALL}",
        )


def _whole() -> Iterator[Element]:
    yield number_of_events("NanoMET")
    yield scalar(
        "NanoMET/highest",
        "MET_pt",
        combine="max",
        title="Highest missing transverse momentum",
        description="No steps beyond the statistics: hundreds of GeV in every LS are noise.",
        draw=TREND,
    )
    yield scalar(
        "NanoMET/large",
        "where(MET_pt > 100, 1, 0)",
        combine="sum",
        title="Events with over 100 GeV missing",
        description="A small and steady share of all events.",
        draw=TREND,
    )
    for name, turn in _PROJECTED:
        yield histogram(
            f"NanoMET/{name}",
            regular(100, -100, 100, label=f"missing p{name}", unit="GeV"),
            fill=f"MET_pt * {turn}(MET_phi)",
            title=f"Missing momentum along {name}",
            description=f"One peak within a few GeV of 0; a shift is a dead or hot part. {CALL}",
            draw=TREND,
        )
    yield profile(
        "NanoMET/pt_by_phi",
        PHI,
        fill="MET_phi",
        value="MET_pt",
        value_range=(0, 10_000),
        title="Mean missing momentum by direction",
        description=f"A gentle wave, no single bin above its neighbours. {CALL}",
    )
    yield histogram(
        "NanoMET/significance",
        regular(100, 0, 100, label="significance"),
        fill="MET_significance",
        title="Significance of missing momentum",
        description=f"Falls steeply from 0 on. {CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "NanoMET/sum_et",
        regular(100, 0, 4000, label="sum of transverse energy", unit="GeV"),
        fill="MET_sumEt",
        title="Sum of transverse energy",
        description=f"One broad peak that follows pile-up; files of 2012 do not have it. {CALL}",
    )


workspace = Workspace(
    "nano_met",
    "Missing transverse momentum of NanoAOD files, as reconstructed in several ways.",
    [*_whole(), *_kinds()],
)
