"""Quality tests as declared in a TOML file: read, checked, frozen.

One `[[quality_test]]` table per test::

    [[quality_test]]
    name = "pixel dead modules"            # unique in the file
    algorithm = "DeadChannel"              # a name of the registry
    workspace = "pixel"                    # glob, default: all
    path = "Pixel/Occupancy/*"             # glob, or regex:...
    scope = "lumisection"                  # or "run", "both", "last", "change"
    lumisections = 5                       # with scope "last": the sum of the last 5 LSs
    since = ["beam_mode"]                  # with scope "change": all since one of these changed
    every = 10                             # judge every 10th LS; default 1
    on = "closed"                          # or "any", "all": judge the open LS too, see below
    min_entries = 1000                     # these three: default is the algorithm's
    warning = 1.0
    error = 0.98
    enabled = true
    run_type = ["pp*", "cosmics"]          # globs, or regex:...; one of them, or a list
    beam_mode = "STABLE BEAMS"             # likewise, of the LS
    parts = ["bpix"]                       # in the run, and switched on
    require = "pileup > 5 and dcs.bpix"    # of the LS; see `dqmstream.quality.gate`
    reference = "2018D"                    # name of choice; default: what the catalogue chooses
    normalise = "entries"                  # or "lumisections", "luminosity", "none"
    false_discovery = true                 # correct its p-values for the number of tests of the LS

    [quality_test.parameters]
    threshold = 0

    [quality_test.alarm]                   # see `dqmstream.quality.alarm_policy`
    severity = "high"
    bad = 2
    of = 3

`on = "any"` judges an open LS too, each time that any partition has brought more of it; `"all"`
once all have since it was judged before. An LS that is closed is always judged.
"""

import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Annotated, Any, Final, Literal

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.messages.quality import Scope
from dqmstream.messages.struct import Value
from dqmstream.quality.alarm_policy import AlarmPolicy
from dqmstream.quality.algorithm import Algorithm, Needs, Parameters
from dqmstream.quality.gate import check_constant, parse_gate
from dqmstream.quality.inputs import Normalise
from dqmstream.quality.pattern import compile_pattern
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.quality.tables import as_struct, likely, refuse_unknown

__all__ = ["QualityTest", "Scope", "Trigger", "default_tests", "read_tests"]

Trigger = Literal["closed", "any", "all"]
"""When an LS is judged: once it is closed; or before too, when any or all partitions have more."""

_TABLE: Final = "quality_test"
_SINCE: Final = ("beam_mode", "prescale_index", "dcs")
_Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Patterns = str | Annotated[list[str], msgspec.Meta(min_length=1, max_length=50)]
_Part = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_]{1,64}$")]
_Scope = Literal["lumisection", "run", "both", "last", "change"]


class QualityTest(Value, frozen=True, kw_only=True):
    """One declared test: an algorithm with parameters on the elements its patterns match.

    A qtresult below `warning` is WARNING, below `error` BAD; fewer than `min_entries` entries are
    INSUFFICIENT. `algorithm` names one of the registry, `parameters` is of its type. An LS that
    does not fulfil `require`, or is not of one of the run types and beam modes, or in which one of
    the `parts` of the detector is out or off, is not judged.
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
    run_type: tuple[str, ...] = ()
    beam_mode: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    every: int = 1
    on: Trigger = "closed"
    reference: str = ""
    normalise: Normalise = "entries"
    false_discovery: bool = True
    alarm: AlarmPolicy = AlarmPolicy()


class _Table(Value, frozen=True, kw_only=True):
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
    false_discovery: bool = True
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    alarm: dict[str, Any] = msgspec.field(default_factory=dict)


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
    refuse_unknown(file, document, [_TABLE])
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
    table = as_struct(where, raw, _Table)
    if table.algorithm not in algorithms:
        hint = likely(table.algorithm, list(algorithms))
        msg = (
            f"{where}: key 'algorithm': {table.algorithm!r} is unknown{hint}; "
            f"expected: {', '.join(sorted(algorithms))}"
        )
        raise ConfigurationError(msg)
    algorithm = algorithms[table.algorithm]
    warning, error = _thresholds(where, table, algorithm)
    for key in ("path", "workspace"):
        _check_pattern(where, key, getattr(table, key))
    _check_compared(where, table, algorithm)
    return QualityTest(
        name=table.name,
        algorithm=table.algorithm,
        path=table.path,
        workspace=table.workspace,
        scopes=_scopes(where, table, algorithm),
        min_entries=algorithm.min_entries if table.min_entries is None else table.min_entries,
        warning=warning,
        error=error,
        enabled=table.enabled,
        require=_required(where, table),
        run_type=_patterns(where, "run_type", table.run_type),
        beam_mode=_patterns(where, "beam_mode", table.beam_mode),
        parts=tuple(table.parts),
        every=table.every,
        on=table.on,
        reference=table.reference or "",
        normalise=table.normalise or "entries",
        false_discovery=table.false_discovery,
        parameters=as_struct(where, table.parameters, algorithm.parameters, "parameters."),
        alarm=as_struct(where, table.alarm, AlarmPolicy, "alarm."),
    )


def _scopes(where: str, table: _Table, algorithm: Algorithm[Any]) -> tuple[Scope, ...]:
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
            names = dict.fromkeys(_SINCE if table.since is None else table.since)
            for name in names:
                try:
                    check_constant(name)
                except ValueError as error:
                    msg = f"{where}: key 'since': {error}"
                    raise ConfigurationError(msg) from error
            return (f"change:{','.join(names)}",)
    return (table.scope,)


def _required(where: str, table: _Table) -> str:
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


def _check_compared(where: str, table: _Table, algorithm: Algorithm[Any]) -> None:
    """Refuse to be told of references by a test that looks at none."""
    needs = {"reference": (Needs.REFERENCE, Needs.BAND), "normalise": (Needs.REFERENCE,)}
    for key, of in needs.items():
        if getattr(table, key) is not None and algorithm.needs not in of:
            msg = f"{where}: key '{key}': {algorithm.name} has no such reference"
            raise ConfigurationError(msg)


def _patterns(where: str, key: str, written: str | list[str]) -> tuple[str, ...]:
    patterns = (written,) if isinstance(written, str) else tuple(written)
    for pattern in patterns:
        _check_pattern(where, key, pattern)
    return patterns


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
