"""Records as OMS and the Run Registry give them: one of each LS, with OMS's names of fields.

`delivered_lumi` and `recorded_lumi` are sums over the fill up to the *start* of the LS, in /pb: an
LS has what the next one has more. `..._per_lumisection` is said of the LS itself. A prescale index
below 0, a fill of 0 and an energy of 0 stand for "none", and become None. OMS does not say the beam
mode, only whether beams are stable: then it is STABLE BEAMS, else it is not known.

Tables of runs and of fills say the energy of a beam, in GeV, once for all LSs.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from dqmstream.conditions.limits import MOST_ENERGY, MOST_LUMISECTION, MOST_RUN
from dqmstream.conditions.units import OMS_LUMINOSITY, mean_luminosity
from dqmstream.errors import SourceError
from dqmstream.messages.operations import Conditions

__all__ = ["STABLE_BEAMS", "RunFacts", "conditions_of", "fill_energy", "run_of"]

STABLE_BEAMS: Final = "STABLE BEAMS"

Record = Mapping[str, Any]

_READY: Final = "_ready"
_LONGEST: Final = 255


class RunFacts(NamedTuple):
    """What is said of a run as a whole; energy of a beam in GeV."""

    fill: int | None = None
    run_type: str = ""
    energy: float | None = None


def conditions_of(records: Iterable[Record]) -> Iterator[Conditions | SourceError]:
    """Conditions in records of LSs, or why one cannot be used.

    If none has a `lumisection_number`, those of a run are of LS 1, 2, ... in this order, as the
    Run Registry gives them.
    """
    records = list(records)
    numbered = any("lumisection_number" in record for record in records)
    so_far: Counter[int] = Counter()
    waiting: tuple[Record, Conditions] | None = None
    for record in records:
        try:
            read = _conditions(record, None if numbered else so_far)
        except SourceError as error:
            yield error
            continue
        if waiting is not None:
            yield _integrated(*waiting, record, read)
        waiting = record, read
    if waiting is not None:
        yield waiting[1]


def run_of(record: Record) -> tuple[int, RunFacts]:
    """Number and facts in a record of a run: OMS has the mode of L1 and HLT as run type."""
    number = _whole(record, "run_number", 1, MOST_RUN)
    if number is None:
        raise SourceError("no_run", f"record {_shown(record)}: expected a run_number")
    run_type = record.get("l1_hlt_mode")
    run_type = run_type if isinstance(run_type, str) else ""
    return number, RunFacts(_fill(record), run_type, _energy(record))


def fill_energy(record: Record) -> tuple[int, float | None]:
    """Number and energy of a beam in a record of a fill."""
    number = _fill(record)
    if number is None:
        brief = _brief(record.get("fill_number"))
        raise SourceError("no_fill", f"fill_number is {brief}, expected a number from 1 on")
    return number, _energy(record)


def _conditions(record: Record, so_far: Counter[int] | None) -> Conditions:
    """Of one record; `so_far` counts those of each run, where they have no numbers."""
    run = _whole(record, "run_number", 1, MOST_RUN)
    lumisection = None
    if so_far is None:
        lumisection = _whole(record, "lumisection_number", 1, MOST_LUMISECTION)
    elif run is not None:
        so_far[run] += 1
        lumisection = so_far[run]
    if run is None or lumisection is None:
        detail = f"record {_shown(record)}: expected a run_number and a lumisection_number"
        raise SourceError("no_lumisection", detail)
    stable = _stable(record)
    delivered = _number(record, "delivered_lumi_per_lumisection")
    return Conditions(
        run=run,
        lumisection=lumisection,
        fill=_fill(record),
        beam_mode=STABLE_BEAMS if stable else "",
        luminosity=_luminosity(record, delivered),
        pileup=_number(record, "pileup"),
        prescale_index=_none_below(_whole(record, "prescale_index", -(1 << 31), 1 << 31), 0),
        prescale_name=_text(record, "prescale_name"),
        delivered=delivered,
        recorded=_number(record, "recorded_lumi_per_lumisection"),
        beams_stable=stable,
        physics=_flag(record, "physics_flag"),
        energy=_energy(record),
        dcs={
            name.removesuffix(_READY): value
            for name in sorted(record)
            if name.endswith(_READY) and (value := _flag(record, name)) is not None
        },
    )


def _integrated(
    record: Record, read: Conditions, after: Record, next_one: Conditions
) -> Conditions:
    """With what the sums over the fill rise by until the next LS."""
    if (next_one.run, next_one.lumisection) != (read.run, read.lumisection + 1):
        return read
    known = {}
    for name in ("delivered", "recorded"):
        before, then = _number(record, f"{name}_lumi"), _number(after, f"{name}_lumi")
        if getattr(read, name) is None and before is not None and then is not None:
            known[name] = then - before
    # Sums begin anew with a fill: a fall is none of this LS's.
    return msgspec.structs.replace(read, **{name: x for name, x in known.items() if x >= 0})


def _luminosity(record: Record, delivered: float | None) -> float | None:
    ends = [_number(record, name) for name in ("init_lumi", "end_lumi")]
    said = [value for value in ends if value is not None]
    if len(said) == 2:
        return sum(said) / 2 * OMS_LUMINOSITY
    return None if delivered is None else mean_luminosity(delivered)


def _stable(record: Record) -> bool | None:
    if "beams_stable" in record:
        return _flag(record, "beams_stable")
    beams = [_flag(record, f"beam{number}_stable") for number in (1, 2)]
    return None if None in beams else all(beams)


def _fill(record: Record) -> int | None:
    return _none_below(_whole(record, "fill_number", 0, MOST_RUN), 1)


def _energy(record: Record) -> float | None:
    energy = _number(record, "energy")
    if energy is None or energy == 0:
        return None
    if not 0 < energy <= MOST_ENERGY:
        detail = f"energy is {energy:g} in {_shown(record)}, expected 0 to {MOST_ENERGY:g} GeV"
        raise SourceError("bad_value", detail)
    return energy


def _none_below(value: int | None, least: int) -> int | None:
    return None if value is None or value < least else value


def _whole(record: Record, name: str, least: int, most: int) -> int | None:
    value = _number(record, name)
    if value is None:
        return None
    if not value.is_integer() or not least <= value <= most:
        detail = f"{name} is {value:g} in {_shown(record)}, expected {least} to {most}"
        raise SourceError("bad_value", detail)
    return int(value)


def _number(record: Record, name: str) -> float | None:
    value = record.get(name)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:  # an integer of hundreds of digits
            number = math.inf
        if math.isfinite(number):
            return number
    detail = f"{name} is {_brief(value)} in {_shown(record)}, expected a number"
    raise SourceError("bad_value", detail)


def _flag(record: Record, name: str) -> bool | None:
    value = record.get(name)
    if value is None or isinstance(value, bool):
        return value
    detail = f"{name} is {_brief(value)} in {_shown(record)}, expected true or false"
    raise SourceError("bad_value", detail)


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST:
        detail = f"{name} is {_brief(value)} in {_shown(record)}, expected text"
        raise SourceError("bad_value", detail)
    return value


def _shown(record: Record) -> str:
    run, lumisection = record.get("run_number"), record.get("lumisection_number")
    return f"run {_brief(run)} LS {_brief(lumisection)}"


def _brief(value: object) -> str:
    try:
        return f"{value!r:.40}"
    except (ValueError, RecursionError):  # integers of thousands of digits have no text
        return type(value).__name__
