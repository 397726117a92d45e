"""What each plot takes in memory on both sides, and where the candidate's are over budget. Pure.

Bytes are those of the contents of one LS, as one process holds them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.histograms.memory import CELL_BYTES, SCALAR_BYTES
from playback.comparing.bookings import Pair
from playback.comparing.finding import Finding, Kind
from playback.comparing.policy import Policy

__all__ = ["LISTED", "PlotMemory", "plot_findings", "plot_memories", "worth_telling"]

LISTED: Final = 12
"""Plots that are shown because they are the dearest."""
_CHANGED: Final = 200
_KIB: Final = 1 << 10
_MIB: Final = 1 << 20


class PlotMemory(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of an element in each LS; 0 where a side has it not.

    `most` is what its budget allows the candidate.
    """

    workspace: str
    path: str
    production: int
    candidate: int
    most: float

    @property
    def ratio(self) -> float:
        """Candidate over production; infinite if it is new."""
        return self.candidate / self.production if self.production else float("inf")

    @property
    def over(self) -> bool:
        """Whether it is more than its budget."""
        return self.candidate > self.most


def plot_memories(
    pairs: Sequence[Pair],
    production: Mapping[str, Layout],
    candidate: Mapping[str, Layout],
    policy: Policy,
) -> tuple[PlotMemory, ...]:
    """Of all elements of both sides, the dearest first; a new one may take `plot_mib`."""
    before = {(p.candidate_workspace, p.path): _bytes(p.production) for p in pairs}
    known = {(p.production_workspace, p.path) for p in pairs}
    rows = [
        _row(policy, name, place, before.get((name, place.element.path), 0), _bytes(place))
        for name, layout in candidate.items()
        for place in layout
    ]
    rows += [
        _row(policy, name, place, _bytes(place), 0)
        for name, layout in production.items()
        for place in layout
        if (name, place.element.path) not in known
    ]
    rows.sort(key=lambda row: (-max(row.candidate, row.production), row.workspace, row.path))
    return tuple(rows)


def _bytes(place: ElementLayout) -> int:
    return place.size * CELL_BYTES if place.planes else SCALAR_BYTES


def _row(policy: Policy, workspace: str, place: ElementLayout, old: int, new: int) -> PlotMemory:
    budget = policy.budget_of(workspace)
    return PlotMemory(
        workspace=workspace,
        path=place.element.path,
        production=old,
        candidate=new,
        most=old * budget.plot_ratio + budget.plot_mib * _MIB,
    )


def worth_telling(plots: Sequence[PlotMemory]) -> tuple[PlotMemory, ...]:
    """The dearest of either side, and those that changed, by how much they did."""
    dearest = plots[:LISTED]
    changed = [one for one in plots[LISTED:] if one.candidate != one.production]
    changed.sort(key=lambda one: -abs(one.candidate - one.production))
    return (*dearest, *changed[:_CHANGED])


def plot_findings(plots: Sequence[PlotMemory], policy: Policy) -> Iterator[Finding]:
    """Elements that take more memory than they may."""
    for one in sorted(plots, key=lambda row: (row.workspace, row.path)):
        if one.over:
            budget = policy.budget_of(one.workspace)
            before, after = (f"{value / _KIB:.4g} KiB" for value in (one.production, one.candidate))
            yield Finding(
                kind=Kind.PLOT_MEMORY,
                subject=one.path,
                workspace=one.workspace,
                before=before,
                after=after,
                text=(
                    f"memory in each LS from {before} to {after}, its budget is "
                    f"{one.most / _KIB:.4g} KiB (plot_ratio {budget.plot_ratio:g}, plot_mib "
                    f"{budget.plot_mib:g})"
                ),
            )
