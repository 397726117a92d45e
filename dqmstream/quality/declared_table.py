"""A table of the file of quality tests as it is written, and what its keys mean together."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.messages.quality import Scope
from dqmstream.messages.struct import Value
from dqmstream.quality.algorithm import Algorithm, Needs, Parameters
from dqmstream.quality.condition_names import check_constant
from dqmstream.quality.gate import parse_gate
from dqmstream.quality.inputs import Normalise
from dqmstream.quality.pattern import compile_pattern

__all__ = [
    "Trigger",
    "WrittenTest",
    "check_compared",
    "check_name",
    "check_pattern",
    "constant",
    "patterns",
    "required",
    "scopes",
    "thresholds",
    "usable_name",
]

Trigger = Literal["closed", "any", "all"]
"""When an LS is judged: once it is closed; or before too, when any or all partitions have more."""

_SINCE: Final = ("beam_mode", "prescale_index", "dcs")
_Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Patterns = str | Annotated[list[str], msgspec.Meta(min_length=1, max_length=50)]
_Part = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_]{1,64}$")]
_SCOPED: Final = re.compile(r"@(lumisection|run|last:[^@]*|change:[^@]*)$")
_Scope = Literal["lumisection", "run", "both", "last", "change"]


class WrittenTest(Value, frozen=True, kw_only=True):
    """A table of the file as written."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    algorithm: str
    path: str
    workspace: str = "*"
    scope: _Scope = "lumisection"
    lumisections: Annotated[int, msgspec.Meta(ge=2, le=1000)] | None = None
    since: Annotated[list[str], msgspec.Meta(min_length=1, max_length=10)] | None = None
    every: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    on: Trigger = "closed"
    min_entries: Annotated[int, msgspec.Meta(ge=0)] | None = None
    warning: _Fraction | None = None
    error: _Fraction | None = None
    enabled: bool = True
    run_type: _Patterns = msgspec.field(default_factory=list)
    beam_mode: _Patterns = msgspec.field(default_factory=list)
    parts: Annotated[list[_Part], msgspec.Meta(max_length=50)] = msgspec.field(default_factory=list)
    require: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    reference: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    normalise: Normalise | None = None
    same: Annotated[list[str], msgspec.Meta(min_length=1, max_length=10)] | None = None
    false_discovery: bool = True
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    alarm: dict[str, Any] = msgspec.field(default_factory=dict)


def check_name(where: str, name: str) -> None:
    """ConfigurationError if an alarm or a report could not be told by the name of its test."""
    if not name.isprintable():
        what = "has characters that cannot be printed"
    elif _SCOPED.search(name):
        what = "ends as a scope does, which stands behind names of tests in those of alarms"
    else:
        return
    msg = f"{where}: key 'name': {name!r} {what}"
    raise ConfigurationError(msg)


def usable_name(name: str) -> str:
    """A name of as many characters that `check_name` takes."""
    printable = "".join(one if one.isprintable() else " " for one in name)
    return printable.replace("@", " ") if _SCOPED.search(printable) else printable


def scopes(where: str, table: WrittenTest, algorithm: Algorithm[Any]) -> tuple[Scope, ...]:
    """Scopes as reports name them."""
    for key, scope in (("lumisections", "last"), ("since", "change")):
        if getattr(table, key) is not None and table.scope != scope:
            msg = f"{where}: key '{key}': only for the scope {scope!r}, which is {table.scope!r}"
            raise ConfigurationError(msg)
    if table.scope != "lumisection" and (algorithm.needs is Needs.PAST or table.on != "closed"):
        what = f"on = {table.on!r}" if table.on != "closed" else f"{algorithm.name} on LSs before"
        msg = f"{where}: key 'scope': {what}: expected 'lumisection', got {table.scope!r}"
        raise ConfigurationError(msg)
    match table.scope:
        case "both":
            return ("lumisection", "run")
        case "last" if table.lumisections is None:
            msg = f"{where}: key 'lumisections' is missing: how many the scope 'last' sums"
            raise ConfigurationError(msg)
        case "last":
            return (f"last:{table.lumisections}",)
        case "change":
            names = constant(where, "since", _SINCE if table.since is None else table.since)
            return (f"change:{','.join(names)}",)
    return (table.scope,)


def constant(where: str, key: str, names: Sequence[str]) -> tuple[str, ...]:
    """Names of conditions that stay the same for many LSs, each once."""
    for name in names:
        try:
            check_constant(name)
        except ValueError as error:
            msg = f"{where}: key '{key}': {error}"
            raise ConfigurationError(msg) from error
    return tuple(dict.fromkeys(names))


def required(where: str, table: WrittenTest) -> str:
    """The expression of `require`, checked; ConfigurationError if the scope has no such LS."""
    for key in ("require", "beam_mode", "parts"):
        if getattr(table, key) and table.scope in {"run", "both"}:
            msg = (
                f"{where}: key '{key}': conditions are those of an LS, and the scope is "
                f"{table.scope!r}: expected 'lumisection', 'last' or 'change'"
            )
            raise ConfigurationError(msg)
    if table.require is None:
        return ""
    try:
        return parse_gate(table.require).text
    except ValueError as error:
        msg = f"{where}: key 'require': {error}"
        raise ConfigurationError(msg) from error


def check_compared(
    where: str, table: WrittenTest, algorithm: Algorithm[Any], parameters: Parameters
) -> None:
    """Refuse to be told of references, or of LSs before, by a test that looks at none."""
    compared = {
        "reference": algorithm.needs in {Needs.REFERENCE, Needs.BAND},
        "normalise": algorithm.needs in {Needs.REFERENCE, Needs.BAND}
        or algorithm.counts(parameters),
        "same": algorithm.needs is Needs.PAST,
    }
    for key, is_compared in compared.items():
        if getattr(table, key) is not None and not is_compared:
            what = "looks at no LSs before" if key == "same" else "has no such reference"
            msg = f"{where}: key '{key}': {algorithm.name} {what}"
            raise ConfigurationError(msg)
    if algorithm.counts(parameters) and table.normalise in {"entries", "none"}:
        msg = (
            f"{where}: key 'normalise': {algorithm.name} compares numbers of entries with those of "
            f"LSs before: expected 'lumisections' or 'luminosity', got {table.normalise!r}"
        )
        raise ConfigurationError(msg)


def patterns(where: str, key: str, written: str | list[str]) -> tuple[str, ...]:
    """Patterns of a key, checked."""
    found = (written,) if isinstance(written, str) else tuple(written)
    for pattern in found:
        check_pattern(where, key, pattern)
    return found


def thresholds(where: str, table: WrittenTest, algorithm: Algorithm[Any]) -> tuple[float, float]:
    """Warning and error; one that is not given is the default, or the other if that is beyond."""
    warning, error = table.warning, table.error
    if warning is None:
        warning = algorithm.warning if error is None else max(algorithm.warning, error)
    if error is None:
        error = min(algorithm.error, warning)
    if error > warning:
        msg = (
            f"{where}: key 'error': {error:g} is above warning {warning:g}, "
            "but the lower a qtresult the worse"
        )
        raise ConfigurationError(msg)
    return warning, error


def check_pattern(where: str, key: str, pattern: str) -> None:
    """ConfigurationError unless a pattern can be read."""
    try:
        compile_pattern(pattern)
    except ValueError as error:
        msg = f"{where}: key '{key}': {error}"
        raise ConfigurationError(msg) from error
