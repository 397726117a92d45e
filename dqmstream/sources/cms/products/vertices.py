"""Reconstructed vertices: position, errors, and how many tracks they are made of."""

from typing import Final

import numpy as np

from dqmstream.sources.cms.products.collection import (
    BOOLEAN,
    DOUBLE,
    FLOAT,
    UINT16,
    Array,
    Collection,
    Member,
    Objects,
    member,
    same,
)

__all__ = ["FULL_WEIGHT", "REFERENCES", "VERTICES", "WEIGHTS"]

_COVARIANCE: Final = "covariance_"
"""Lower triangle of (x, y, z, t)."""
REFERENCES: Final = "tracks_.holder_.ref_.index_"
"""Raw member: indices of the tracks that a vertex refers to."""
WEIGHTS: Final = "weights_"
"""Raw member: a weight for each of these, up to `FULL_WEIGHT`."""
FULL_WEIGHT: Final = 255.0
_MOST: Final = 2**16 - 1


class Vertices(Objects):
    """Vertices of a batch."""

    def covariance(self, place: int) -> Array:
        """An element of the lower triangle, float64[vertices]."""
        elements: Array = self.plain(_COVARIANCE)[:, place].astype(np.float64)
        return elements

    @property
    def references(self) -> Array:
        """How many tracks each refers to."""
        return np.minimum(self.ragged(REFERENCES).counts, _MOST)

    @property
    def weight_sum(self) -> Array:
        """Sum of the weights of its tracks, each 0 to 1."""
        counts, values = self.ragged(WEIGHTS)
        sums = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
        ends = np.cumsum(counts)
        found: Array = (sums[ends] - sums[ends - counts]) / FULL_WEIGHT
        return found


def _error(axis: str, place: int) -> Member:
    return member(
        f"{axis}_error",
        FLOAT,
        f"error of {axis}",
        _COVARIANCE,
        unit="cm",
        values=lambda vertices: np.sqrt(vertices.covariance(place)),
    )


def _covariance(axes: str, place: int) -> Member:
    return member(
        f"{axes}_covariance",
        FLOAT,
        f"covariance of {axes[0]} and {axes[1]}",
        _COVARIANCE,
        unit="cm²",
        values=lambda vertices: vertices.covariance(place),
    )


VERTICES = Collection(
    name="vertices",
    class_name="vector<reco::Vertex>",
    meaning="reconstructed vertices",
    objects=Vertices,
    other="vertices",
    members=(
        *(same(a, DOUBLE, f"position_.fCoordinates.f{a.upper()}", a, "cm") for a in "xyz"),
        _error("x", 0),
        _error("y", 2),
        _error("z", 5),
        _covariance("xy", 1),
        _covariance("xz", 3),
        _covariance("yz", 4),
        same("chi2", FLOAT, "chi2_", "χ² of the fit"),
        same("ndof", FLOAT, "ndof_", "degrees of freedom: twice the weights less 3"),
        member(
            "tracks",
            UINT16,
            "tracks it refers to",
            REFERENCES,
            values=lambda vertices: vertices.references,
        ),
        member(
            "weight_sum",
            FLOAT,
            "sum of the weights of its tracks, each 0 to 1",
            WEIGHTS,
            values=lambda vertices: vertices.weight_sum,
        ),
        same("valid", BOOLEAN, "validity_", "made by a fit, or the beam line"),
    ),
)
