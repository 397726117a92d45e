"""What the live view holds in memory: by workspace, and by its largest elements."""

from collections import defaultdict
from typing import Any, Final

from services.gateway.live import LiveView
from services.gateway.workspace_run import WorkspaceRun

__all__ = ["held_memory"]

_CELL: Final = 8
"""Bytes of a cell: a float64 or an int64."""


def held_memory(view: LiveView, largest: int) -> dict[str, Any]:
    """Bytes of the contents of LSs in memory, the largest first.

    Of an element only what its cells take of each LS that is held; sums over windows, which are
    made when somebody looks, come on top and are not told.

    Parameters
    ----------
    largest
        How many elements of each workspace are told, those that take most.
    """
    parts: dict[str, list[WorkspaceRun]] = defaultdict(list)
    for run in view.runs.values():
        for part in run.all_workspace_runs():
            parts[part.layout.workspace].append(part)
    rows = [_row(name, found, largest) for name, found in parts.items()]
    rows.sort(key=lambda row: (-row["bytes"], row["workspace"]))
    return {
        "budget": view.settings.limits.live_bytes,
        "held": sum(row["bytes"] for row in rows),
        "workspaces": rows,
    }


def _row(workspace: str, parts: list[WorkspaceRun], largest: int) -> dict[str, Any]:
    cells: dict[str, int] = defaultdict(int)
    for part in parts:
        held = len(part.in_memory())
        for element in part.layout.elements:
            cells[element.element.path] += element.size * held
    order = sorted(cells, key=lambda path: (-cells[path], path))[:largest]
    return {
        "workspace": workspace,
        "runs": len({part.run for part in parts}),
        "lumisections": sum(len(part.in_memory()) for part in parts),
        "bytes": sum(part.bytes_held for part in parts),
        "elements": [{"path": path, "bytes": cells[path] * _CELL} for path in order],
    }
