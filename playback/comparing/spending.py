"""What both sides cost, and where the candidate is over its budget. Pure."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from playback.comparing.finding import Finding, Kind
from playback.comparing.policy import Policy, WorkspaceBudget
from playback.comparing.results import Costs, LogLine, WorkspaceCosts

__all__ = ["Figure", "cost_findings", "figures", "log_findings"]

_MICRO: Final = 1e6
_MIB: Final = 1 << 20
_KIB: Final = 1 << 10
_NONE: Final = WorkspaceCosts(workspace="")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number of both sides; `most` is what its budget allows the candidate, None for no bound.

    `workspace` is empty for the whole side.
    """

    kind: Kind
    workspace: str
    what: str
    unit: str
    production: float
    candidate: float
    most: float | None = None

    @property
    def ratio(self) -> float:
        """Candidate over production; 1 if both are 0."""
        if self.production:
            return self.candidate / self.production
        return 1.0 if not self.candidate else float("inf")

    @property
    def over(self) -> bool:
        """Whether it is more than its budget."""
        return self.most is not None and self.candidate > self.most


def figures(production: Costs, candidate: Costs, policy: Policy) -> tuple[Figure, ...]:
    """All that was measured of both sides: of the whole side first, then by workspace."""
    old = {one.workspace: one for one in production.workspaces}
    new = {one.workspace: one for one in candidate.workspaces}
    found = list(_whole(production, candidate, policy))
    for name in sorted(old.keys() & new.keys()):
        found += _of_workspace(old[name], new[name], policy.budget_of(name))
    return tuple(found)


def _whole(old: Costs, new: Costs, policy: Policy) -> Iterator[Figure]:
    budget = policy.budget
    yield _figure(
        Kind.TIME,
        "",
        ("filling, CPU per event", "us"),
        (_median(old.cpu_per_event) * _MICRO, _median(new.cpu_per_event) * _MICRO),
        (budget.time_ratio, budget.time_microseconds),
    )
    yield _figure(
        Kind.TIME,
        "",
        ("decoding, CPU per event", "us"),
        (old.decoding * _MICRO, new.decoding * _MICRO),
    )
    yield _figure(
        Kind.CPU,
        "",
        ("CPU in all", "s"),
        (old.cpu, new.cpu),
        (budget.cpu_ratio, budget.cpu_seconds),
    )
    yield _figure(Kind.CPU, "", ("time in all", "s"), (old.wall, new.wall))
    yield _figure(
        Kind.MEMORY,
        "",
        ("highest memory", "MiB"),
        (old.memory / _MIB, new.memory / _MIB),
        (budget.memory_ratio, budget.memory_mib),
    )


def _of_workspace(
    old: WorkspaceCosts, new: WorkspaceCosts, budget: WorkspaceBudget
) -> Iterator[Figure]:
    name = new.workspace
    yield _figure(
        Kind.TIME,
        name,
        ("filling, CPU per event", "us"),
        (_median(old.cpu) * _MICRO, _median(new.cpu) * _MICRO),
        (budget.time_ratio, budget.time_microseconds),
    )
    yield _figure(
        Kind.TIME,
        name,
        ("filling, time per event", "us"),
        (_median(old.wall) * _MICRO, _median(new.wall) * _MICRO),
        (budget.wall_ratio, budget.wall_microseconds),
    )
    yield _figure(
        Kind.TIME, name, ("judging, CPU per LS", "ms"), (old.judging * 1e3, new.judging * 1e3)
    )
    yield _figure(
        Kind.MEMORY,
        name,
        ("memory", "KiB"),
        (_held(old) / _KIB, _held(new) / _KIB),
        (budget.memory_ratio, budget.memory_mib * 1024),
    )
    yield _figure(
        Kind.LEAK,
        name,
        ("kept of each LS", "KiB"),
        (old.kept / _KIB, new.kept / _KIB),
        (1.0, budget.kept_kib),
    )


def _held(costs: WorkspaceCosts) -> int:
    return costs.booked + costs.made + costs.working


def _figure(
    kind: Kind,
    workspace: str,
    named: tuple[str, str],
    values: tuple[float, float],
    budget: tuple[float, float] | None = None,
) -> Figure:
    most = None if budget is None else max(values[0], 0.0) * budget[0] + budget[1]
    return Figure(
        kind=kind,
        workspace=workspace,
        what=named[0],
        unit=named[1],
        production=values[0],
        candidate=values[1],
        most=most,
    )


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0


def cost_findings(measured: Sequence[Figure]) -> Iterator[Finding]:
    """Figures that are over their budget."""
    for one in measured:
        if one.over:
            yield Finding(
                kind=one.kind,
                subject=one.workspace or "candidate",
                workspace=one.workspace,
                before=f"{one.production:.4g} {one.unit}",
                after=f"{one.candidate:.4g} {one.unit}",
                text=(
                    f"{one.what} from {one.production:.4g} to {one.candidate:.4g} {one.unit}, "
                    f"its budget is {one.most:.4g} {one.unit}"
                ),
            )


def log_findings(production: Sequence[LogLine], candidate: Sequence[LogLine]) -> Iterator[Finding]:
    """Kinds of lines that are new, or come more often."""
    old = {(one.level, one.logger, one.text): one.count for one in production}
    for one in candidate:
        before = old.get((one.level, one.logger, one.text), 0)
        if one.count > before:
            yield Finding(
                kind=Kind.LOGGED,
                subject=one.logger,
                text=f"{one.level} {before} to {one.count} times: {one.first[:300]}",
            )
