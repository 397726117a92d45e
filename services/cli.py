"""The command line, and the one place that puts services together.

Heavy imports happen inside the commands, so that help is quick.
"""

from pathlib import Path
from typing import Annotated

import typer

from dqmstream import __version__
from services.command_line import alarms as cli_alarms
from services.command_line import bench as cli_bench
from services.command_line import deploy as cli_deploy
from services.command_line import imports as cli_imports
from services.command_line import layouts as cli_layouts
from services.command_line import looking as cli_looking
from services.command_line import madeup as cli_madeup
from services.command_line import memory as cli_memory
from services.command_line import notifications as cli_notifications
from services.command_line import playback as cli_playback
from services.command_line import processes as cli_processes
from services.command_line import references as cli_references
from services.command_line import scenarios as cli_scenarios
from services.command_line import sets as cli_sets
from services.command_line import store as cli_store
from services.command_line import token as cli_token
from services.command_line import watching as cli_watching
from services.command_line import whole as cli_whole
from services.command_line import workspaces as cli_workspaces
from services.command_line.invoke import invoke
from services.command_line.options import Json
from services.command_line.paragraphs import join_lines
from services.command_line.qtests import group as cli_qtests

__all__ = ["app", "main"]

app = typer.Typer(
    name="dqmstream",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Online data quality monitoring as a stream.

    Events in, exact histograms per lumisection, quality tests, live plots in a browser.

    Try [bold]dqmstream demo[/bold]: it plays a synthetic run and prints the address of the page.
    Settings come from a TOML file, DQMSTREAM_* variables and flags: see [bold]config[/bold].
    DQMSTREAM_KAFKA=host:port,... moves everything from the embedded log to Apache Kafka.

    Exit status: 0 done or stopped, 1 log or store failed, 2 the command or a setting is wrong.
    """,
)
_WHOLE = "All services in one process"
_LOOK = "To look at things"
_MAKE = "For developers"
cli_bench.add_to(app, panel=_MAKE)
cli_madeup.add_to(app, panel=_MAKE)
cli_whole.add_to(app, panel=_WHOLE)
cli_watching.add_to(app, panel=_WHOLE)
cli_imports.add_to(app, panel=_WHOLE)
app.add_typer(cli_playback.app, name="playback", rich_help_panel=_WHOLE)
cli_processes.add_to(app)
cli_sets.add_to(app)
cli_deploy.add_to(app, panel="Sets of bookings")
cli_qtests.add_to(app, panel="Quality tests")
cli_store.add_to(app, panel=_LOOK)
cli_references.add_to(app, panel=_LOOK)
cli_token.add_to(app)
cli_looking.add_to(app, panel=_LOOK)
cli_memory.add_to(app, panel=_LOOK)
cli_workspaces.add_to(app, panel="Sets of bookings")
cli_layouts.add_to(app, panel=_LOOK)
cli_notifications.add_to(app, panel=_LOOK)
cli_alarms.add_to(app, panel=_LOOK)
cli_scenarios.add_to(app, panel=_LOOK)


@app.command(rich_help_panel=_LOOK)
def config(
    file: Annotated[
        Path | None,
        typer.Option("--config", help="TOML file of settings", envvar="DQMSTREAM_CONFIG"),
    ] = None,
    json: Json = False,
) -> None:
    """List all settings: what is in force, and where it comes from."""
    from services import terminal  # noqa: PLC0415

    invoke(terminal.show_settings, file=file, json=json)


@app.command("schemas", rich_help_panel=_MAKE)
def write_schemas(
    folder: Annotated[Path, typer.Argument(help="folder to write to")] = Path("schemas"),
) -> None:
    """Write the contracts for any language: JSON Schema, AsyncAPI, OpenAPI, Arrow schemas."""
    from services import schemas  # noqa: PLC0415

    invoke(schemas.write_schemas, folder=folder)


@app.command(rich_help_panel=_LOOK)
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


join_lines(app)


def main() -> None:
    """Entry point of the console command."""
    app()


if __name__ == "__main__":
    main()
