"""Objects that the trigger reconstructs for scouting: plain members, by CMSSW's names in our case.

Vectors of an object (energy matrices, constituents) are not columns; of the tracks of an electron
and the vertices of a muon the first one is. Members: CMSSW `DataFormats/Scouting/interface`.
"""

from dqmstream.sources.cms.products.scouting.egamma import ELECTRONS, PHOTONS
from dqmstream.sources.cms.products.scouting.jets import JETS, MET_PHI, MET_PT, RHO
from dqmstream.sources.cms.products.scouting.muons import DIMUONS, MUONS
from dqmstream.sources.cms.products.scouting.particles import PARTICLES
from dqmstream.sources.cms.products.scouting.tracks import TRACKS
from dqmstream.sources.cms.products.scouting.vertices import VERTICES

__all__ = ["SCOUTING"]

SCOUTING = (
    ELECTRONS,
    PHOTONS,
    *MUONS,
    *DIMUONS,
    JETS,
    PARTICLES,
    TRACKS,
    *VERTICES,
    RHO,
    MET_PT,
    MET_PHI,
)
