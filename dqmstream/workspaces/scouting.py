"""Tracks, vertices and particles of scouting: what the trigger reconstructs for its own analyses.

Binning follows CMS's (cms-sw/cmssw HLTriggerOffline/Scouting/plugins/ScoutingCollectionMonitor.cc).
The packer keeps 10 bits of the mantissa, so fine axes show combs. Primary vertices lie on the beam
line by construction: of theirs only z tells something.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, category, histogram, integer, profile, regular
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.elements import LOG_MAP, SPECTRUM, TREND, number_of_events, with_mean
from dqmstream.workspaces.objects import ETA, PHI, POINTS, numbers, places

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the scouting expert."
_TRACKER: Final = "Otherwise call the tracker DOC."
_Z: Final = regular(100, -20, 20, label="z", unit="cm")

_KINDS: Final = {
    211: "h+",
    -211: "h-",
    130: "h0",
    22: "photon",
    11: "e-",
    -11: "e+",
    13: "mu-",
    -13: "mu+",
    1: "h in HF",
    2: "e/photon in HF",
}
_KIND: Final = category(list(_KINDS), labels=list(_KINDS.values()), label="kind of particle")
"""Codes of the Particle Data Group, and those of particle flow for the forward calorimeter."""


def _tracks() -> Iterator[Element]:
    folder = "Scouting/Track"
    yield from numbers(
        folder,
        "scouting_tracks",
        "tracks",
        most=500,
        step=5,
        good="One broad peak that follows pile-up.",
        call=_TRACKER,
    )
    yield from places(
        folder,
        "scouting_tracks",
        "tracks",
        pt=regular(100, 0, 30, label="pt", unit="GeV"),
        call=_TRACKER,
    )
    yield histogram(
        f"{folder}/charge",
        integer(-1, 2, label="charge", labels=["negative", "neutral", "positive"]),
        fill="scouting_tracks.charge",
        title="Charge of tracks",
        description=f"Both alike within a few per cent, no neutral one. {_TRACKER}",
        draw=TREND,
    )
    yield from with_mean(
        histogram(
            f"{folder}/normalized_chi2",
            regular(100, 0, 10, label="chi2 / ndof"),
            fill="scouting_tracks.chi2 / scouting_tracks.ndof",
            select="scouting_tracks.ndof > 0",
            title="Chi2 of tracks per degree of freedom",
            description=f"One peak near 1: rising, modules have moved. {_TRACKER}",
        ),
        value_range=(0, 1000),
    )
    for name, words, most in (
        ("n_valid_pixel_hits", "valid pixel hits", 20),
        ("n_valid_strip_hits", "valid strip hits", 50),
        ("n_tracker_layers_with_measurement", "layers with a hit", 20),
    ):
        yield histogram(
            f"{folder}/{name}",
            integer(0, most, label=words),
            fill=f"scouting_tracks.{name}",
            title=f"Number of {words} on a track",
            description=f"As in the reference. Fewer: a layer is off. {_TRACKER}",
            draw=TREND,
        )
    yield from with_mean(
        histogram(
            f"{folder}/d0",
            regular(100, -0.5, 0.5, label="d0", unit="cm"),
            fill="-scouting_tracks.dxy",
            title="Impact parameter of tracks to the origin",
            description=f"As wide as the beams are away from the origin. {_TRACKER}",
        ),
        value_range=(-1, 1),
        select="abs(scouting_tracks.dxy) < 1",
    )
    yield profile(
        f"{folder}/d0_by_phi",
        PHI,
        fill="scouting_tracks.phi",
        value="-scouting_tracks.dxy",
        value_range=(-1, 1),
        select="abs(scouting_tracks.dxy) < 1",
        title="Mean impact parameter of tracks by phi",
        description=f"One sine: its amplitude is how far the beams are off. {_TRACKER}",
        draw=POINTS,
    )
    yield from with_mean(
        histogram(
            f"{folder}/dz",
            _Z,
            fill="scouting_tracks.dz",
            title="Position of tracks along the beams",
            description=f"One peak near 0, as long as the beam spot. {_TRACKER}",
        ),
        value_range=(-100, 100),
    )


def _vertices() -> Iterator[Element]:
    folder, name = "Scouting/Vertex", "scouting_vertices_primary"
    yield from numbers(
        folder,
        name,
        "primary vertices",
        most=100,
        good="One peak that follows pile-up.",
        call=_TRACKER,
    )
    for along in ("x", "y"):
        yield from with_mean(
            histogram(
                f"{folder}/{along}",
                regular(100, -0.5, 0.5, label=along, unit="cm"),
                fill=f"{name}.{along}",
                title=f"{along} of primary vertices",
                description="One bin or two, those of the beam spot in use: tell the shift leader "
                "of a jump.",
            ),
            value_range=(-10, 10),
        )
    yield from with_mean(
        histogram(
            f"{folder}/z",
            _Z,
            fill=f"{name}.z",
            title="z of primary vertices",
            description=f"One peak near 0, as long as the beam spot. {_TRACKER}",
        ),
        value_range=(-100, 100),
    )
    for member, axis, good in (
        ("tracks", integer(0, 100, label="tracks of the vertex"), "Falls from a few tracks."),
        ("ndof", integer(0, 100, label="degrees of freedom"), "As in the reference."),
        (
            "z_error",
            regular(100, 0, 0.05, label="error of z", unit="cm"),
            "One peak and a tail.",
        ),
    ):
        yield histogram(
            f"{folder}/{member}",
            axis,
            fill=f"{name}.{member}",
            title=f"Primary vertices: {axis.label}",
            description=f"{good} {_TRACKER}",
            draw=SPECTRUM,
        )
    yield histogram(
        f"{folder}/valid",
        integer(0, 2, label="vertex", labels=["not valid", "valid"]),
        fill=f"where({name}.valid, 1, 0)",
        title="Valid primary vertices",
        description=f"All are valid. {_TRACKER}",
    )
    for which, words in (
        ("displaced_vtx", "muons from vertices"),
        ("displaced_no_vtx", "muons without one"),
    ):
        place = f"scouting_vertices_{which}"
        yield histogram(
            f"{folder}/{which}_per_event",
            integer(0, 10, label="displaced vertices"),
            fill=f"count({place})",
            title=f"Per event, {words}: displaced vertices",
            description=f"Falls from a peak at 0. {_CALL}",
            draw=SPECTRUM,
        )
        yield histogram(
            f"{folder}/{which}_radius",
            regular(100, 0, 20, label="distance from the z axis", unit="cm"),
            fill=f"sqrt({place}.x ** 2 + {place}.y ** 2)",
            title=f"Radius, {words}: displaced vertices",
            description=f"Falls steeply; bumps are material of the pixel detector. {_CALL}",
            draw=SPECTRUM,
        )


def _particles() -> Iterator[Element]:
    folder, name = "Scouting/Particle", "scouting_particles"
    yield from numbers(
        folder,
        name,
        "particles",
        most=2000,
        step=20,
        good="One broad peak that follows pile-up.",
        call=_CALL,
    )
    yield from places(
        folder,
        name,
        "particles",
        pt=regular(100, 0, 20, label="pt", unit="GeV"),
        eta=regular(100, -5, 5, label="eta"),
        call=_CALL,
    )
    yield histogram(
        f"{folder}/kind",
        _KIND,
        fill=f"{name}.pdg_id",
        title="Kinds of particles",
        description=f"As in the reference: a kind that is missing is a detector that is. {_CALL}",
        draw=SPECTRUM,
    )
    yield profile(
        f"{folder}/pt_by_kind",
        _KIND,
        fill=f"{name}.pdg_id",
        value=f"{name}.pt",
        value_range=(0, 14_000),
        title="Mean transverse momentum by kind of particle",
        description=f"As in the reference. {_CALL}",
        draw=POINTS,
    )
    yield histogram(
        f"{folder}/eta_by_kind",
        regular(60, -6, 6, label="eta"),
        _KIND,
        fill=(f"{name}.eta", f"{name}.pdg_id"),
        title="Eta of particles by kind",
        description=f"Symmetric; tracks end near 2.5 to 3. {_CALL}",
        draw=LOG_MAP,
    )
    yield histogram(
        f"{folder}/phi_by_kind",
        PHI,
        _KIND,
        fill=(f"{name}.phi", f"{name}.pdg_id"),
        title="Phi of particles by kind",
        description=f"Even from left to right. {_CALL}",
        draw=LOG_MAP,
    )
    yield profile(
        f"{folder}/with_vertex",
        ETA,
        fill=f"{name}.eta",
        value=f"where({name}.vertex >= 0, 1, 0)",
        value_range=(0, 1),
        select=f"abs({name}.pdg_id) == 211",
        title="Fraction of charged hadrons with a vertex by eta",
        description=f"Near 1 and flat. {_CALL}",
        draw=Draw(efficiency=True),
    )


workspace = Workspace(
    "scouting",
    "Tracks, vertices and particles of scouting: how many, where, of which kinds.",
    [number_of_events("Scouting"), *_tracks(), *_vertices(), *_particles()],
)
