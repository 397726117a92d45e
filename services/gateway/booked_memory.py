"""What plots cost in memory: as booked, and as fillers and this gateway hold them now."""

from collections import Counter
from typing import Any, Final, NamedTuple

from dqmstream.histograms.layout import Layout
from dqmstream.histograms.memory import CELL_BYTES, ElementMemory, memory_of
from dqmstream.workspaces.budget import MemoryBudgets
from services.gateway.live import LiveView
from services.gateway.workspace_run import WorkspaceRun

__all__ = ["booked_memory"]

_FILLS: Final = ("starting", "ready")


class _Held(NamedTuple):
    """Contents of a workspace in this gateway: bytes by path, and bytes of all."""

    elements: Counter[str]
    whole: int


def booked_memory(
    view: LiveView, budgets: MemoryBudgets, now: int, *, workspace: str, largest: int
) -> dict[str, Any]:
    """Workspaces by what one LS of them takes, the dearest first; their elements alike.

    Parameters
    ----------
    budgets
        Of this gateway's settings.
    now
        Wall clock, nanoseconds since 1970: fillers that are silent hold nothing that is known.
    workspace
        Only this one; empty takes all.
    largest
        How many elements of each are told.
    """
    names = [name for name in view.catalogue.workspaces() if workspace in {"", name}]
    fillers = _of_fillers(view, now)
    rows = []
    for name in names:
        layout = view.catalogue.newest(name)
        if layout is not None:
            rows.append(_row(layout, _held(view, name), fillers.get(name, 0), budgets, largest))
    rows.sort(key=lambda row: (-row["bytes"], row["workspace"]))
    return {"workspaces": rows, "kept_lumisections": view.settings.limits.live_lumisections}


def _row(
    layout: Layout, held: _Held, fillers: int, budgets: MemoryBudgets, largest: int
) -> dict[str, Any]:
    cost = memory_of(layout)
    cells = layout.cells * CELL_BYTES
    return {
        "workspace": cost.workspace,
        "booking": layout.hash,
        "bytes": cost.bytes,
        "budget": budgets.workspace(cost.workspace),
        "gateway": held.whole,
        "fillers": fillers,
        "elements_total": len(cost.elements),
        "elements": [
            _element(row, held.elements[row.path], _share(row, fillers, cells), budgets)
            for row in cost.elements[:largest]
        ],
    }


def _element(
    row: ElementMemory, gateway: int, fillers: int, budgets: MemoryBudgets
) -> dict[str, Any]:
    return {
        **row._asdict(),
        "budget": budgets.element(row.path),
        "gateway": gateway,
        "fillers": fillers,
    }


def _share(row: ElementMemory, held: int, cells: int) -> int:
    """Of the cells that fillers hold of a workspace those of an element: all are held together."""
    return held * row.bytes // cells if row.bins and cells else 0


def _held(view: LiveView, workspace: str) -> _Held:
    elements: Counter[str] = Counter()
    whole = 0
    for run in view.runs.values():
        for part in run.all_workspace_runs():
            if part.layout.workspace == workspace:
                elements += _of_part(part)
                whole += part.bytes_held
    return _Held(elements, whole)


def _of_part(part: WorkspaceRun) -> Counter[str]:
    held = len(part.in_memory())
    return Counter({each.element.path: each.size * CELL_BYTES * held for each in part.layout})


def _of_fillers(view: LiveView, now: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for beat in view.pulse.beats(now):
        if beat.state in _FILLS:
            found.update(beat.heartbeat.held)
    return found
