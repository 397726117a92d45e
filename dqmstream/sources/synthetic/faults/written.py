"""Faults as text, for the command line, and as tables, for scenarios."""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.faults.dead import DeadModule, VoltageTrip
from dqmstream.sources.synthetic.faults.disagreement import Disagreement
from dqmstream.sources.synthetic.faults.fault import Fault
from dqmstream.sources.synthetic.faults.noise import HotChannel, NoiseBurst
from dqmstream.sources.synthetic.faults.running import PrescaleChange, RateDrop
from dqmstream.sources.synthetic.faults.shifts import GainDrift, TimingShift
from dqmstream.sources.synthetic.faults.sources import (
    AlteredChunks,
    LateSource,
    MissingSource,
    RepeatedChunks,
)

__all__ = ["KINDS", "fault_of_table", "parameters_of", "parse_fault"]

_ALL: Final[tuple[type[Fault], ...]] = (
    DeadModule,
    HotChannel,
    NoiseBurst,
    TimingShift,
    VoltageTrip,
    GainDrift,
    RateDrop,
    PrescaleChange,
    Disagreement,
    MissingSource,
    LateSource,
    RepeatedChunks,
    AlteredChunks,
)
KINDS: Final[Mapping[str, type[Fault]]] = {one.kind: one for one in _ALL}
"""All faults by the first word of their text."""

_SCHEDULE: Final = re.compile(r"(?P<first>\d{1,9})(?P<dash>-)?(?P<last>\d{1,9})?")
_BOUNDS: Final = {"first": "first_lumisection", "last": "last_lumisection"}


def parse_fault(text: str) -> Fault:
    """A fault out of its text.

    Raises
    ------
    ConfigurationError
        If the text has another form, or names what is not there.
    """
    head, at, schedule = text.strip().partition("@")
    word = re.match(r"[a-z]*", head)
    kind = KINDS.get(word[0] if word else "")
    if kind is None:
        forms = ", ".join(f"'{one.form}'" for one in _ALL)
        msg = f"fault {text!r}: expected one of {forms}, each with @FIRST-LAST"
        raise ConfigurationError(msg)
    what = kind.pattern.fullmatch(head[len(kind.kind) :])
    when = _SCHEDULE.fullmatch(schedule)
    if what is None or (at and when is None):
        msg = f"fault {text!r}: expected '{kind.form}' and a schedule as @5-9, @5- or @5"
        raise ConfigurationError(msg)
    groups = what.groupdict().items()
    values: dict[str, Any] = {name: v.removeprefix("+") for name, v in groups if v is not None}
    if when is not None:
        last = when["last"] or (None if when["dash"] else when["first"])
        values |= {"first_lumisection": when["first"]}
        values |= {} if last is None else {"last_lumisection": last}
    return _made(kind, values, f"fault {text!r}", strict=False)


def fault_of_table(table: Mapping[str, Any], where: str) -> Fault:
    """A fault out of a TOML table: `kind`, `first`, `last` and the parameters of its class.

    Parameters
    ----------
    where
        File and place, for messages.

    Raises
    ------
    ConfigurationError
        If a key is unknown or missing, or a value is of another type or out of range.
    """
    kind = KINDS.get(str(table.get("kind", "")))
    if kind is None:
        msg = f"{where}: kind is {table.get('kind')!r}, expected one of {', '.join(KINDS)}"
        raise ConfigurationError(msg)
    names = {name: name for name in parameters_of(kind)} | _BOUNDS
    unknown = sorted(set(table) - set(names) - {"kind"})
    if unknown:
        msg = f"{where}: key {unknown[0]!r} is unknown, expected some of kind, {', '.join(names)}"
        raise ConfigurationError(msg)
    values = {names[key]: value for key, value in table.items() if key != "kind"}
    return _made(kind, values, where, strict=True)


def parameters_of(kind: type[Fault]) -> tuple[str, ...]:
    """Names of what a kind of fault has besides its schedule."""
    own = (field.name for field in fields(kind))
    return tuple(name for name in own if name not in _BOUNDS.values())


def _made(kind: type[Fault], values: Mapping[str, Any], where: str, *, strict: bool) -> Fault:
    try:
        return msgspec.convert(values, kind, strict=strict)
    except (msgspec.ValidationError, ConfigurationError) as error:
        msg = f"{where}: {error}"
        raise ConfigurationError(msg) from error
