"""For which LSs a reference is good, and when it is not, why."""

from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from dqmstream.messages.operations import Conditions
from dqmstream.messages.references import Reference, Validity

__all__ = ["why_not_now", "why_not_valid"]


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
    return ""


def why_not_now(reference: Reference, run: int, lumisection: int, moment: int) -> str:
    """Why a reference cannot be compared with at all now; empty if it can.

    Contents are never compared with what they are themselves part of: a run not with itself, an LS
    not with a sum or band that it is in.
    """
    if reference.status != "accepted":
        return f"is {reference.status}"
    if reference.expires is not None and reference.expires <= moment:
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


def _day(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment / 1e9, UTC):%Y-%m-%d}"
