"""What the live view holds in memory: by workspace, and by its largest elements."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from dqmstream.histograms.memory import CELL_BYTES
from services.gateway.live import LiveView
from services.gateway.workspace_run import WorkspaceRun

__all__ = ["held_by_element", "held_memory", "parts_by_workspace"]


def held_memory(view: LiveView, largest: int) -> dict[str, Any]:
    """Bytes of the contents of LSs in memory, the largest first.

    Of an element only what its cells take of each LS that is held; sums over windows, which are
    made when somebody looks, come on top and are not told.

    Parameters
    ----------
    largest
        How many elements of each workspace are told, those that take most.
    """
    rows = [_row(name, found, largest) for name, found in parts_by_workspace(view).items()]
    rows.sort(key=lambda row: (-row["bytes"], row["workspace"]))
    return {
        "budget": view.settings.limits.live_bytes,
        "held": sum(row["bytes"] for row in rows),
        "workspaces": rows,
    }


def parts_by_workspace(view: LiveView) -> dict[str, list[WorkspaceRun]]:
    """What memory has of each workspace, of all runs and sets."""
    parts: dict[str, list[WorkspaceRun]] = defaultdict(list)
    for run in view.runs.values():
        for part in run.all_workspace_runs():
            parts[part.layout.workspace].append(part)
    return parts


def held_by_element(parts: Iterable[WorkspaceRun]) -> Counter[str]:
    """Bytes of the cells of each element, by path."""
    found: Counter[str] = Counter()
    for part in parts:
        held = len(part.in_memory())
        for each in part.layout.elements:
            found[each.element.path] += each.size * CELL_BYTES * held
    return found


def _row(workspace: str, parts: list[WorkspaceRun], largest: int) -> dict[str, Any]:
    held = held_by_element(parts)
    order = sorted(held, key=lambda path: (-held[path], path))[:largest]
    return {
        "workspace": workspace,
        "runs": len({part.run for part in parts}),
        "lumisections": sum(len(part.in_memory()) for part in parts),
        "bytes": sum(part.bytes_held for part in parts),
        "elements": [{"path": path, "bytes": held[path]} for path in order],
    }
