"""For which LSs a reference is good, and when it is not, why."""

from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from dqmstream.messages.operations import Conditions
from dqmstream.messages.references import Reference, Validity

__all__ = ["has_expired", "same_energy", "specificity", "why_not_now", "why_not_valid"]

_ENERGY_TOLERANCE: Final = 0.01
"""Relative: for one fill OMS says 6499, brilcalc 6500; energies that the LHC has run at are further
apart."""
_ALL: Final = "**"


def same_energy(one: float, other: float) -> bool:
    """Whether two energies of a beam are the same to 1 %."""
    return abs(one - other) <= _ENERGY_TOLERANCE * max(abs(one), abs(other))


def specificity(reference: Reference) -> int:
    """How many things a reference asks for: elements, run type, beam mode, energy, prescale column,
    runs. Of two that are good for an LS the one that asks for more was made for it."""
    valid = reference.valid
    runs = valid.first_run is not None or valid.last_run is not None
    asked = (valid.run_types, valid.beam_modes, valid.energies, valid.prescales)
    return sum(map(bool, asked)) + runs + (_ALL not in reference.paths)


def has_expired(reference: Reference, moment: int) -> bool:
    """Whether it is not used any more at a moment, in nanoseconds since 1970."""
    return reference.expires is not None and reference.expires <= moment


def why_not_valid(valid: Validity, run: int, conditions: Conditions | None) -> str:
    """Why a reference is not good for an LS of a run; empty if it is."""
    if valid.first_run is not None and run < valid.first_run:
        return f"is good from run {valid.first_run} on"
    if valid.last_run is not None and run > valid.last_run:
        return f"was good up to run {valid.last_run}"
    asked = (
        ("run type", valid.run_types, conditions.run_type if conditions else ""),
        ("beam mode", valid.beam_modes, conditions.beam_mode if conditions else ""),
        ("prescale column", valid.prescales, conditions.prescale_name if conditions else ""),
    )
    for what, patterns, found in asked:
        if why := _why_not_one(what, patterns, found):
            return why
    return _why_not_energy(valid.energies, conditions.energy if conditions else None)


def why_not_now(reference: Reference, run: int, lumisection: int, moment: int) -> str:
    """Why a reference cannot be compared with at all now; empty if it can.

    Contents are never compared with what they are themselves part of: a run not with itself, an LS
    not with a sum or band that it is in.
    """
    if reference.status != "accepted":
        return f"is {reference.status}"
    if reference.expires is not None and has_expired(reference, moment):
        return f"expired on {_day(reference.expires)}"
    for window in reference.windows:
        if window.run != run:
            continue
        if reference.kind == "run":
            return "is made of this very run"
        if any(first <= lumisection <= last for first, last in window.lumisections):
            return "is made of this very LS"
    return ""


def _why_not_one(what: str, patterns: Sequence[str], found: str) -> str:
    if not patterns or (found and any(fnmatchcase(found, pattern) for pattern in patterns)):
        return ""
    known = repr(found) if found else "not known"
    return f"is good for {what} {' or '.join(patterns)}, which is {known}"


def _why_not_energy(energies: Sequence[float], found: float | None) -> str:
    if not energies or (found is not None and any(same_energy(found, one) for one in energies)):
        return ""
    known = "not known" if found is None else f"{found:g} GeV"
    asked = " or ".join(f"{one:g} GeV" for one in energies)
    return f"is good for beams of {asked}, which is {known}"


def _day(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment / 1e9, UTC):%Y-%m-%d}"
