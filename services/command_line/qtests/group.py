"""`dqmstream qtests`: quality tests brought in, tried, put in force and explained."""

import typer

from services.command_line.qtests import configuring, fitting, importing

__all__ = ["add_to"]


def add_to(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = typer.Typer(
        name="qtests",
        no_args_is_help=True,
        help="Quality tests: brought in, tried, put in force, explained.",
    )
    importing.add_to(group)
    fitting.add_to(group)
    configuring.add_to(group)
    app.add_typer(group, rich_help_panel=panel)
