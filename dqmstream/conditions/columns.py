"""Conditions of an LS as constant columns of its events, so that bookings may select by them.

`ls_pileup`, `ls_luminosity`, `ls_delivered`, `ls_recorded`, `ls_prescale_index`, `ls_fill` and
`ls_energy` are float64, NaN where nothing is known: no comparison but `!=` is true of it.
`ls_beam_mode` is an int64 code of `BEAM_MODES`, 0 where it is not known. `ls_beams_stable`,
`ls_physics` and one `ls_dcs_<part>` for each part of the detector are booleans, false where nothing
is known.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from dqmstream.messages.operations import Conditions

__all__ = ["BEAM_MODES", "PREFIX", "Value", "column_values", "dcs_columns"]

Value = float | int | bool

PREFIX: Final = "ls_"
_NUMBERS: Final = (
    "pileup",
    "luminosity",
    "delivered",
    "recorded",
    "prescale_index",
    "fill",
    "energy",
)

BEAM_MODES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "NO MODE": 1,
        "SETUP": 2,
        "INJECTION PROBE BEAM": 3,
        "INJECTION SETUP BEAM": 4,
        "INJECTION PHYSICS BEAM": 5,
        "PREPARE RAMP": 6,
        "RAMP": 7,
        "FLAT TOP": 8,
        "SQUEEZE": 9,
        "ADJUST": 10,
        "STABLE BEAMS": 11,
        "UNSTABLE BEAMS": 12,
        "BEAM DUMP": 13,
        "RAMP DOWN": 14,
        "RECOVERY": 15,
        "INJECT AND DUMP": 16,
        "CIRCULATE AND DUMP": 17,
        "ABORT": 18,
        "CYCLING": 19,
        "BEAM DUMP WARNING": 20,
        "NO BEAM": 21,
    }
)
"""Codes of the LHC's beam modes, those of CMSSW (BeamMode in DQM/L1TMonitor/interface/L1TSync.h);
other modes, and none, are 0."""


def dcs_columns(rows: Iterable[Conditions]) -> dict[str, str]:
    """Name of the column of each part of the detector that any of these knows, sorted."""
    parts = sorted({part for row in rows for part in row.dcs})
    return {f"{PREFIX}dcs_{re.sub(r'[^0-9A-Za-z_]', '_', part)}": part for part in parts}


def column_values(row: Conditions | None, dcs: Mapping[str, str]) -> dict[str, Value]:
    """Value of each column in an LS, the same names in the same order whatever is known.

    Parameters
    ----------
    row
        Conditions of the LS, if there are any.
    dcs
        Columns as `dcs_columns` names them for the run.
    """
    said = {name: None if row is None else getattr(row, name) for name in _NUMBERS}
    values: dict[str, Value] = {
        f"{PREFIX}{name}": float("nan") if value is None else float(value)
        for name, value in said.items()
    }
    values[f"{PREFIX}beam_mode"] = 0 if row is None else BEAM_MODES.get(row.beam_mode, 0)
    values[f"{PREFIX}beams_stable"] = row is not None and row.beams_stable is True
    values[f"{PREFIX}physics"] = row is not None and row.physics is True
    for name, part in dcs.items():
        values[name] = row is not None and row.dcs.get(part) is True
    return values
