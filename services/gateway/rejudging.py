"""Judging what is stored once more: by other tests, or again as it was judged. Blocking."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dqmstream.histograms.contents import Contents
from dqmstream.messages.quality import QualityReports, Scope
from dqmstream.quality.compiled import CompiledTest, CompiledWorkspace
from dqmstream.quality.inputs import Accepted, Exposure, Inputs, Past
from dqmstream.quality.inputs import References as AskReferences
from dqmstream.quality.judgement import judge
from dqmstream.quality.windows import begin_of
from services.gateway.stored_workspace import StoredWorkspace

__all__ = ["StoredWindow", "rejudge", "stored_window"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredWindow:
    """LSs of a workspace that are judged together: those in `numbers`, up to `lumisection`."""

    workspace: StoredWorkspace
    lumisection: int
    scope: Scope
    numbers: tuple[int, ...]
    complete: bool
    versions: tuple[int, ...] = ()
    first: int | None = None
    missing: tuple[tuple[int, int], ...] = ()
    made: int = 0


def stored_window(
    workspace: StoredWorkspace, lumisection: int, scope: Scope, made: int = 0
) -> StoredWindow:
    """The window of a scope that ends with an LS, as far as it is stored."""
    stored = [number for number in workspace.closed if number <= lumisection]
    is_one = scope == "lumisection"
    first = lumisection if is_one else begin_of(scope, stored, workspace.conditions)
    numbers = tuple(number for number in stored if number >= first)
    there = set(numbers)
    gaps = tuple((n, n) for n in range(first, lumisection + 1) if n not in there)
    return StoredWindow(
        workspace=workspace,
        lumisection=lumisection,
        scope=scope,
        numbers=numbers,
        complete=not gaps and all(workspace.record(number).complete for number in numbers),
        first=first,
        missing=gaps,
        made=made,
    )


def rejudge(
    window: StoredWindow,
    compiled: CompiledWorkspace,
    references: AskReferences,
    *,
    tests: Sequence[CompiledTest] | None = None,
    contents: Contents | None = None,
    past: Callable[[int, Accepted], Sequence[Past]] | None = None,
) -> QualityReports:
    """Reports on a window of what is stored.

    Parameters
    ----------
    tests
        By default all of the scope.
    contents
        Of the window, if they are at hand.
    past
        LSs before it; by default those that are stored.

    Raises
    ------
    StoreError, WindowError
        If something of it is no longer there, or cannot be summed.
    """
    workspace = window.workspace
    return judge(
        contents or workspace.contents(window.scope, window.numbers),
        compiled,
        scope=window.scope,
        set_hash=workspace.set,
        run=workspace.run,
        lumisection=window.lumisection,
        complete=window.complete,
        versions=window.versions,
        made=window.made,
        conditions=workspace.conditions(window.lumisection),
        first_lumisection=window.first,
        missing=window.missing,
        tests=tests,
        inputs=Inputs(
            references=references,
            past=past or workspace.past(window.lumisection),
            exposure=Exposure.of(window.numbers, workspace.conditions),
        ),
    )
