"""What is selected for a beam-spot fit, and when its data suffice for which parameters.

Names in brackets are those of CMS's fitters and their online values: PSets `PVFitter` and
`BeamFitter` of cms-sw/cmssw DQM/BeamMonitor/python/BeamMonitor_cff.py.
"""

import msgspec

__all__ = ["KNOWN_WIDTH", "LARGEST_WIDTH_ERROR", "TrackSettings", "VertexSettings"]

KNOWN_WIDTH = 0.006
"""Transverse width [cm] taken where the data do not measure one (InputBeamWidth 0.0060)."""

LARGEST_WIDTH_ERROR = 0.3
"""Relative: a width that is known worse is not measured. Its errors are no longer symmetric, and
the corrections of its bias, which are of the first order, are too small. Of beams whose widths can
just be measured, those fits give a width in which it came out large: take no mean of them."""


class VertexSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Of the fit to vertices."""

    min_ndof: float = 4.0
    """[minVertexNdf 10 with full pile-up collisions]"""
    min_tracks: int = 3
    """[minVertexNTracks 0]"""
    min_mean_weight: float = 0.5
    """Of (ndof + 3)/(2 tracks), which is the mean weight of a vertex' tracks
    [minVertexMeanWeight]."""
    max_normalized_chi2: float = 10.0
    """[maxVertexNormChi2]"""
    max_r: float = 2.0
    """From the origin, transverse [maxVertexR]."""
    max_z: float = 30.0
    """[maxVertexZ 10]: 30 cuts no vertex of a beam."""
    max_error: float = 0.1
    """Of x and y: a worse one says next to nothing of a beam, and its error is hardly normal."""
    error_scale: float = 1.0
    """On the errors of vertices [errorScale 0.9: CMS's errors are thought too large by that]."""
    known_width: float = KNOWN_WIDTH
    largest_width_error: float = LARGEST_WIDTH_ERROR
    restricted: bool = True
    """Correct widths for the parameters that are fitted beside them (REML), and for being roots of
    variances."""
    rejection: float = 30.0
    """Chi2 of a vertex, 3 degrees of freedom, above which it is an outlier: 1.4e-6 of good ones
    [nSigmaCut 50, of widths]."""
    enough_for_position: int = 3
    enough_for_widths: int = 15
    enough_for_slopes: int = 30
    enough_for_correlation: int = 200
    """[minNrVerticesForFit 50 for anything at all]"""


class TrackSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Of the fits to tracks."""

    min_pt: float = 0.0
    """GeV [MinimumPt 1.0]: a soft track has a large error, and so a small weight, here."""
    max_eta: float = 2.7
    """[MaximumEta 2.4]"""
    min_hits: int = 0
    min_pixel_hits: int = 0
    """[MinimumTotalLayers 6, MinimumPixelLayers 0]"""
    max_normalized_chi2: float = 10.0
    """[MaximumNormChi2]"""
    max_dxy: float = 2.0
    """To the origin [MaximumImpactParameter 1.0]."""
    max_z: float = 60.0
    """[MaximumZ]"""
    max_residual: float = 0.1
    """cm to the beam line, in each of `rounds` [DeltadCut 0.1 of BSFitter]."""
    rounds: int = 10
    rejection: float = 3.0
    """Sigmas to where the beam and its vertex say, above which a track is an outlier: 0.3 % of good
    ones, and many from decays, which would look like worse tracks."""
    vertex_rejection: float = 3.3
    """Sigmas, of a number as probable, to the beam line, its width included, above which a vertex
    is an outlier: 0.1 % of good ones; two decays that agree would look like a wider beam."""
    known_width: float = KNOWN_WIDTH
    largest_width_error: float = LARGEST_WIDTH_ERROR
    enough_for_position: int = 10
    enough_for_widths: int = 100
    enough_for_slopes: int = 150
    """[MinimumInputTracks 150]"""
