"""Dry runs: what other quality tests would have said of the LSs of a stored run. Blocking.

Both sides judge the same contents, LS by LS as a comparator would have: each LS, each window that
ends with it, and every k-th alone where a test asks for that.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dqmstream.histograms.contents import Contents
from dqmstream.messages.quality import QualityReports, Scope
from dqmstream.quality.compiled import CompiledTest, CompiledWorkspace
from dqmstream.quality.dry_run import Difference
from dqmstream.quality.inputs import References
from dqmstream.quality.numbers import LumisectionNumbers
from dqmstream.quality.triggers import Triggers
from dqmstream.quality.windows import WindowSum
from services.gateway.rejudging import StoredWindow, rejudge, stored_window
from services.gateway.stored_workspace import StoredWorkspace

__all__ = ["DryRun", "Sides", "dry_run"]


class Sides(NamedTuple):
    """Tests in force, and those that are tried, of a workspace; None where there are none."""

    before: CompiledWorkspace | None
    after: CompiledWorkspace | None


@dataclass(slots=True)
class DryRun:
    """What was found, over how many LSs of any workspace, and what is to be known of it."""

    difference: Difference = field(default_factory=Difference)
    lumisections: int = 0
    notes: list[str] = field(default_factory=list)


def dry_run(
    workspaces: Iterable[StoredWorkspace],
    sides_of: Callable[[StoredWorkspace], Sides],
    references: References,
    *,
    last: int | None,
    moment: int,
) -> DryRun:
    """Compare verdicts of the newest LSs.

    Parameters
    ----------
    last
        How many of them; None: the whole run.
    moment
        Wall clock by which references have expired, nanoseconds since 1970.

    Raises
    ------
    StoreError, WindowError
        If contents are gone while they are read.
    """
    found, judged, looks_at_open = DryRun(), set[int](), set[str]()
    for workspace in workspaces:
        sides = sides_of(workspace)
        chosen = set(workspace.closed if last is None else workspace.closed[-last:])
        judged |= chosen
        for reports in _compared(workspace, sides, references, chosen, moment):
            found.difference.add(*reports)
        if sides.after is not None:
            tests = sides.after.of("lumisection")
            looks_at_open |= {one.declared.name for one in tests if one.declared.on != "closed"}
    found.lumisections = len(judged)
    if looks_at_open:
        found.notes.append(
            f"{', '.join(sorted(looks_at_open))}: judged here once an LS is closed; what would be "
            'said of it while it is open (on = "any" or "all") is not stored, and not tried'
        )
    return found


_Pair = tuple[list[QualityReports], list[QualityReports]]


def _compared(
    workspace: StoredWorkspace,
    sides: Sides,
    references: References,
    chosen: set[int],
    moment: int,
) -> Iterable[_Pair]:
    """Reports of both sides on the chosen LSs, and on the windows that end with them."""
    windows, triggers = _Windows(workspace, moment), (Triggers(), Triggers())
    for number in workspace.closed:
        windows.close(number)
        # Of LSs that are not judged, too: what is due depends on what came before.
        due = [_due(side, each, number) for side, each in zip(sides, triggers, strict=True)]
        if number not in chosen:
            continue
        pair: _Pair = ([], [])
        for side, tests, reports in zip(sides, due, pair, strict=True):
            for scope, some in tests.items():
                if side is not None:
                    window, contents = windows.up_to(number, scope)
                    reports.append(rejudge(window, side, references, tests=some, contents=contents))
        yield pair


def _due(
    side: CompiledWorkspace | None, triggers: Triggers, number: int
) -> Mapping[Scope, Sequence[CompiledTest]]:
    """Tests that judge an LS, or a window that ends with it, by scope."""
    found: dict[Scope, Sequence[CompiledTest]] = {}
    for scope in side.scopes if side else ():
        if side is not None and scope == "lumisection":
            found[scope] = triggers.of_lumisection(side, number)
        elif side is not None:
            found[scope] = triggers.of_window(side, scope, number)
    return {scope: tests for scope, tests in found.items() if tests}


class _Windows:
    """Contents of windows that move along a run; both sides judge the same ones."""

    def __init__(self, workspace: StoredWorkspace, moment: int) -> None:
        self._workspace = workspace
        self._moment = moment
        self._sums: dict[Scope, WindowSum] = {}
        self._made: dict[Scope, tuple[StoredWindow, Contents]] = {}
        self._closed = LumisectionNumbers()

    def close(self, number: int) -> None:
        """The next LS is the newest from here on."""
        self._closed.add(number)
        for one in self._sums.values():
            one.count(number)
        self._made.clear()

    def up_to(self, number: int, scope: Scope) -> tuple[StoredWindow, Contents]:
        """The window of a scope that ends with the newest LS."""
        if scope not in self._made:
            workspace = self._workspace
            window = stored_window(workspace, number, scope, self._moment)
            if scope == "lumisection":
                contents = workspace.lumisection(number).contents
            else:
                if scope not in self._sums:
                    self._sums[scope] = WindowSum(workspace.layout, workspace.conditions)
                summed = self._sums[scope]
                summed.move(window.numbers[0], self._closed, workspace.lumisection)
                contents = summed.total.contents
            self._made[scope] = window, contents
        return self._made[scope]
