"""What is known of an LS, by the names that quality tests ask for it: `pileup`, `dcs.bpix`."""

import re
from collections.abc import Callable
from typing import Any, Final

from dqmstream.messages.operations import Conditions

__all__ = ["FLAGS", "NUMBERS", "PART", "TEXTS", "check_constant", "lookup", "told", "value_of"]

NUMBERS: Final = (
    "fill",
    "luminosity",
    "pileup",
    "prescale_index",
    "delivered",
    "recorded",
    "energy",
)
TEXTS: Final = ("run_type", "beam_mode", "prescale_name")
FLAGS: Final = ("beams_stable", "physics")
_CONSTANT: Final = ("fill", "prescale_index", *TEXTS, *FLAGS, "dcs")
"""What stays the same from one LS to the next unless something has changed."""
_DCS: Final = "dcs."
PART: Final = "part."

_Value = Callable[[Conditions], Any]


def told(names: tuple[str, ...], conditions: Conditions | None) -> str:
    """What is known under some names: `dcs.bpix=true pileup=43.1`, and ? for what is not."""
    return " ".join(f"{name}={_shown(lookup(name), conditions)}" for name in names)


def value_of(name: str, conditions: Conditions) -> Any:
    """A condition of an LS by its name: `beam_mode`, `dcs.bpix`; None if it is not known."""
    return lookup(name)(conditions)


def check_constant(name: str) -> None:
    """ValueError unless a condition of this name stays the same for many LSs."""
    if name not in _CONSTANT and not re.fullmatch(r"dcs\.[A-Za-z0-9_]{1,64}", name):
        msg = f"{name!r}: expected one of {', '.join(_CONSTANT)}, or dcs.<part>"
        raise ValueError(msg)


def lookup(name: str) -> Callable[[Conditions], Any]:
    """What gives the value of a name; None where it is not known."""
    if name.startswith(_DCS):
        return lambda row: row.dcs.get(name.removeprefix(_DCS))
    if name.startswith(PART):
        return lambda row: _presence(row, name.removeprefix(PART))
    if name == "dcs":
        return _switched_off

    def value(row: Conditions) -> Any:
        found = getattr(row, name)
        return None if found == "" else found

    return value


def _presence(row: Conditions, part: str) -> str | None:
    if not row.dcs:
        return None
    return "out" if part not in row.dcs else "on" if row.dcs[part] else "off"


def _switched_off(row: Conditions) -> str | None:
    """The voltages of all parts as one text."""
    if not row.dcs:
        return None
    off = sorted(part for part, on in row.dcs.items() if not on)
    return f"off: {', '.join(off)}" if off else "all on"


def _shown(value: _Value, conditions: Conditions | None) -> str:
    found = None if conditions is None else value(conditions)
    match found:
        case None:
            return "?"
        case bool():
            return str(found).lower()
        case str():
            return repr(found)
    return f"{found:.6g}"
