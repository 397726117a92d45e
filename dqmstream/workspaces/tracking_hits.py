"""Hits and impact parameters of tracks: elements of workspace `tracking`."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import histogram, integer, profile, regular
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import EFFICIENCY, LOG_MAP, MAP, SPECTRUM, TREND, with_mean
from dqmstream.workspaces.objects import ETA, PHI, POINTS

__all__ = ["hits", "impact"]

_CALL: Final = "Otherwise call the tracker DOC."

_HITS: Final = {
    "hits": ("valid hits", 40, "One broad peak above 10."),
    "pixel_hits": ("valid pixel hits", 12, "Most have 4: one in each layer."),
    "strip_hits": ("valid strip hits", 40, "One broad peak; those of soft tracks have few."),
    "missing_hits": ("missing hits", 10, "Most have none. More: modules do not read out."),
    "inactive_hits": ("hits in modules known as dead", 10, "As in the reference."),
    "pixel_layers": ("pixel layers with a hit", 9, "Most have 4."),
    "strip_layers": ("strip layers with a hit", 25, "As in the reference."),
}
"""Member to its words, the end of its axis, and what a good one looks like."""


def hits() -> Iterator[Element]:
    """How many hits and layers tracks have, and where they lack some."""
    for name, (words, most, good) in _HITS.items():
        yield histogram(
            f"Tracking/Hits/{name}",
            integer(0, most, label=words),
            fill=f"tracks.{name}",
            title=f"Number of {words} on a track",
            description=f"{good} {_CALL}",
            draw=TREND,
        )
    for name in ("hits", "pixel_hits", "strip_hits", "missing_hits"):
        yield profile(
            f"Tracking/Hits/{name}_by_eta",
            ETA,
            fill="tracks.eta",
            value=f"tracks.{name}",
            value_range=(0, 255),
            title=f"By eta: mean number of {_HITS[name][0]}",
            description=f"Symmetric: a dip on one side is a part that is off. {_CALL}",
            draw=POINTS,
        )
    yield profile(
        "Tracking/Hits/hits_by_phi",
        PHI,
        fill="tracks.phi",
        value="tracks.hits",
        value_range=(0, 255),
        title="By phi: mean number of valid hits",
        description=f"Flat: a dip is a sector that lacks layers. {_CALL}",
        draw=POINTS,
    )
    for name in ("hits", "missing_hits"):
        yield profile(
            f"Tracking/Hits/{name}_map",
            ETA,
            PHI,
            fill=("tracks.eta", "tracks.phi"),
            value=f"tracks.{name}",
            value_range=(0, 255),
            title=f"By eta and phi: {_HITS[name][0]}, mean number",
            description=f"Even along phi; a region apart lacks layers. {_CALL}",
            draw=MAP,
        )


def impact() -> Iterator[Element]:
    """Where tracks come from, and whether a vertex uses them."""
    d0 = regular(100, -0.5, 0.5, label="d0", unit="cm")
    yield from with_mean(
        histogram(
            "Tracking/Impact/d0",
            d0,
            fill="-tracks.dxy",
            title="Impact parameter of tracks to the origin",
            description="Two bumps or one broad peak, as wide as the beams are away from the "
            f"origin. {_CALL}",
        ),
        value_range=(-10, 10),
    )
    yield profile(
        "Tracking/Impact/d0_by_phi",
        PHI,
        fill="tracks.phi",
        value="-tracks.dxy",
        value_range=(-1, 1),
        title="Mean impact parameter by phi",
        description="One sine: its amplitude is how far the beams are from the origin. A phi that "
        f"is off it has moved. {_CALL}",
        draw=POINTS,
    )
    yield histogram(
        "Tracking/Impact/d0_phi",
        PHI,
        d0,
        fill=("tracks.phi", "-tracks.dxy"),
        title="Impact parameter against phi",
        description=f"One narrow sine. {_CALL}",
        draw=LOG_MAP,
    )
    yield from with_mean(
        histogram(
            "Tracking/Impact/dz",
            regular(100, -30, 30, label="dz", unit="cm"),
            fill="tracks.dz",
            title="Position of tracks along the beams",
            description=f"One peak near 0, as long as the beam spot. {_CALL}",
        ),
        value_range=(-100, 100),
    )
    for name, end in (("dxy", 0.2), ("dz", 0.4)):
        yield from with_mean(
            histogram(
                f"Tracking/Impact/{name}_error",
                regular(100, 0, end, label=f"error of {name}", unit="cm"),
                fill=f"tracks.{name}_error",
                title=f"Error of {name} of tracks",
                description=f"One peak and a tail; wider: the innermost layer is not used. {_CALL}",
                draw=SPECTRUM,
            ),
            value_range=(0, 10),
        )
    yield histogram(
        "Tracking/Impact/closest",
        regular(100, -0.5, 0.5, label="x", unit="cm"),
        regular(100, -0.5, 0.5, label="y", unit="cm"),
        fill=("tracks.vx", "tracks.vy"),
        title="Reference points of tracks",
        description=f"One spot where the beams are. {_CALL}",
        draw=LOG_MAP,
    )
    yield profile(
        "Tracking/Vertex/used_by_eta",
        ETA,
        fill="tracks.eta",
        value="where(tracks.vertex >= 0, 1, 0)",
        value_range=(0, 1),
        title="Fraction of tracks that a vertex uses by eta",
        description=f"Highest in the middle, symmetric. {_CALL}",
        draw=EFFICIENCY,
    )
    yield histogram(
        "Tracking/Vertex/weight",
        regular(51, -0.01, 1.01, label="weight in the vertex"),
        fill="tracks.vertex_weight",
        select="tracks.vertex >= 0",
        title="Weight of tracks in their vertex",
        description=f"Nearly all at 1. {_CALL}",
        draw=SPECTRUM,
    )
