"""`dqmstream memory`: what plots cost, as booked by these settings, or as a gateway knows them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.table import Table

from dqmstream.client import Client
from dqmstream.histograms.memory import WorkspaceMemory, bytes_said, memory_of
from dqmstream.messages.booking import Booking
from dqmstream.workspaces.budget import MemoryBudgets
from dqmstream.workspaces.registry import load_workspaces
from services.gateway.settings import Limits
from services.printing import print_json
from services.settings import Settings
from services.startup import chosen_bookings, settings_in_force

__all__ = ["memory"]

_MOST_ASKED: Final = 2_000


def memory(
    *,
    workspaces: Sequence[str],
    largest: int,
    held: bool,
    url: str,
    token: str,
    json: bool,
    flags: Mapping[str, object],
    config: Path | None,
) -> int:
    """List workspaces and elements by what they cost.

    Parameters
    ----------
    held
        Ask a gateway what is booked, and held now; else the workspaces of the settings are told.
    """
    settings = settings_in_force(flags, config)
    rows = _held(workspaces, largest, url, token) if held else _booked(settings, workspaces)
    if json:
        return print_json({"workspaces": rows} | _copies(settings))
    console = Console()
    console.print(_summary(rows, settings, held=held))
    console.print(_elements(rows, largest, held=held))
    typer.echo(_explained(settings))
    over = [row for row in rows if _is_over(row)]
    for row in over:
        typer.echo(f"{row['workspace']}: over its budget", err=True)
    return 1 if over else 0


def _booked(settings: Settings, workspaces: Sequence[str]) -> list[dict[str, Any]]:
    bookings: Sequence[Booking] = (
        load_workspaces(workspaces) if workspaces else chosen_bookings(settings)
    )
    rows = [_row(memory_of(one), settings.memory_budgets) for one in bookings]
    return sorted(rows, key=lambda row: (-row["bytes"], row["workspace"]))


def _row(cost: WorkspaceMemory, budgets: MemoryBudgets) -> dict[str, Any]:
    return {
        "workspace": cost.workspace,
        "bytes": cost.bytes,
        "budget": budgets.workspace(cost.workspace),
        "elements": [
            {**element._asdict(), "budget": budgets.element(element.path)}
            for element in cost.elements
        ],
    }


def _held(workspaces: Sequence[str], largest: int, url: str, token: str) -> list[dict[str, Any]]:
    asked = {"largest": min(largest, _MOST_ASKED)}
    with Client(url, token=token) as client:
        if not workspaces:
            return list(client.get("memory/bookings", **asked)["workspaces"])
        return [
            row
            for name in workspaces
            for row in client.get("memory/bookings", workspace=name, **asked)["workspaces"]
        ]


def _copies(settings: Settings) -> dict[str, Any]:
    """How many LSs are held at once, at most, and where."""
    return {
        "fillers_hold": settings.partitions * settings.max_open,
        "partitions": settings.partitions,
        "max_open": settings.max_open,
        "gateway_holds": Limits().live_lumisections + 1,
    }


def _summary(rows: Sequence[Mapping[str, Any]], settings: Settings, *, held: bool) -> Table:
    table = Table(box=None)
    right = ["one LS", "budget", *(["fillers", "gateway"] if held else ["fillers, at most"])]
    table.add_column("workspace")
    for name in right:
        table.add_column(name, justify="right")
    copies = _copies(settings)["fillers_hold"]
    for row in rows:
        more = (
            [bytes_said(row["fillers"]), bytes_said(row["gateway"])]
            if held
            else [bytes_said(row["bytes"] * copies)]
        )
        table.add_row(row["workspace"], bytes_said(row["bytes"]), _budget(row), *more)
    return table


def _elements(rows: Sequence[Mapping[str, Any]], largest: int, *, held: bool) -> Table:
    table = Table(box=None)
    for name in ("element", "kind", "bins"):
        table.add_column(name, overflow="fold")
    for name in ("one LS", "twice the bins", *(["fillers", "gateway"] if held else [])):
        table.add_column(name, justify="right")
    every = [element for row in rows for element in row["elements"]]
    every.sort(key=lambda element: (-element["bytes"], element["path"]))
    for element in every[:largest]:
        more = [bytes_said(element["fillers"]), bytes_said(element["gateway"])] if held else []
        table.add_row(
            element["path"],
            element["kind"],
            " x ".join(map(str, element["bins"])) or "-",
            bytes_said(element["bytes"]),
            _doubled(element),
            *more,
        )
    return table


def _doubled(element: Mapping[str, Any]) -> str:
    """With twice the bins of each axis, and of all of them."""
    each = [bytes_said(count) for count in element["doubled"]]
    return (
        "-"
        if not each
        else each[0]
        if len(each) == 1
        else (f"{' or '.join(each)}, all {bytes_said(element['all_doubled'])}")
    )


def _budget(row: Mapping[str, Any]) -> str:
    return "none" if row["budget"] is None else bytes_said(row["budget"])


def _is_over(row: Mapping[str, Any]) -> bool:
    parts = [row, *row["elements"]]
    return any(part["budget"] is not None and part["bytes"] > part["budget"] for part in parts)


def _explained(settings: Settings) -> str:
    copies = _copies(settings)
    return (
        f"one LS: in one process. Fillers hold up to {copies['fillers_hold']} of a run together "
        f"({copies['max_open']} open LSs in each of {copies['partitions']} partitions), a gateway "
        f"{copies['gateway_holds']}"
    )
