"""A file of quality tests that a command writes."""

from pathlib import Path
from typing import Annotated

import typer

from dqmstream.errors import ConfigurationError

__all__ = ["Out", "Replace", "check_new", "write"]

Out = Annotated[
    Path | None,
    typer.Option(help="TOML file to write; default: standard output", show_default=False),
]
Replace = Annotated[bool, typer.Option("--replace", help="write over OUT")]


def check_new(out: Path | None, *, replace: bool) -> None:
    """ConfigurationError if there is such a file that is not to be written over."""
    if out is not None and out.exists() and not replace:
        msg = f"{out} exists: --replace writes over it"
        raise ConfigurationError(msg)


def write(out: Path, toml: str) -> None:
    """ConfigurationError if it cannot be written."""
    try:
        out.write_text(toml, encoding="utf-8")
    except OSError as error:
        msg = f"{out}: cannot be written: {error}"
        raise ConfigurationError(msg) from error
