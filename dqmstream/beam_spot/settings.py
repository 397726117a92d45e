"""What is selected for a beam-spot fit, and when its data suffice for which parameters.

Names in brackets are those of CMS's fitters and their online values: PSets `PVFitter` and
`BeamFitter` of cms-sw/cmssw DQM/BeamMonitor/python/BeamMonitor_cff.py.
"""

from typing import Annotated

import msgspec

from dqmstream.messages.struct import Value

__all__ = ["KNOWN_WIDTH", "LARGEST_WIDTH_ERROR", "TrackSettings", "VertexSettings"]

KNOWN_WIDTH = 0.006
"""Transverse width [cm] taken where the data do not measure one (InputBeamWidth 0.0060)."""

LARGEST_WIDTH_ERROR = 0.3
"""Relative: a width that is known worse is not measured. Its errors are no longer symmetric, and
the corrections of its bias, which are of the first order, are too small. Of beams whose widths can
just be measured, those fits give a width in which it came out large: take no mean of them."""

_Count = Annotated[int, msgspec.Meta(ge=1)]
_Positive = Annotated[float, msgspec.Meta(gt=0)]


class VertexSettings(Value, frozen=True, kw_only=True):
    """Of the fit to vertices."""

    min_ndof: float = 4.0
    """[minVertexNdf 10 with full pile-up collisions]"""
    min_tracks: int = 3
    """[minVertexNTracks 0]"""
    min_mean_weight: float = 0.5
    """Of (ndof + 3)/(2 tracks), which is the mean weight of a vertex' tracks
    [minVertexMeanWeight]."""
    max_normalized_chi2: _Positive = 10.0
    """[maxVertexNormChi2]"""
    max_r: _Positive = 2.0
    """From the origin, transverse [maxVertexR]."""
    max_z: _Positive = 30.0
    """[maxVertexZ 10]: 30 cuts no vertex of a beam."""
    max_error: _Positive = 0.1
    """Of x and y: a worse one says next to nothing of a beam, and its error is hardly normal."""
    error_scale: _Positive = 1.0
    """On the errors of vertices [errorScale 0.9: CMS's errors are thought too large by that]."""
    known_width: _Positive = KNOWN_WIDTH
    largest_width_error: _Positive = LARGEST_WIDTH_ERROR
    restricted: bool = True
    """Correct widths for the parameters that are fitted beside them (REML), and for being roots of
    variances."""
    rejection: _Positive = 30.0
    """Chi2 of a vertex, 3 degrees of freedom, above which it is an outlier: 1.4e-6 of good ones
    [nSigmaCut 50, of widths]."""
    enough_for_position: _Count = 3
    enough_for_widths: _Count = 15
    enough_for_slopes: _Count = 30
    enough_for_correlation: _Count = 200
    """[minNrVerticesForFit 50 for anything at all]"""


class TrackSettings(Value, frozen=True, kw_only=True):
    """Of the fits to tracks."""

    min_pt: float = 0.0
    """GeV [MinimumPt 1.0]: a soft track has a large error, and so a small weight, here."""
    max_eta: _Positive = 2.7
    """[MaximumEta 2.4]"""
    min_hits: int = 0
    min_pixel_hits: int = 0
    """[MinimumTotalLayers 6, MinimumPixelLayers 0]"""
    max_normalized_chi2: _Positive = 10.0
    """[MaximumNormChi2]"""
    max_dxy: _Positive = 2.0
    """To the origin [MaximumImpactParameter 1.0]."""
    max_z: _Positive = 60.0
    """[MaximumZ]"""
    max_residual: _Positive = 0.1
    """cm to the beam line, in each of `rounds` [DeltadCut 0.1 of BSFitter]."""
    rounds: _Count = 10
    rejection: _Positive = 3.0
    """Sigmas to the beam line, its width included, above which a track is an outlier: 0.3 % of good
    ones, and many from decays, which would look like a wider beam."""
    known_width: _Positive = KNOWN_WIDTH
    largest_width_error: _Positive = LARGEST_WIDTH_ERROR
    enough_for_position: _Count = 10
    enough_for_widths: _Count = 100
    enough_for_slopes: _Count = 150
    """[MinimumInputTracks 150]"""
