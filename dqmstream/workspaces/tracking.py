"""Tracks of the high-level trigger (`tracks`, of reco::Track): how many, where, and how good.

Binning follows CMS's own monitoring (cms-sw/cmssw DQM/TrackingMonitor/python/
TrackingMonitor_cfi.py). Impact parameters are to the origin of the detector, not to the beams: d0
is -dxy, a sine of phi whose amplitude and phase are the place of the beams.

The probability of a chi2 has no place in the language of bookings; `chi2_deviation` shows the same
by the Wilson-Hilferty transformation: (chi2/n)^(1/3) is nearly normal with mean 1 - 2/(9 n) and
variance 2/(9 n) (E. B. Wilson and M. M. Hilferty, PNAS 17 (1931) 684).
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import EFFICIENCY, SPECTRUM, TREND, number_of_events, with_mean
from dqmstream.workspaces.objects import ETA, PHI, POINTS, numbers, places
from dqmstream.workspaces.tracking_hits import hits, impact

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the tracker DOC."
_ACCEPTED: Final = regular(24, -2.4, 2.4, label="eta")
_CUBE_ROOT: Final = "exp(log(tracks.chi2 / tracks.ndof) / 3)"
_NINTH: Final = "2 / (9 * tracks.ndof)"

_ALGORITHMS: Final = {
    0: "none",
    1: "ctf",
    2: "duplicateMerge",
    4: "initialStep",
    5: "lowPtTriplet",
    6: "pixelPair",
    7: "detachedTriplet",
    8: "mixedTriplet",
    9: "pixelLess",
    10: "tobTec",
    11: "jetCore",
    13: "muonInOut",
    14: "muonOutIn",
    22: "highPtTriplet",
    23: "lowPtQuad",
    24: "detachedQuad",
    30: "hltPixel",
    31: "hltIter0",
    32: "hltIter1",
    33: "hltIter2",
    34: "hltIter3",
    35: "hltIter4",
    36: "hltIterX",
}
"""Codes of reco::TrackBase::TrackAlgorithm (DataFormats/TrackReco/interface/TrackBase.h)."""
_QUALITIES: Final = (
    "none",
    "loose",
    "tight",
    "loose+tight",
    "high",
    "loose+high",
    "tight+high",
    "loose+tight+high",
)
"""Of the three lowest bits of a track's quality: loose, tight, high purity."""


def _parameters() -> Iterator[Element]:
    yield number_of_events("Tracking")
    yield from numbers(
        "Tracking",
        "tracks",
        "tracks",
        most=100,
        good="Falls from a peak at 0 in zero-bias streams, one broad peak in others.",
        call=_CALL,
    )
    yield histogram(
        "Tracking/per_event_wide",
        regular(100, -0.5, 1999.5, label="tracks in an event"),
        fill="count(tracks)",
        title="Tracks per event, of busy events",
        description=f"One broad peak that follows pile-up, or all at 0. {_CALL}",
        draw=SPECTRUM,
    )
    yield from places(
        "Tracking/Parameters",
        "tracks",
        "tracks",
        pt=regular(100, 0, 100, label="pt", unit="GeV"),
        call=_CALL,
    )
    yield histogram(
        "Tracking/Parameters/low_pt",
        regular(100, 0, 5, label="pt", unit="GeV"),
        fill="tracks.pt",
        title="Transverse momentum of tracks, the softest",
        description=f"A sharp rise at the threshold of the tracking, then a steep fall. {_CALL}",
    )
    yield histogram(
        "Tracking/Parameters/momentum",
        regular(100, 0, 100, label="p", unit="GeV"),
        fill="abs(1 / tracks.qoverp)",
        select="tracks.qoverp != 0",
        title="Momentum of tracks",
        description=f"Falls steeply, without spikes. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "Tracking/Parameters/charge",
        integer(-1, 2, label="charge", labels=["negative", "neutral", "positive"]),
        fill="tracks.charge",
        title="Charge of tracks",
        description=f"Both alike within a few per cent, no neutral one. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        "Tracking/Parameters/eta_within_acceptance",
        _ACCEPTED,
        fill="tracks.eta",
        title="Eta of tracks within the acceptance",
        description="No empty bin: that is a disk or a half that is dead, or has no high voltage. "
        f"{_CALL}",
    )
    yield histogram(
        "Tracking/Parameters/phi_of_barrel",
        PHI,
        fill="tracks.phi",
        select="abs(tracks.eta) < 1.4",
        title="Phi of tracks in the barrel",
        description=f"Flat; no empty bin: that is a dead sector of the barrel. {_CALL}",
    )


def _fit() -> Iterator[Element]:
    yield histogram(
        "Tracking/Fit/chi2",
        regular(50, 0, 200, label="chi2"),
        fill="tracks.chi2",
        title="Chi2 of tracks",
        description=f"One peak near the number of degrees of freedom, and a tail. {_CALL}",
        draw=SPECTRUM,
    )
    yield from with_mean(
        histogram(
            "Tracking/Fit/normalized_chi2",
            regular(100, 0, 10, label="chi2 / ndof"),
            fill="tracks.normalized_chi2",
            title="Chi2 of tracks per degree of freedom",
            description="One peak at 1. Rising: modules have moved, or their errors are wrong. "
            f"{_CALL}",
        ),
        value_range=(0, 1000),
    )
    yield histogram(
        "Tracking/Fit/chi2_deviation",
        regular(80, -8, 8, label="deviation of chi2", unit="sigma"),
        fill=f"({_CUBE_ROOT} - (1 - {_NINTH})) / sqrt({_NINTH})",
        select="tracks.ndof > 0",
        title="Deviation of chi2 from what is expected",
        description="One peak at 0 of width 1, and a tail to the right: what a flat distribution "
        f"of the probability is. {_CALL}",
    )
    yield histogram(
        "Tracking/Fit/ndof",
        regular(60, -0.5, 59.5, label="degrees of freedom"),
        fill="tracks.ndof",
        title="Degrees of freedom of tracks",
        description=f"Twice the number of hits, less 5. {_CALL}",
    )
    for axis, name in ((ETA, "eta"), (PHI, "phi")):
        yield profile(
            f"Tracking/Fit/normalized_chi2_by_{name}",
            axis,
            fill=f"tracks.{name}",
            value="tracks.normalized_chi2",
            value_range=(0, 1000),
            title=f"By {name}: mean chi2 of tracks per degree of freedom",
            description=f"Flat near 1: a peak is a part that has moved. {_CALL}",
            draw=POINTS,
        )
    yield histogram(
        "Tracking/Fit/algorithm",
        integer(0, 48, label="algorithm", labels=[_ALGORITHMS.get(n, str(n)) for n in range(48)]),
        fill="tracks.algorithm",
        title="Algorithm that found the track",
        description=f"As in the reference: an iteration that is missing does not run. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "Tracking/Fit/quality",
        integer(0, 8, label="quality", labels=_QUALITIES),
        fill="tracks.quality & 7",
        title="Quality of tracks",
        description=f"Nearly all of high purity, which are loose and tight too. {_CALL}",
    )
    yield profile(
        "Tracking/Fit/high_purity",
        ETA,
        fill="tracks.eta",
        value="where((tracks.quality & 4) > 0, 1, 0)",
        value_range=(0, 1),
        title="Fraction of tracks of high purity by eta",
        description=f"Near 1 and flat. {_CALL}",
        draw=EFFICIENCY,
    )


workspace = Workspace(
    "tracking",
    "Tracks of the high-level trigger: how many, where, their fits, hits and impact parameters.",
    [*_parameters(), *_fit(), *hits(), *impact()],
)
