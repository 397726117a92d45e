"""Electrons and photons of scouting: how many, where, the shapes of their showers."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from dqmstream.booking import Workspace, histogram, integer, profile, regular
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.elements import SPECTRUM, TREND, number_of_events, with_mean
from dqmstream.workspaces.objects import POINTS, numbers, places

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the ECAL DOC."
_PT: Final = regular(100, 0, 100, label="pt", unit="GeV")
_ETA: Final = regular(54, -2.7, 2.7, label="eta")


class _Shape(NamedTuple):
    member: str
    label: str
    lower: float
    upper: float
    good: str = "One peak, as in the reference."
    unit: str = ""
    trend: bool = False


_SHAPES: Final = (
    _Shape("raw_energy", "raw energy", 0, 250, "Falls steeply.", "GeV", trend=True),
    _Shape("sigma_ieta_ieta", "width of the shower in eta", 0, 0.1, trend=True),
    _Shape("h_over_e", "energy in HCAL over that in ECAL", 0, 1.5, "Falls from 0.", trend=True),
    _Shape("r9", "share of 3 x 3 crystals", 0, 1.5, "One peak near 1.", trend=True),
    _Shape("s_min", "minor axis of the shower", 0, 3),
    _Shape("s_maj", "major axis of the shower", 0, 3),
    _Shape("ecal_iso", "isolation in ECAL", 0, 100, "Falls from 0.", "GeV"),
    _Shape("hcal_iso", "isolation in HCAL", 0, 100, "Falls from 0.", "GeV"),
)
_TRACKS: Final = (
    _Shape("d_eta_in", "difference in eta to the track", -0.05, 0.05, "One narrow peak at 0."),
    _Shape("d_phi_in", "difference in phi to the track", -0.5, 0.5, "One narrow peak at 0."),
    _Shape("oo_emoop", "1 / E - 1 / p", -0.3, 0.3, "One peak at 0.", "1/GeV"),
    _Shape("trackfbrem", "energy lost on the way", -1.5, 1.0, "Broad, ends at 1."),
    _Shape("track_iso", "isolation in the tracker", 0, 10, "Falls from 0.", "GeV"),
)


def _objects(folder: str, name: str, what: str) -> Iterator[Element]:
    yield from numbers(folder, name, what, most=40, good="Falls, with a tail.", call=_CALL)
    yield from places(folder, name, what, pt=_PT, eta=_ETA, call=_CALL)
    for shape in _SHAPES:
        yield from _shape(folder, name, what, shape)
    for member, words, end in (
        ("sigma_ieta_ieta", "width of the shower in eta", 1),
        ("r9", "share of 3 x 3 crystals", 10),
    ):
        yield profile(
            f"{folder}/{member}_by_eta",
            _ETA,
            fill=f"{name}.eta",
            value=f"{name}.{member}",
            value_range=(0, end),
            title=f"By eta: mean {words} of {what}",
            description=f"Symmetric, with a step from barrel to endcaps. {_CALL}",
            draw=POINTS,
        )


def _shape(folder: str, name: str, what: str, shape: _Shape) -> Iterator[Element]:
    shown = histogram(
        f"{folder}/{shape.member}",
        regular(100, shape.lower, shape.upper, label=shape.label, unit=shape.unit),
        fill=f"{name}.{shape.member}",
        title=f"{what.capitalize()}: {shape.label}",
        description=f"{shape.good} {_CALL}",
        draw=Draw(log_y=shape.lower == 0),
    )
    if shape.trend:
        yield from with_mean(shown, value_range=(0, 100 * shape.upper))
    else:
        yield shown


def _electrons() -> Iterator[Element]:
    folder, name = "Scouting/Electron", "scouting_electrons"
    yield from _objects(folder, name, "electrons")
    for shape in _TRACKS:
        yield from _shape(folder, name, "electrons", shape)
    yield histogram(
        f"{folder}/missing_hits",
        integer(0, 10, label="missing inner hits"),
        fill=f"{name}.missing_hits",
        title="Missing inner hits of electrons",
        description=f"Most have none: photons that convert have more. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        f"{folder}/charge",
        integer(-1, 2, label="charge", labels=["negative or no track", "none", "positive"]),
        fill=f"{name}.charge",
        title="Charge of the first track of electrons",
        description=f"Both alike. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{folder}/tracks",
        integer(0, 10, label="tracks of an electron"),
        fill=f"{name}.tracks",
        title="Tracks that may be an electron's",
        description=f"Most have one. {_CALL}",
        draw=SPECTRUM,
    )


workspace = Workspace(
    "scouting_egamma",
    "Electrons and photons of scouting: how many, where, the shapes of their showers.",
    [
        number_of_events("Scouting/EGamma"),
        *_electrons(),
        *_objects("Scouting/Photon", "scouting_photons", "photons"),
    ],
)
