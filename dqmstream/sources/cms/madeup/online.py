"""Made-up records of the online system, and what the trigger said."""

from typing import Any, Final

import numpy as np

from dqmstream.sources.cms.detector import PARTITIONS
from dqmstream.sources.cms.madeup.plan import Beam, Plan

__all__ = ["beam_spot", "ctpps", "dcs", "luminosity", "trigger_results"]

_SECOND: Final = 1_000_000_000
_NOT_VALID: Final = frozenset({PARTITIONS.index("CASTOR"), PARTITIONS.index("ZDC")})
_NIBBLE: Final = 4096
"""Orbits."""
_LATE: Final = 5
"""So many nibbles is the luminosity of an event old."""
_POTS: Final = 0x10CCC30CCC
"""2 bits each: unused 0, bad 1, warning 2, ok 3."""
_DIMENSION: Final = 7


def _timestamp(time: int) -> dict[str, int]:
    seconds, rest = divmod(time, _SECOND)
    return {"timeLow_": rest // 1000, "timeHigh_": seconds}


def trigger_results(states: list[int], plan: Plan) -> dict[str, Any]:
    """`edm::TriggerResults` of HLT states (0..3), each decided by the last module of its path."""
    return {
        "paths_": [{"status_": state | (20 + path) << 2} for path, state in enumerate(states)],
        "psetid_": {"hash_": plan.run.to_bytes(16)},
        "names_": [],
    }


def beam_spot(beam: Beam) -> dict[str, Any]:
    """`reco::BeamSpot`: the beam as the online fit of others gave it."""
    lower = np.zeros((_DIMENSION, _DIMENSION))
    np.fill_diagonal(lower, np.square((1e-5, 1e-5, 0.03, 0.02, 2e-6, 2e-6, 1e-5)))
    return {
        "position_": {"fCoordinates": {"fX": beam.x, "fY": beam.y, "fZ": beam.z}},
        "error_": {"fRep": {"fArray": lower[np.tril_indices(_DIMENSION)]}},
        "sigmaZ_": beam.sigma_z,
        "BeamWidthX_": beam.width_x,
        "BeamWidthY_": beam.width_y,
        "dxdz_": beam.dxdz,
        "dydz_": beam.dydz,
        "emittanceX_": 0.0,
        "emittanceY_": 0.0,
        "betaStar_": 0.0,
        "type_": 1,
    }


def dcs(plan: Plan) -> dict[str, Any]:
    """`DCSRecord`: high voltage as it is since the run began."""
    valid = [part not in _NOT_VALID for part in range(len(PARTITIONS))]
    return {
        "timestamp_": _timestamp(plan.begin),
        "highVoltageReady_": [on and part not in plan.off for part, on in enumerate(valid)],
        "highVoltageValid_": valid,
        "magnetCurrent_": plan.magnet_current,
    }


def luminosity(plan: Plan, orbit: int, time: int) -> dict[str, Any]:
    """`OnlineLuminosityRecord`: the last value known at an orbit, a few nibbles old."""
    nibble = max(0, orbit // _NIBBLE - _LATE)
    lumisection, within = divmod(nibble, 64)
    left = 1 - 1e-4 * lumisection
    return {
        "timestamp_": _timestamp(time),
        "instLumi_": plan.luminosity * left,
        "avgPileUp_": plan.pileup * left,
        "lumiSection_": lumisection + 1,
        "lumiNibble_": within,
    }


def ctpps(plan: Plan) -> dict[str, Any]:
    """`CTPPSRecord`: two bits for each of 20 roman pots."""
    return {"timestamp_": _timestamp(plan.begin), "status_": _POTS}
