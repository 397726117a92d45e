"""What plots cost in memory: as booked, and as fillers and this gateway hold them now."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from dqmstream.histograms.layout import Layout
from dqmstream.histograms.memory import CELL_BYTES, ElementMemory, memory_of
from dqmstream.workspaces.budget import MemoryBudgets
from services.gateway.held import held_by_element, parts_by_workspace
from services.gateway.live import LiveView
from services.gateway.workspace_run import WorkspaceRun

__all__ = ["booked_memory"]

_FILLS: Final = ("starting", "ready")


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
    fillers, parts = _of_fillers(view, now), parts_by_workspace(view)
    rows = []
    for name in names:
        layout = view.catalogue.newest(name)
        if layout is not None:
            rows.append(_row(layout, parts.get(name, ()), fillers.get(name, 0), budgets, largest))
    rows.sort(key=lambda row: (-row["bytes"], row["workspace"]))
    return {"workspaces": rows, "kept_lumisections": view.settings.limits.live_lumisections}


def _row(
    layout: Layout,
    parts: Sequence[WorkspaceRun],
    fillers: int,
    budgets: MemoryBudgets,
    largest: int,
) -> dict[str, Any]:
    cost, held = memory_of(layout), held_by_element(parts)
    cells = layout.cells * CELL_BYTES
    return {
        "workspace": cost.workspace,
        "booking": layout.hash,
        "bytes": cost.bytes,
        "budget": budgets.workspace(cost.workspace),
        "gateway": sum(part.bytes_held for part in parts),
        "fillers": fillers,
        "elements_total": len(cost.elements),
        "elements": [
            _element(row, held[row.path], _share(row, fillers, cells), budgets)
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


def _of_fillers(view: LiveView, now: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for beat in view.pulse.beats(now):
        if beat.state in _FILLS:
            found.update(beat.heartbeat.held)
    return found
