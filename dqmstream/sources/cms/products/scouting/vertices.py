"""Vertices of scouting: primary ones, and displaced ones of muons."""

from typing import Final

from dqmstream.sources.cms.products.collection import BOOLEAN, FLOAT, INT32, Collection, same

__all__ = ["VERTICES"]

_BRANCHES: Final = (
    ("primary", "hltScoutingPrimaryVertexPacker", "primaryVtx", "primary vertices"),
    (
        "displaced_vtx",
        "hltScoutingMuonPackerVtx",
        "displacedVtx",
        "displaced vertices of the muons in `scouting_muons_vtx`",
    ),
    (
        "displaced_no_vtx",
        "hltScoutingMuonPackerNoVtx",
        "displacedVtx",
        "displaced vertices of the muons in `scouting_muons_no_vtx`",
    ),
)
_MEMBERS: Final = (
    *(same(axis, FLOAT, f"{axis}_", axis, "cm") for axis in "xyz"),
    *(same(f"{a}_error", FLOAT, f"{a}Error_", f"error of {a}", "cm") for a in "xyz"),
    *(
        same(
            f"{axes}_covariance", FLOAT, f"{axes}Cov_", f"covariance of {axes[0]}, {axes[1]}", "cm²"
        )
        for axes in ("xy", "xz", "yz")
    ),
    same("chi2", FLOAT, "chi2_", "χ² of the fit"),
    same("ndof", INT32, "ndof_", "degrees of freedom of the fit"),
    same("tracks", INT32, "tracksSize_", "tracks it is made of"),
    same("valid", BOOLEAN, "isValidVtx_", "made by a fit"),
)

VERTICES = tuple(
    Collection(
        name=f"scouting_vertices_{name}",
        class_name="vector<Run3ScoutingVertex>",
        meaning=f"{meaning} of scouting" if name == "primary" else meaning,
        members=_MEMBERS,
        label=label,
        instance=instance,
        other="scouting_vertices",
    )
    for name, label, instance, meaning in _BRANCHES
)
