"""The command that lists scenarios of the synthetic detector."""

from typing import Any

import typer

from services.command_line.invoke import invoke
from services.command_line.options import Json

__all__ = ["add_to"]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add the command."""
    app.command(rich_help_panel=panel)(scenarios)


def scenarios(json: Json = False) -> None:
    """List the scenarios that [bold]demo --scenario[/bold] plays, and what a shifter should see."""
    invoke(_list, json=json)


def _list(*, json: bool) -> int:
    import msgspec  # noqa: PLC0415

    from dqmstream.sources.synthetic.scenario import shipped_scenarios  # noqa: PLC0415

    listed: list[dict[str, Any]] = [
        {
            "name": one.name,
            "description": one.description,
            "lumisections": one.config.lumisections,
            "rate": one.config.rate,
            "sources": list(one.sources),
            "faults": [str(fault) for fault in one.faults],
        }
        for one in shipped_scenarios()
    ]
    if json:
        document = msgspec.json.encode({"scenarios": listed})
        typer.echo(msgspec.json.format(document).decode())
        return 0
    for one in listed:
        typer.echo(f"{one['name']}: {one['lumisections']} LSs at {one['rate']:g} Hz")
        typer.echo(f"  {one['description']}")
        for fault in one["faults"]:
            typer.echo(f"  {fault}")
    return 0
