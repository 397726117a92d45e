"""Electrons of NanoAOD files: kinematics, isolation, distance to the vertex, identification."""

from collections.abc import Iterator

from dqmstream.booking import Workspace, histogram, integer, profile, regular
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import SPECTRUM
from dqmstream.workspaces.nano import CALL, ETA, of_objects

__all__ = ["workspace"]


def _quality() -> Iterator[Element]:
    yield histogram(
        "NanoElectron/charge",
        integer(-1, 2, label="charge"),
        fill="Electron.charge",
        title="Charge of electrons",
        description=f"About as many positive ones as negative ones, none at 0. {CALL}",
    )
    yield histogram(
        "NanoElectron/isolation",
        regular(100, 0, 2, label="relative isolation in a cone of 0.3"),
        fill="Electron.pfRelIso03_all",
        title="Isolation of electrons",
        description="A peak at 0 of electrons from W and Z, a tail of those in jets. Isolation "
        f"rises with pile-up. {CALL}",
        draw=SPECTRUM,
    )
    for name, axis, half in (("dxy", "transverse", 0.5), ("dz", "longitudinal", 1.0)):
        yield histogram(
            f"NanoElectron/{name}",
            regular(100, -half, half, label=f"{axis} distance to the vertex", unit="cm"),
            fill=f"Electron.{name}",
            title=f"Distance of electrons to the vertex, {axis}",
            description=f"A narrow peak at 0; a shift is a wrong beam spot. {CALL}",
            draw=SPECTRUM,
        )
    yield profile(
        "NanoElectron/isolation_by_eta",
        ETA,
        fill="Electron.eta",
        value="Electron.pfRelIso03_all",
        value_range=(0, 1000),
        title="Mean isolation of electrons by eta",
        description=f"Symmetric, no eta bin far above its neighbours. {CALL}",
    )
    yield histogram(
        "NanoElectron/cut_based",
        integer(0, 5, labels=["fail", "veto", "loose", "medium", "tight"], label="identification"),
        fill="Electron.cutBased",
        title="Electrons by identification",
        description=f"As in the reference; files before 2016 do not have it. {CALL}",
    )
    yield histogram(
        "NanoElectron/shower_width",
        regular(100, 0, 0.1, label="width of the shower in eta"),
        fill="Electron.sieie",
        title="Width of electron showers",
        description=f"Two peaks, barrel and endcap; files before 2016 do not have it. {CALL}",
    )


workspace = Workspace(
    "nano_electron",
    "Electrons of NanoAOD files: how many, where, how isolated.",
    [*of_objects("NanoElectron", "Electron", "electrons", 200.0), *_quality()],
)
