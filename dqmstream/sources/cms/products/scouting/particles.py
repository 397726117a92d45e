"""Particle-flow candidates of scouting; their mass is that of their kind."""

from dqmstream.sources.cms.products.collection import (
    BOOLEAN,
    FLOAT,
    INT32,
    UINT8,
    Collection,
    same,
)

__all__ = ["PARTICLES"]

PARTICLES = Collection(
    name="scouting_particles",
    class_name="vector<Run3ScoutingParticle>",
    meaning="particle-flow candidates of scouting",
    other="scouting_particles",
    members=(
        same("pt", FLOAT, "pt_", "transverse momentum", "GeV"),
        same("eta", FLOAT, "eta_", "pseudorapidity"),
        same("phi", FLOAT, "phi_", "azimuth", "rad"),
        same("pdg_id", INT32, "pdgId_", "kind, as the Particle Data Group numbers it"),
        same("vertex", INT32, "vertex_", "number of its vertex; -1: none"),
        same("normchi2", FLOAT, "normchi2_", "χ²/ndof of its track; 999: none"),
        same("dz", FLOAT, "dz_", "longitudinal impact parameter", "cm"),
        same("dxy", FLOAT, "dxy_", "transverse impact parameter", "cm"),
        same("dzsig", FLOAT, "dzsig_", "dz over its error"),
        same("dxysig", FLOAT, "dxysig_", "dxy over its error"),
        same("lost_inner_hits", UINT8, "lostInnerHits_", "missing inner hits of its track"),
        same("quality", UINT8, "quality_", "quality bits of its track"),
        same("trk_pt", FLOAT, "trk_pt_", "transverse momentum of its track", "GeV"),
        same("trk_eta", FLOAT, "trk_eta_", "pseudorapidity of its track"),
        same("trk_phi", FLOAT, "trk_phi_", "azimuth of its track", "rad"),
        same(
            "relative_trk_vars",
            BOOLEAN,
            "relative_trk_vars_",
            "trk_pt, trk_eta, trk_phi are differences to the candidate's",
        ),
    ),
)
