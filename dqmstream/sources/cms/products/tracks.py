"""Reconstructed tracks: kinematics, impact parameters, hits, and the vertex that names them.

Formulas: CMSSW `DataFormats/TrackReco/interface/TrackBase.h`, with the origin for its reference
point where the impact parameters stand.
"""

from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.kernels.payload.hits import HIT_COUNTS, count_hits
from dqmstream.sources.cms.products.collection import (
    FLOAT,
    INT8,
    INT32,
    UINT8,
    Array,
    Collection,
    Member,
    Objects,
    member,
    same,
)
from dqmstream.sources.cms.products.kinematics import pseudorapidity
from dqmstream.sources.cms.products.rows import numbers_within, starts_of
from dqmstream.sources.cms.products.vertices import FULL_WEIGHT, REFERENCES, WEIGHTS

__all__ = ["TRACKS", "Tracks"]

_P: Final = tuple(f"momentum_.fCoordinates.f{axis}" for axis in "XYZ")
_V: Final = tuple(f"vertex_.fCoordinates.f{axis}" for axis in "XYZ")
_PT: Final = _P[:2]
_COVARIANCE: Final = "covariance_"
_HITS: Final = (
    "hitPattern_.hitPattern",
    "hitPattern_.beginTrackHits",
    "hitPattern_.endTrackHits",
)
_DXY_VARIANCE: Final = 9
"""In the lower triangle of (q/p, lambda, phi, dxy, dsz)."""
_DSZ_VARIANCE: Final = 14
_NO_NDOF: Final = 1e6
"""What CMSSW multiplies chi2 by where there are no degrees of freedom."""


class _Assigned(NamedTuple):
    """int32[tracks], -1 none; float32[tracks], 0 none."""

    vertex: Array
    weight: Array


class Tracks(Objects):
    """Tracks of a batch."""

    @cached_property
    def momentum(self) -> tuple[Array, ...]:
        """px, py, pz [GeV]."""
        return tuple(self.plain(name).astype(np.float64) for name in _P)

    @cached_property
    def point(self) -> tuple[Array, ...]:
        """The reference point: x, y, z [cm]."""
        return tuple(self.plain(name).astype(np.float64) for name in _V)

    @cached_property
    def pt(self) -> NDArray[np.float64]:
        """[GeV]."""
        return np.hypot(*(self.plain(name).astype(np.float64) for name in _PT))

    @cached_property
    def p(self) -> NDArray[np.float64]:
        """[GeV]."""
        return np.hypot(self.pt, self.momentum[2])

    @property
    def phi(self) -> Array:
        """[rad], -pi to pi."""
        px, py = (self.plain(name).astype(np.float64) for name in _PT)
        return np.arctan2(py, px)

    @property
    def eta(self) -> Array:
        """Pseudorapidity."""
        return pseudorapidity(self.pt, self.momentum[2])

    @property
    def dxy(self) -> Array:
        """Transverse impact parameter to the origin [cm]."""
        (px, py), (vx, vy, _) = (self.plain(name) for name in _PT), self.point
        found: Array = (vy * px - vx * py) / self.pt
        return found

    @property
    def dz(self) -> Array:
        """Longitudinal impact parameter to the origin [cm]."""
        (px, py, pz), (vx, vy, vz), pt = self.momentum, self.point, self.pt
        found: Array = vz - (vx * px + vy * py) / pt * pz / pt
        return found

    @property
    def normalized_chi2(self) -> Array:
        """chi2 / ndof, and 1e6 chi2 where ndof is 0, as CMSSW has it."""
        chi2, ndof = self.plain("chi2_").astype(np.float64), self.plain("ndof_")
        return np.where(ndof != 0, chi2 / np.where(ndof != 0, ndof, 1), chi2 * _NO_NDOF)

    def error(self, place: int) -> Array:
        """Square root of an element of the covariance's lower triangle; NaN of a negative one."""
        return np.sqrt(self.plain(_COVARIANCE)[:, place].astype(np.float64))

    @property
    def dz_error(self) -> Array:
        """Error of dz from that of dsz [cm]."""
        return self.error(_DSZ_VARIANCE) * self.p / self.pt

    @cached_property
    def hits(self) -> Array:
        """uint8[tracks, ...], in the order of `HIT_COUNTS`."""
        return count_hits(*(self.plain(name) for name in _HITS))

    @cached_property
    def assigned(self) -> _Assigned:
        """Which vertex of its event refers to each track, and with which weight.

        A reference to a track that is not there is none. The first vertex counts.
        """
        tracks, vertices = self.given.product, self.given.partner
        vertex = np.full(int(tracks.counts.sum()), -1, np.int32)
        weight = np.zeros(vertex.size, np.float32)
        if vertices is None or not vertices.counts.any():
            return _Assigned(vertex, weight)
        references = vertices.ragged[REFERENCES]
        event = np.repeat(np.arange(self.given.events), vertices.counts)
        number = numbers_within(vertices.counts)
        event, number = (np.repeat(values, references.counts) for values in (event, number))
        index = references.values.astype(np.int64)
        there = index < tracks.counts[event]
        row = (starts_of(tracks.counts)[event] + index)[there]
        # Backwards, because the last one that is assigned stays.
        vertex[row[::-1]] = number[there][::-1]
        weights = vertices.ragged.get(WEIGHTS)
        if weights is not None and np.array_equal(weights.counts, references.counts):
            weight[row[::-1]] = weights.values[there][::-1] / FULL_WEIGHT
        return _Assigned(vertex, weight)


def _hits(name: str, meaning: str) -> Member:
    place = HIT_COUNTS.index(name)
    return member(name, UINT8, meaning, *_HITS, values=lambda tracks: tracks.hits[:, place])


TRACKS = Collection(
    name="tracks",
    class_name="vector<reco::Track>",
    meaning="reconstructed tracks",
    objects=Tracks,
    partner="vector<reco::Vertex>",
    other="tracks",
    members=(
        member(
            "pt", FLOAT, "transverse momentum", *_PT, unit="GeV", values=lambda tracks: tracks.pt
        ),
        member("eta", FLOAT, "pseudorapidity", *_P, values=lambda tracks: tracks.eta),
        member("phi", FLOAT, "azimuth", *_PT, unit="rad", values=lambda tracks: tracks.phi),
        same("charge", INT8, "charge_", "charge", "e"),
        member(
            "dxy",
            FLOAT,
            "transverse impact parameter to the origin; d0 is its negative",
            *_PT,
            *_V,
            unit="cm",
            values=lambda tracks: tracks.dxy,
        ),
        member(
            "dxy_error",
            FLOAT,
            "error of dxy",
            _COVARIANCE,
            unit="cm",
            values=lambda tracks: tracks.error(_DXY_VARIANCE),
        ),
        member(
            "dz",
            FLOAT,
            "longitudinal impact parameter to the origin",
            *_P,
            *_V,
            unit="cm",
            values=lambda tracks: tracks.dz,
        ),
        member(
            "dz_error",
            FLOAT,
            "error of dz",
            _COVARIANCE,
            *_P,
            unit="cm",
            values=lambda tracks: tracks.dz_error,
        ),
        same("vx", FLOAT, _V[0], "x of the reference point", "cm"),
        same("vy", FLOAT, _V[1], "y of the reference point", "cm"),
        same("vz", FLOAT, _V[2], "z of the reference point", "cm"),
        same("chi2", FLOAT, "chi2_", "χ² of the fit"),
        same("ndof", FLOAT, "ndof_", "degrees of freedom of the fit"),
        member(
            "normalized_chi2",
            FLOAT,
            "χ²/ndof; 10⁶ χ² where ndof is 0",
            "chi2_",
            "ndof_",
            values=lambda tracks: tracks.normalized_chi2,
        ),
        _hits("hits", "valid hits of the tracker"),
        _hits("pixel_hits", "valid hits of the pixel detector"),
        _hits("strip_hits", "valid hits of the strip tracker"),
        _hits("missing_hits", "hits that were expected in the tracker and are not there"),
        _hits("inactive_hits", "expected hits on inactive modules of the tracker"),
        _hits("pixel_layers", "pixel layers and disks with a valid hit"),
        _hits("strip_layers", "strip layers and disks with a valid hit"),
        same("algorithm", UINT8, "algorithm_", "what reconstructed it (reco::TrackBase)"),
        same("quality", UINT8, "quality_", "quality bits: 1 loose, 2 tight, 4 high purity, ..."),
        member(
            "qoverp",
            FLOAT,
            "charge over momentum",
            "charge_",
            *_P,
            unit="e/GeV",
            values=lambda tracks: tracks.plain("charge_") / tracks.p,
        ),
        member(
            "vertex",
            INT32,
            "number of the vertex in `vertices` that refers to it; -1: none",
            f"^{REFERENCES}",
            values=lambda tracks: tracks.assigned.vertex,
        ),
        member(
            "vertex_weight",
            FLOAT,
            "its weight in that vertex, 0 to 1",
            f"^{REFERENCES}",
            f"^{WEIGHTS}",
            values=lambda tracks: tracks.assigned.weight,
        ),
    ),
)
