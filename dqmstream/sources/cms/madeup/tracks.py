"""Made-up tracks and vertices: values of `reco::Track` and `reco::Vertex`.

A vertex is drawn from the beam; its tracks come from it, miss it by their resolution, and are given
at the point nearest to the beam line, as the reconstruction does. A track has 2 numbers for each
valid hit and 5 parameters: ndof = 2 * hits - 5.
"""

import math
from typing import Any, Final

import numpy as np

from dqmstream.sources.cms.encoding.objects import Pointed
from dqmstream.sources.cms.madeup.plan import Beam, Plan

__all__ = ["REFERENCE_PRODUCT", "hit_words", "tracks_and_vertices"]

REFERENCE_PRODUCT: Final = 2
"""Vertices refer to the product of this number in the branch ID list: the tracks."""
_HOLDER: Final = (
    "edm::reftobase::Holder<reco::Track,edm::Ref<vector<reco::Track>,reco::Track,"
    "edm::refhelper::FindUsingAdvance<vector<reco::Track>,reco::Track> > >"
)
_ALGORITHM: Final = 32
_HIT_BITS: Final = 12
_WORDS: Final = 57
_FULL_WEIGHT: Final = 255
_PIXEL_BARREL, _INNER_BARREL, _OUTER_BARREL = 1, 3, 5
_MISSING: Final = 1
Values = dict[str, Any]


def tracks_and_vertices(
    plan: Plan, beam: Beam, rng: np.random.Generator
) -> tuple[list[Values], list[Values]]:
    """What one event with a collision has.

    Parameters
    ----------
    plan
        How many of both.
    beam
        Where collisions are in this lumisection.
    rng
        Of this event.
    """
    tracks: list[Values] = []
    vertices: list[Values] = []
    for _ in range(plan.vertices):
        x, y, z = place(beam, rng)
        number = max(2, int(rng.poisson(plan.tracks)))
        first = len(tracks)
        tracks += [_track(beam, x, y, z, rng) for _ in range(number)]
        vertices.append(_vertex(x, y, z, range(first, first + number), rng))
    return tracks, vertices


def place(beam: Beam, rng: np.random.Generator) -> tuple[float, float, float]:
    """Where a collision happens [cm]."""
    z = rng.normal(beam.z, beam.sigma_z)
    x = beam.x + beam.dxdz * (z - beam.z) + rng.normal(0, beam.width_x)
    y = beam.y + beam.dydz * (z - beam.z) + rng.normal(0, beam.width_y)
    return x, y, z


def _track(beam: Beam, x: float, y: float, z: float, rng: np.random.Generator) -> Values:
    pt = 0.3 + rng.exponential(0.5)
    phi = rng.uniform(-math.pi, math.pi)
    slope = math.sinh(rng.uniform(-1.6, 1.6))
    momentum = pt * math.hypot(1, slope)
    charge = int(rng.choice((-1, 1)))
    # Multiple scattering makes slow tracks worse.
    dxy_error = math.hypot(0.004, 0.008 / pt)
    dsz_error = math.hypot(0.006, 0.010 / pt)
    sine, cosine = math.sin(phi), math.cos(phi)
    off = rng.normal(0, dxy_error)
    x, y = x - off * sine, y + off * cosine
    z += rng.normal(0, dsz_error) * math.hypot(1, slope)
    # Along the track, to where it is nearest to the beam line at this z.
    beam_x = beam.x + beam.dxdz * (z - beam.z)
    beam_y = beam.y + beam.dydz * (z - beam.z)
    along = (beam_x - x) * cosine + (beam_y - y) * sine
    x, y, z = x + along * cosine, y + along * sine, z + along * slope
    pixel, strip = int(rng.integers(3, 5)), int(rng.integers(4, 11))
    hits = _hits(pixel, strip, missing=int(rng.random() < 0.2))
    ndof = 2 * (pixel + strip) - 5
    covariance = np.zeros(15)
    covariance[[0, 2, 5, 9, 14]] = np.square((0.01 / momentum, 0.001, 0.002, dxy_error, dsz_error))
    return {
        "hitPattern_": hit_words(hits),
        "covariance_": covariance,
        "covt0t0_": -1.0,
        "covbetabeta_": -1.0,
        "chi2_": rng.chisquare(ndof),
        "vertex_": _vector(x, y, z),
        "t0_": 0.0,
        "momentum_": _vector(pt * cosine, pt * sine, pt * slope),
        "beta_": 0.0,
        "algoMask_": [one == _ALGORITHM for one in range(46)],
        "ndof_": ndof,
        "charge_": charge,
        "algorithm_": _ALGORITHM,
        "originalAlgorithm_": _ALGORITHM,
        "quality_": 7,
        "nLoops_": 0,
        "stopReason_": _FULL_WEIGHT,
        "extra_": _reference(605, 0),
    }


def _vertex(x: float, y: float, z: float, tracks: range, rng: np.random.Generator) -> Values:
    weights = np.minimum(255, rng.integers(180, 320, len(tracks)))
    error = 0.012 / math.sqrt(len(tracks))
    ndof = max(1.0, 2 * weights.sum() / _FULL_WEIGHT - 3)
    covariance = np.zeros(10)
    covariance[[0, 2, 5]] = np.square((error, error, 1.4 * error))
    return {
        "chi2_": rng.chisquare(ndof),
        "ndof_": ndof,
        "position_": _vector(
            rng.normal(x, error), rng.normal(y, error), rng.normal(z, 1.4 * error)
        ),
        "covariance_": covariance,
        "tracks_": [
            {"holder_": Pointed(_HOLDER, {"ref_": _reference(REFERENCE_PRODUCT, track)})}
            for track in tracks
        ],
        "refittedTracks_": [],
        "weights_": weights,
        "validity_": True,
        "time_": 0.0,
    }


def _vector(x: float, y: float, z: float) -> Values:
    return {"fCoordinates": {"fX": x, "fY": y, "fZ": z}}


def _reference(product: int, index: int) -> Values:
    return {"product_": {"processIndex_": 1, "productIndex_": product}, "index_": index}


def _hits(pixel: int, strip: int, missing: int) -> list[int]:
    """Hits from the inside out: the pattern of each, as in `reco::HitPattern`."""
    barrel = min(pixel, 4)
    places = [(_PIXEL_BARREL, layer) for layer in range(1, barrel + 1)]
    places += [(_INNER_BARREL, layer) for layer in range(1, min(strip, 4) + 1)]
    places += [(_OUTER_BARREL, layer) for layer in range(1, strip - 3)]
    found = [1 << 10 | detector << 7 | layer << 3 for detector, layer in places]
    lost = [1 << 10 | _OUTER_BARREL << 7 | 6 << 3 | _MISSING] * missing
    return found + lost


def hit_words(hits: list[int]) -> Values:
    """The hits of a track as its pattern has them: a stream of 12 bits each, lowest bit first."""
    stream = sum(hit << _HIT_BITS * place for place, hit in enumerate(hits))
    words = [stream >> 16 * word & 0xFFFF for word in range(_WORDS)]
    return {
        "hitPattern": words,
        "hitCount": len(hits),
        "beginTrackHits": 0,
        "endTrackHits": len(hits),
        "beginInner": 0,
        "endInner": 0,
        "beginOuter": 0,
        "endOuter": 0,
    }
