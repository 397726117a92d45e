"""What may change, and what it may cost: a TOML file. Pure but for reading it.

::

    tolerance = 1e-9                     # relative, of sums of weights, profiles and numbers
    pinned = ["numpy", "awkward*"]       # distributions, or python: another version is a finding

    [statistical]                        # elements that need only agree as two samples do
    paths = ["Pixel/random/**"]
    false_discovery = 0.01               # of those found so many may be chance

    [[allow]]
    what = ["contents", "verdict"]       # kinds of findings
    path = "Pixel/**"                    # of the element; all without it
    workspace = "pixel"
    test = "*"                           # name of the quality test
    why = "the new cluster parameter estimator"

    [budget]                             # of the whole side: more than both together is too much
    time_ratio = 1.5
    time_microseconds = 20.0             # CPU per event
    memory_ratio = 1.25
    memory_mib = 64.0

    [[workspace_budget]]                 # the first whose pattern matches holds
    workspace = "pixel*"
    time_ratio = 2.0

A budget is held while the candidate takes at most production times the ratio, and the number of
its own on top.
"""

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.quality.pattern import compile_pattern, matches
from playback.comparing.finding import UNJUDGED, Finding, Kind

__all__ = [
    "Allow",
    "Budget",
    "Policy",
    "Statistical",
    "WorkspaceBudget",
    "applied",
    "read_policy",
    "unused",
]

_Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
_Why = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
_Ratio = Annotated[float, msgspec.Meta(ge=1.0, le=1e6)]
_More = Annotated[float, msgspec.Meta(ge=0.0, le=1e9)]
_NOT_ALLOWED: Final = frozenset(UNJUDGED)


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Statistical(_Table, frozen=True, kw_only=True):
    """Elements whose contents need only agree as two samples of the same do."""

    paths: tuple[_Pattern, ...] = ()
    false_discovery: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] = 0.01


class Allow(_Table, frozen=True, kw_only=True):
    """Findings that are wanted."""

    what: Annotated[tuple[Kind, ...], msgspec.Meta(min_length=1)]
    why: _Why
    path: _Pattern = "**"
    workspace: _Pattern = "*"
    test: _Pattern = "*"

    def allows(self, finding: Finding) -> bool:
        """Whether it is of this finding. What has no workspace or test is of none that is named."""
        return (
            finding.kind in self.what
            and matches(self.path, finding.subject)
            and (self.workspace == "*" or matches(self.workspace, finding.workspace))
            and (self.test == "*" or matches(self.test, finding.test))
        )


class Budget(_Table, frozen=True, kw_only=True):
    """What the candidate may take more: of the whole side. Seconds are of the CPU, per event."""

    time_ratio: _Ratio = 2.0
    time_microseconds: _More = 50.0
    cpu_ratio: _Ratio = 2.0
    cpu_seconds: _More = 10.0
    memory_ratio: _Ratio = 1.25
    memory_mib: _More = 64.0


class WorkspaceBudget(_Table, frozen=True, kw_only=True):
    """The same of one workspace; `kept_kib` is what each LS may leave behind, `plot_mib` what one
    element may take more. Of the time that passes (`wall`) more is let go, as machines are shared.
    """

    workspace: _Pattern = "*"
    time_ratio: _Ratio = 2.0
    time_microseconds: _More = 20.0
    wall_ratio: _Ratio = 4.0
    wall_microseconds: _More = 500.0
    memory_ratio: _Ratio = 1.5
    memory_mib: _More = 4.0
    kept_kib: _More = 16.0
    plot_ratio: _Ratio = 2.0
    plot_mib: _More = 0.25


class Policy(_Table, frozen=True, kw_only=True):
    """See the module; without a file nothing may change, and the budgets are as they stand here."""

    tolerance: Annotated[float, msgspec.Meta(ge=0.0, le=0.1)] = 1e-9
    pinned: tuple[_Pattern, ...] = ()
    """Of what a side ran in; what is not pinned may differ, and is told."""
    statistical: Statistical = Statistical()
    allow: tuple[Allow, ...] = ()
    budget: Budget = Budget()
    workspace_budget: tuple[WorkspaceBudget, ...] = ()

    def budget_of(self, workspace: str) -> WorkspaceBudget:
        """The first that is of a workspace."""
        own = (one for one in self.workspace_budget if matches(one.workspace, workspace))
        return next(own, WorkspaceBudget())

    def is_statistical(self, path: str) -> bool:
        """Whether an element need only agree as two samples do."""
        return any(matches(pattern, path) for pattern in self.statistical.paths)


def read_policy(file: Path | None) -> Policy:
    """The policy of a TOML file; without one, that of `Policy()`.

    Raises
    ------
    ConfigurationError
        Naming the file and the first thing that is wrong.
    """
    if file is None:
        return Policy()
    try:
        policy = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Policy)
        for number, one in enumerate(policy.allow, start=1):
            _check(one, f"allow {number}")
        patterns = [*policy.pinned, *policy.statistical.paths]
        patterns += [one.workspace for one in policy.workspace_budget]
        for pattern in patterns:
            compile_pattern(pattern)
    except OSError as error:
        msg = f"policy {file}: cannot be read: {error.strerror}"
        raise ConfigurationError(msg) from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, ValueError) as error:
        kinds = ", ".join(kind.value for kind in Kind if kind not in _NOT_ALLOWED)
        hint = f"; kinds are {kinds}" if "enum" in str(error) else ""
        if "unknown field" in str(error) and " - at " not in str(error):
            hint = f"; expected {', '.join(Policy.__struct_fields__)}"
        msg = f"policy {file}: {error}{hint}"
        raise ConfigurationError(msg) from error
    return policy


def _check(rule: Allow, where: str) -> None:
    if never := sorted(_NOT_ALLOWED.intersection(rule.what)):
        msg = f"{where}: {', '.join(never)} can never be allowed: then nothing was judged"
        raise ValueError(msg)
    for pattern in (rule.path, rule.workspace, rule.test):
        compile_pattern(pattern)


def applied(policy: Policy, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings with the rule by which each is allowed. What only people read always is."""
    return tuple(msgspec.structs.replace(one, allowed=_allowed(policy, one)) for one in findings)


def _allowed(policy: Policy, finding: Finding) -> str:
    if finding.kind in _NOT_ALLOWED:
        return ""
    for number, rule in enumerate(policy.allow, start=1):
        if rule.allows(finding):
            return f"rule {number}: {rule.why}"
    return "no number depends on it" if finding.kind is Kind.DESCRIBED else ""


def unused(policy: Policy, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Rules that allowed nothing: they may be left over from an earlier change."""
    return tuple(
        f"rule {number} ({rule.why})"
        for number, rule in enumerate(policy.allow, start=1)
        if not any(rule.allows(one) for one in findings)
    )
