"""Tables of `brilcalc lumi --byls`, as CSV: fill, luminosity, mean pile-up and energy of each LS.

Comments begin with #, the last one before the numbers names the columns, with units:
`#run:fill,ls,time,beamstatus,E(GeV),delivered(/fb),recorded(/fb),avgpu,source`, or with `hltpath`
in place of status and energy of a beam. `ls` has two numbers, of the luminometers and of CMS; the
latter is 0 where CMS took no data.
"""

import csv
import math
from collections.abc import Iterable, Iterator
from typing import Final

from dqmstream.conditions.limits import MOST_ENERGY, MOST_LUMISECTION, MOST_RUN
from dqmstream.conditions.oms import STABLE_BEAMS
from dqmstream.conditions.units import INVERSE_PICOBARNS, mean_luminosity
from dqmstream.errors import SourceError
from dqmstream.messages.operations import Conditions

__all__ = ["conditions_of_lines"]

_FIRST: Final = "run:fill"
_NUMBER: Final = "ls"
_INTEGRATED: Final = ("delivered", "recorded")
_ENERGY: Final = "E"
_ENERGIES: Final = {"GeV": 1.0, "TeV": 1e3}


def conditions_of_lines(lines: Iterable[str]) -> Iterator[Conditions | SourceError]:
    """Conditions in the lines of a table, or why one cannot be used.

    Raises
    ------
    SourceError
        With reason `unknown_format` if no header with `ls` comes before the numbers, `unknown_unit`
        if it names a unit that is none of /fb, /pb, /nb, /ub, or of the energy none of GeV, TeV.
    """
    columns: list[str] = []
    factors: dict[str, float] = {}
    for row in _rows(lines):
        if isinstance(row, SourceError):
            yield row
            continue
        if not row:
            continue
        if row[0].startswith("#"):
            if row[0].lstrip("#").strip() == _FIRST:
                columns, factors = _header(row)
            continue
        if not columns:
            detail = f"{','.join(row)!r:.60}: expected a header #{_FIRST},ls,... before it"
            raise SourceError("unknown_format", detail)
        try:
            yield _conditions(dict(zip(columns, row, strict=True)), factors)
        except SourceError as error:
            yield error
        except ValueError as error:
            yield SourceError("bad_value", f"{','.join(row)!r:.120}: {error!s:.200}")


def _rows(lines: Iterable[str]) -> Iterator[list[str] | SourceError]:
    """Cells of each line, or why it has none: one that is too long costs no other."""
    rows = csv.reader(lines)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield SourceError("bad_value", f"line {rows.line_num}: {error}")
            continue
        if row is None:
            return
        yield row


def _header(row: list[str]) -> tuple[list[str], dict[str, float]]:
    """Names of columns without units, and what those with a unit are to be multiplied by."""
    columns, factors = [], {}
    for cell in row:
        name, _, unit = cell.strip().lstrip("#").partition("(")
        columns.append(name)
        if name not in {*_INTEGRATED, _ENERGY}:
            continue
        known = _ENERGIES if name == _ENERGY else INVERSE_PICOBARNS
        unit = unit.rstrip(")")
        if unit not in known:
            detail = f"{cell!r:.40}: expected one of {', '.join(known)}"
            raise SourceError("unknown_unit", detail)
        factors[name] = known[unit]
    if _NUMBER not in columns:
        detail = f"{','.join(row)!r:.120}: expected a column {_NUMBER}"
        raise SourceError("unknown_format", detail)
    return columns, factors


def _conditions(row: dict[str, str], factors: dict[str, float]) -> Conditions:
    run, fill = (int(number) for number in row[_FIRST].split(":"))
    lumisection = int(row[_NUMBER].split(":")[-1])
    if run < 1 or lumisection < 1:
        detail = f"run {run} ls {row[_NUMBER]!r:.20}: CMS took no data"
        raise SourceError("no_lumisection", detail)
    if run > MOST_RUN or fill > MOST_RUN or lumisection > MOST_LUMISECTION:
        msg = f"expected runs and fills up to {MOST_RUN}, LSs up to {MOST_LUMISECTION}"
        raise ValueError(msg)
    said = {name: _finite(row[name]) * factor for name, factor in factors.items()}
    delivered, beams = said.get("delivered"), row.get("beamstatus", "")
    energy = said.get(_ENERGY) or None
    if energy is not None and not 0 < energy <= MOST_ENERGY:
        msg = f"expected an energy from 0 to {MOST_ENERGY:g} GeV"
        raise ValueError(msg)
    return Conditions(
        run=run,
        lumisection=lumisection,
        fill=fill if fill > 0 else None,
        beam_mode=beams,
        beams_stable=beams == STABLE_BEAMS if beams else None,
        luminosity=None if delivered is None else mean_luminosity(delivered),
        pileup=_finite(row["avgpu"]) if row.get("avgpu") else None,
        delivered=delivered,
        recorded=said.get("recorded"),
        energy=energy,
    )


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        msg = f"{text!r} is no finite number"
        raise ValueError(msg)
    return value
