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
    same = ["beam_mode"]                   # trends: look only at LSs before with the same
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
from typing import Any, Final

from dqmstream.errors import ConfigurationError
from dqmstream.messages.quality import Scope
from dqmstream.messages.struct import Value
from dqmstream.quality.alarm_policy import AlarmPolicy
from dqmstream.quality.algorithm import Algorithm, Needs, Parameters
from dqmstream.quality.declared_table import (
    Trigger,
    WrittenTest,
    check_compared,
    check_name,
    check_pattern,
    constant,
    patterns,
    required,
    scopes,
    thresholds,
)
from dqmstream.quality.inputs import Normalise
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.quality.tables import as_struct, likely, refuse_unknown

__all__ = ["QualityTest", "Scope", "Trigger", "default_tests", "read_tests"]

_TABLE: Final = "quality_test"


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
    normalise: Normalise | None = "entries"
    """What a reference is scaled by; None, which only tests of bands have: what the band is per."""
    same: tuple[str, ...] = ()
    false_discovery: bool = True
    alarm: AlarmPolicy = AlarmPolicy()


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
    table = as_struct(where, raw, WrittenTest)
    check_name(where, table.name)
    if table.algorithm not in algorithms:
        hint = likely(table.algorithm, list(algorithms))
        msg = (
            f"{where}: key 'algorithm': {table.algorithm!r} is unknown{hint}; "
            f"expected: {', '.join(sorted(algorithms))}"
        )
        raise ConfigurationError(msg)
    algorithm = algorithms[table.algorithm]
    warning, error = thresholds(where, table, algorithm)
    for key in ("path", "workspace"):
        check_pattern(where, key, getattr(table, key))
    try:
        parameters = as_struct(where, table.parameters, algorithm.parameters, "parameters.")
        check_compared(where, table, algorithm, parameters)
    except ConfigurationError:
        raise
    except Exception as unexpected:
        # Both run code of a plug-in, which may raise anything.
        msg = f"{where}: parameters: {algorithm.name} failed to read them: {unexpected!r}"
        raise ConfigurationError(msg) from unexpected
    return QualityTest(
        name=table.name,
        algorithm=table.algorithm,
        path=table.path,
        workspace=table.workspace,
        scopes=scopes(where, table, algorithm),
        min_entries=algorithm.min_entries if table.min_entries is None else table.min_entries,
        warning=warning,
        error=error,
        enabled=table.enabled,
        require=required(where, table),
        run_type=patterns(where, "run_type", table.run_type),
        beam_mode=patterns(where, "beam_mode", table.beam_mode),
        parts=tuple(table.parts),
        every=table.every,
        on=table.on,
        reference=table.reference or "",
        normalise=table.normalise or (None if algorithm.needs is Needs.BAND else "entries"),
        same=constant(where, "same", table.same or ()),
        false_discovery=table.false_discovery,
        parameters=parameters,
        alarm=as_struct(where, table.alarm, AlarmPolicy, "alarm."),
    )


def _refuse_twins(file: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            msg = f"{file}: two quality tests are named {name!r}: reports are told apart by it"
            raise ConfigurationError(msg)
        seen.add(name)
