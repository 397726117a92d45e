"""The commands of playback: record events, look at recordings, play them again.

Heavy imports happen inside the commands, so that help is quick.
"""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import Json

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="Record events, play them again, and compare what comes of it.",
)

Folder = Annotated[Path, typer.Argument(metavar="RECORDING", help="folder of a recording")]


@app.command()
def verify(folder: Folder, json: Json = False) -> None:
    """Read all of a recording and compare checksums; status 1 if anything is wrong.

    Every problem is told with file, run and LS, what was found and what was expected.
    """
    from services import recordings  # noqa: PLC0415

    invoke(recordings.verify, folder=folder, json=json)


@app.command()
def info(folder: Folder, json: Json = False) -> None:
    """What is in a recording: runs, sources, LSs, events, columns, and where it comes from."""
    from services import recordings  # noqa: PLC0415

    invoke(recordings.info, folder=folder, json=json)
