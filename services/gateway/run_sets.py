"""The sets of bookings that have brought something of a run, shown or not."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from services.gateway.archive import Archive
from services.gateway.run_view import RunView

__all__ = ["Brought", "rows_of_sets", "sets_in_memory", "sets_in_store"]


class Brought(NamedTuple):
    """What a set has brought of a workspace: how many elements it books, and of which LSs."""

    elements: int
    lumisections: frozenset[int]
    shown: bool


_Sets = Mapping[tuple[str, str], Brought]
"""By set and workspace."""


def sets_in_memory(run: RunView | None) -> dict[tuple[str, str], Brought]:
    """What memory has of a run."""
    found = {}
    for part in run.all_workspace_runs() if run is not None else ():
        name = part.layout.workspace
        shown = run is not None and run.shown(name) is part
        found[part.set, name] = Brought(len(part.layout.elements), frozenset(part.records), shown)
    return found


def sets_in_store(archive: Archive, number: int) -> dict[tuple[str, str], Brought]:
    """What the store has of a run. Blocking."""
    found = {}
    chosen = archive.shelf(number)
    for name in archive.sets(number):
        shelf = archive.shelf(number, name)
        for workspace, layout in shelf.layouts.items() if shelf is not None else ():
            numbers = frozenset(shelf.records_of(workspace)) if shelf is not None else frozenset()
            shown = chosen is not None and chosen.sets.get(workspace) == name
            found[name, workspace] = Brought(len(layout.elements), numbers, shown)
    return found


def rows_of_sets(live: _Sets, stored: _Sets) -> list[dict[str, Any]]:
    """Rows of an answer, by set: what is in memory says which is shown, as it knows it first."""
    in_memory = {workspace for _, workspace in live}
    rows: dict[str, list[dict[str, Any]]] = {}
    for key in sorted({*live, *stored}):
        name, workspace = key
        both = [one for one in (live.get(key), stored.get(key)) if one is not None]
        numbers = _together(both)
        told = live if workspace in in_memory else stored
        rows.setdefault(name, []).append(
            {
                "workspace": workspace,
                "elements": both[0].elements,
                "lumisections": len(numbers),
                "newest": max(numbers, default=0),
                "shown": key in told and told[key].shown,
            }
        )
    return [{"set": name, "workspaces": found} for name, found in rows.items()]


def _together(found: Iterable[Brought]) -> frozenset[int]:
    return frozenset(number for one in found for number in one.lumisections)
