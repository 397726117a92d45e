"""A fit as a payload for a conditions database, and as the text that CMS's monitors write.

Members are named as in cms-sw/cmssw CondFormats/BeamSpotObjects: BeamSpotObjects.h (all up to
betaStar_) and BeamSpotOnlineObjects.h (the others); the parameter lists stand there by their
enumerators, here by name. Start and end are, as text, what CMS's OnlineBeamMonitor.cc copies behind
BeginTimeOfFit and EndTimeOfFit of the text below, and so in its format; as numbers, seconds since
1970, as CondTools/BeamSpot, BeamSpotOnlineFromOfflineConverter.cc sets them (std::time). The text
is that of RecoVertex/BeamSpotProducer, BeamSpotWrite2Txt.h, which CMS's scripts read.
"""

import math
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from dqmstream import __version__
from dqmstream.beam_spot.result import BeamSpotFit, Period

__all__ = ["Counted", "payload", "payload_json", "text_dump"]

_TRACKER: Final = 2
"""reco::BeamSpot::Tracker: measured by the tracker (-1 unknown, 0 fake, 1 LHC)."""
_SECOND: Final = 1_000_000_000


class Counted(NamedTuple):
    """What was counted beside the fit, in the same period: for DIP, and for people."""

    fill: int = 0
    tracks: int = 0
    most_vertices: int = 0
    mean_vertices: float = 0.0
    rms_vertices: float = 0.0


def payload(fit: BeamSpotFit, counted: Counted = Counted()) -> dict[str, Any]:  # noqa: B008 a value
    """A fit as JSON types; the time of creation is left to who writes it to a database.

    Raises
    ------
    ValueError
        If the fit did not converge, or has no period: such a payload must never be written.
    """
    period = _period(fit)
    events = period.events
    error = counted.rms_vertices / math.sqrt(events) if events else 0.0
    members: dict[str, Any] = {
        "position_": [fit.x, fit.y, fit.z],
        "sigmaZ_": fit.sigma_z,
        "beamwidthX_": fit.width_x,
        "beamwidthY_": fit.width_y,
        "beamwidthXError_": fit.error("width_x"),
        "beamwidthYError_": fit.error("width_y"),
        "dxdz_": fit.dxdz,
        "dydz_": fit.dydz,
        "covariance_": [list(row) for row in fit.covariance],
        "type_": _TRACKER,
        "emittanceX_": 0.0,
        "emittanceY_": 0.0,
        "betaStar_": 0.0,
        "lastAnalyzedLumi_": period.last_lumisection,
        "lastAnalyzedRun_": period.run,
        "lastAnalyzedFill_": counted.fill,
        "intParams_": {
            "NUM_TRACKS": counted.tracks,
            "NUM_PVS": fit.used if fit.method == "vertices" else 0,
            "USED_EVENTS": events,
            "MAX_PVS": counted.most_vertices,
        },
        "floatParams_": {
            "MEAN_PV": counted.mean_vertices,
            "ERR_MEAN_PV": error,
            "RMS_PV": counted.rms_vertices,
            "ERR_RMS_PV": error / math.sqrt(2),
        },
        "stringParams_": {
            "START_TIME": _text_time(period.first_time),
            "END_TIME": _text_time(period.last_time),
            "LUMI_RANGE": f"{period.first_lumisection} - {period.last_lumisection}",
        },
        "timeParams_": {
            "START_TIMESTAMP": period.first_time // _SECOND,
            "END_TIMESTAMP": period.last_time // _SECOND,
        },
    }
    provenance = {
        "made_by": f"dqmstream {__version__}",
        "method": fit.method,
        "order": fit.order,
        "reason": fit.reason,
        "not_measured": list(fit.not_measured),
        "used": fit.used,
        "rejected": fit.rejected,
        "not_selected": fit.not_selected,
        "chi2": fit.chi2,
        "ndof": fit.ndof,
        "error_scale": fit.error_scale,
        "xy_correlation": fit.xy_correlation,
        "first_run": period.run,
        "first_lumisection": period.first_lumisection,
    }
    return {"class": "BeamSpotOnlineObjects", **members, "dqmstream": provenance}


def payload_json(fit: BeamSpotFit, counted: Counted = Counted()) -> str:  # noqa: B008 a value
    """`payload` as compact JSON text."""
    return msgspec.json.encode(payload(fit, counted)).decode()


def text_dump(fit: BeamSpotFit) -> str:
    """The lines that CMS's beam monitors write for each fit.

    Raises
    ------
    ValueError
        As `payload`.
    """
    period = _period(fit)
    first, last = period.first_time, period.last_time
    rows = [
        f"Cov({number},j) {' '.join(f'{value:.6g}' for value in row)}"
        for number, row in enumerate(fit.covariance)
    ]
    lines = [
        f"Runnumber {period.run}",
        f"BeginTimeOfFit {_text_time(first)} {first // _SECOND}",
        f"EndTimeOfFit {_text_time(last)} {last // _SECOND}",
        f"LumiRange {period.first_lumisection} - {period.last_lumisection}",
        f"Type {_TRACKER}",
        f"X0 {fit.x:.6g}",
        f"Y0 {fit.y:.6g}",
        f"Z0 {fit.z:.6g}",
        f"sigmaZ0 {fit.sigma_z:.6g}",
        f"dxdz {fit.dxdz:.6g}",
        f"dydz {fit.dydz:.6g}",
        f"BeamWidthX {fit.width_x:.6g}",
        f"BeamWidthY {fit.width_y:.6g}",
        *rows,
        "EmittanceX 0",
        "EmittanceY 0",
        "BetaStar 0",
    ]
    return "\n".join(lines) + "\n"


def _period(fit: BeamSpotFit) -> Period:
    if not fit.converged:
        msg = f"a fit that did not converge is no payload: {fit.reason}"
        raise ValueError(msg)
    if fit.period is None:
        msg = "a fit without period is no payload: expected run, LSs and times"
        raise ValueError(msg)
    return fit.period


def _text_time(nanoseconds: int) -> str:
    """As CMS's monitors write it, such as `2021.10.28 21:06:26 GMT`."""
    moment = datetime.fromtimestamp(nanoseconds // _SECOND, UTC)
    return moment.strftime("%Y.%m.%d %H:%M:%S GMT")
