"""Quality tests as declared in a TOML file: read, checked, frozen.

One `[[quality_test]]` table per test::

    [[quality_test]]
    name = "pixel dead modules"            # unique in the file
    algorithm = "DeadChannel"              # a name of the registry
    workspace = "pixel"                    # glob, default: all
    path = "Pixel/Occupancy/*"             # glob, or regex:...
    scope = "lumisection"                  # or "run" or "both"
    min_entries = 1000                     # these three: default is the algorithm's
    warning = 1.0
    error = 0.98
    enabled = true
    require = "beam_mode == 'STABLE BEAMS' and dcs.bpix"   # of the LS; see `dqmstream.quality.gate`

    [quality_test.parameters]
    threshold = 0
"""

import difflib
import math
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.messages.struct import Value
from dqmstream.quality.algorithm import Algorithm, Parameters
from dqmstream.quality.gate import parse_gate
from dqmstream.quality.pattern import compile_pattern
from dqmstream.quality.registry import ALGORITHMS

__all__ = ["QualityTest", "Scope", "default_tests", "read_tests"]

Scope = Literal["lumisection", "run"]

_TABLE: Final = "quality_test"
StructT = TypeVar("StructT", bound=msgspec.Struct)
_Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class QualityTest(Value, frozen=True, kw_only=True):
    """One declared test: an algorithm with parameters on the elements its patterns match.

    A qtresult below `warning` is WARNING, below `error` BAD; fewer than `min_entries` entries are
    INSUFFICIENT. `algorithm` names one of the registry, `parameters` is of its type. An LS that
    does not fulfil `require` is not judged.
    """

    name: str
    algorithm: str
    path: str
    workspace: str
    scopes: tuple[Scope, ...]
    min_entries: int
    warning: float
    error: float
    enabled: bool
    parameters: Parameters
    require: str = ""


class _Table(Value, frozen=True, kw_only=True):
    """A table of the file as written."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    algorithm: str
    path: str
    workspace: str = "*"
    scope: Literal["lumisection", "run", "both"] = "lumisection"
    min_entries: Annotated[int, msgspec.Meta(ge=0)] | None = None
    warning: _Fraction | None = None
    error: _Fraction | None = None
    enabled: bool = True
    require: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)


def default_tests() -> tuple[QualityTest, ...]:
    """The tests of the workspaces that come with this release (`quality/default.toml`)."""
    file = resources.files("dqmstream.quality") / "default.toml"
    return read_tests(file.read_text(encoding="utf-8"), "default.toml")


def read_tests(
    text: str, file: str, algorithms: Mapping[str, Algorithm[Any]] = ALGORITHMS
) -> tuple[QualityTest, ...]:
    """The quality tests declared in a TOML file.

    Parameters
    ----------
    text, file
        Its text, and its name for messages.
    algorithms
        Algorithms by name: `ALGORITHMS`, and a plug-in's own beside them.

    Raises
    ------
    ConfigurationError
        Naming file, test and key of the first thing wrong.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{file}: not TOML: {error}"
        raise ConfigurationError(msg) from error
    _refuse_unknown(file, document, [_TABLE])
    tables = document.get(_TABLE, [])
    if not isinstance(tables, list):
        msg = f"{file}: expected tables [[{_TABLE}]], got {type(tables).__name__}"
        raise ConfigurationError(msg)
    tests = tuple(
        _read_test(_where(file, position, table), table, algorithms)
        for position, table in enumerate(tables, 1)
    )
    _refuse_twins(file, [test.name for test in tests])
    return tests


def _where(file: str, position: int, table: Any) -> str:
    name = table.get("name") if isinstance(table, dict) else None
    return f"{file}: quality test {name!r}" if name else f"{file}: quality test number {position}"


def _read_test(where: str, raw: Any, algorithms: Mapping[str, Algorithm[Any]]) -> QualityTest:
    if not isinstance(raw, dict):
        msg = f"{where}: expected a table, got {type(raw).__name__}"
        raise ConfigurationError(msg)
    table = _converted(where, raw, _Table)
    if table.algorithm not in algorithms:
        hint = _close(table.algorithm, list(algorithms))
        msg = (
            f"{where}: key 'algorithm': {table.algorithm!r} is unknown{hint}; "
            f"expected: {', '.join(sorted(algorithms))}"
        )
        raise ConfigurationError(msg)
    algorithm = algorithms[table.algorithm]
    warning, error = _thresholds(where, table, algorithm)
    for key in ("path", "workspace"):
        _check_pattern(where, key, getattr(table, key))
    return QualityTest(
        name=table.name,
        algorithm=table.algorithm,
        path=table.path,
        workspace=table.workspace,
        scopes=("lumisection", "run") if table.scope == "both" else (table.scope,),
        min_entries=algorithm.min_entries if table.min_entries is None else table.min_entries,
        warning=warning,
        error=error,
        enabled=table.enabled,
        require=_required(where, table),
        parameters=_converted(where, table.parameters, algorithm.parameters, "parameters."),
    )


def _required(where: str, table: _Table) -> str:
    if table.require is None:
        return ""
    if table.scope != "lumisection":
        msg = (
            f"{where}: key 'require': conditions are those of an LS, and the scope is "
            f"{table.scope!r}: expected 'lumisection'"
        )
        raise ConfigurationError(msg)
    try:
        return parse_gate(table.require).text
    except ValueError as error:
        msg = f"{where}: key 'require': {error}"
        raise ConfigurationError(msg) from error


def _thresholds(where: str, table: _Table, algorithm: Algorithm[Any]) -> tuple[float, float]:
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


def _converted(where: str, raw: dict[str, Any], kind: type[StructT], prefix: str = "") -> StructT:
    """A table as a struct, or a ConfigurationError naming the key."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    _refuse_unknown(where, raw, list(fields), prefix)
    for key, value in raw.items():
        if isinstance(value, float) and math.isnan(value):
            msg = f"{where}: key '{prefix}{key}': expected a number, got nan"
            raise ConfigurationError(msg)
        try:
            msgspec.convert(value, fields[key].type)
        except msgspec.ValidationError as error:
            msg = f"{where}: key '{prefix}{key}': {error}, got {value!r}"
            raise ConfigurationError(msg) from error
    missing = [key for key, field in fields.items() if field.required and key not in raw]
    if missing:
        msg = f"{where}: key '{prefix}{missing[0]}' is missing"
        raise ConfigurationError(msg)
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        msg = f"{where}: {prefix.rstrip('.') or 'table'}: {error}"
        raise ConfigurationError(msg) from error


def _refuse_unknown(
    where: str, raw: Mapping[str, Any], known: Sequence[str], prefix: str = ""
) -> None:
    for key in raw:
        if key not in known:
            msg = (
                f"{where}: key '{prefix}{key}' is unknown{_close(key, known)}; "
                f"expected: {', '.join(known)}"
            )
            raise ConfigurationError(msg)


def _close(word: str, known: Sequence[str]) -> str:
    """The one likely meant, as the end of a clause."""
    lowered = {name.lower(): name for name in known}
    matches = difflib.get_close_matches(word.lower(), lowered, n=1)
    return f", did you mean {lowered[matches[0]]!r}?" if matches else ""


def _check_pattern(where: str, key: str, pattern: str) -> None:
    try:
        compile_pattern(pattern)
    except ValueError as error:
        msg = f"{where}: key '{key}': {error}"
        raise ConfigurationError(msg) from error


def _refuse_twins(file: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            msg = f"{file}: two quality tests are named {name!r}: reports are told apart by it"
            raise ConfigurationError(msg)
        seen.add(name)
