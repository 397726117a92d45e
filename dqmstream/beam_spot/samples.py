"""What a beam spot is fitted to: vertices, and tracks by the vertex they come from."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["TRACK_COLUMNS", "VERTEX_COLUMNS", "Floats", "TrackSample", "VertexSample"]

Floats = NDArray[np.float64]

VERTEX_COLUMNS = (
    "x",
    "y",
    "z",
    "x_error",
    "y_error",
    "z_error",
    "xy_covariance",
    "xz_covariance",
    "yz_covariance",
    "chi2",
    "ndof",
    "tracks",
    "valid",
)
TRACK_COLUMNS = (
    "pt",
    "eta",
    "phi",
    "dxy",
    "dxy_error",
    "dz",
    "dz_error",
    "pixel_hits",
    "strip_hits",
    "normalized_chi2",
    "vertex",
)


@dataclass(frozen=True, slots=True)
class VertexSample:
    """n primary vertices.

    Attributes
    ----------
    position
        float64[n, 3], x, y and z [cm].
    covariance
        float64[n, 6], xx, yy, zz, xy, xz, yz of the position [cm^2].
    chi2, ndof
        float64[n], of the vertex fits.
    tracks
        float64[n], how many tracks each vertex has.
    valid
        bool[n].
    """

    position: Floats
    covariance: Floats
    chi2: Floats
    ndof: Floats
    tracks: Floats
    valid: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.position)

    @classmethod
    def from_columns(cls, column: Callable[[str], NDArray[Any]]) -> Self:
        """From columns named as in `VERTEX_COLUMNS`, each with one value for each vertex."""
        errors = [_floats(column(f"{axis}_error")) ** 2 for axis in "xyz"]
        mixed = [_floats(column(f"{axes}_covariance")) for axes in ("xy", "xz", "yz")]
        return cls(
            position=np.stack([_floats(column(axis)) for axis in "xyz"], axis=1),
            covariance=np.stack([*errors, *mixed], axis=1),
            chi2=_floats(column("chi2")),
            ndof=_floats(column("ndof")),
            tracks=_floats(column("tracks")),
            valid=np.asarray(column("valid"), np.bool_),
        )

    def take(self, which: NDArray[Any]) -> Self:
        """Those that a mask or an index array names."""
        return type(self)(*(member[which] for member in _members(self)))

    @classmethod
    def together(cls, *samples: Self) -> Self:
        """All vertices of several samples, in the order given; at least one sample."""
        return cls(*map(np.concatenate, zip(*map(_members, samples), strict=True)))


@dataclass(frozen=True, slots=True)
class TrackSample:
    """n tracks, as seen from the origin (0, 0, 0).

    Attributes
    ----------
    phi
        float64[n], direction at the point of closest approach.
    dxy, dxy_error
        float64[n], transverse impact parameter (vy px - vx py)/pt and its error [cm].
    z, z_error
        float64[n], z of the point of closest approach and its error [cm].
    pt, eta, hits, pixel_hits, normalized_chi2
        float64[n]; pt in GeV, hits are valid ones in the tracker.
    group
        int64[n]: tracks of one vertex have one number, any other track has its own.
    """

    phi: Floats
    dxy: Floats
    dxy_error: Floats
    z: Floats
    z_error: Floats
    pt: Floats
    eta: Floats
    hits: Floats
    pixel_hits: Floats
    normalized_chi2: Floats
    group: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.phi)

    @classmethod
    def from_columns(
        cls, column: Callable[[str], NDArray[Any]], offsets: NDArray[np.int64]
    ) -> Self:
        """From columns named as in `TRACK_COLUMNS`, each with one value for each track.

        Parameters
        ----------
        column
            The values of a column, by its name.
        offsets
            int64[events + 1]: the tracks of event i are [offsets[i], offsets[i + 1]). Vertex
            numbers are within an event.
        """
        vertex = np.asarray(column("vertex"), np.int64)
        return cls(
            phi=_floats(column("phi")),
            dxy=_floats(column("dxy")),
            dxy_error=_floats(column("dxy_error")),
            z=_floats(column("dz")),
            z_error=_floats(column("dz_error")),
            pt=_floats(column("pt")),
            eta=_floats(column("eta")),
            hits=_floats(column("pixel_hits")) + _floats(column("strip_hits")),
            pixel_hits=_floats(column("pixel_hits")),
            normalized_chi2=_floats(column("normalized_chi2")),
            group=_groups(vertex, offsets),
        )

    def take(self, which: NDArray[Any]) -> Self:
        """Those that a mask or an index array names."""
        return type(self)(*(member[which] for member in _members(self)))

    @classmethod
    def together(cls, *samples: Self) -> Self:
        """All tracks of several samples, in the order given; vertices stay apart."""
        apart, start = [], 0
        for sample in samples:
            apart.append(replace(sample, group=sample.group + start))
            start += int(sample.group.max(initial=-1)) + 1
        return cls(*map(np.concatenate, zip(*map(_members, apart), strict=True)))


def _groups(vertex: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers from 0: equal where event and vertex are; each track without vertex alone."""
    event = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    pairs = np.stack([event, np.where(vertex < 0, -1 - np.arange(len(vertex)), vertex)], axis=1)
    _, group = np.unique(pairs, axis=0, return_inverse=True)
    return np.asarray(group, np.int64).reshape(-1)


def _members(sample: VertexSample | TrackSample) -> tuple[NDArray[Any], ...]:
    return tuple(getattr(sample, field.name) for field in fields(sample))


def _floats(values: NDArray[Any]) -> Floats:
    return np.asarray(values, np.float64)
