"""What pages of reference have to say, out of the code: rows of settings, routes, commands."""

import re
from collections.abc import Iterator
from typing import Any

import typer.main

from services.cli import app
from services.settings import Settings

__all__ = ["commands", "missing_commands", "routes", "rows", "settings"]


def settings() -> list[str]:
    """A row for each setting: its name, its default as TOML or the environment has it, and what
    it is."""
    shown = Settings().model_dump(mode="json")
    return [
        f"| `{name}` | {_default(shown[name])} | {_cell(field.description or '')} |"
        for name, field in Settings.model_fields.items()
    ]


def _default(value: object) -> str:
    match value:
        case None | "" | [] | ():
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case list() | tuple():
            return f"`{','.join(map(str, value))}`"
        case _:
            return f"`{value}`"


def routes(document: dict[str, Any]) -> list[str]:
    """A row for each route of an OpenAPI document: how it is asked, and what it is."""
    return [
        f"| `{method.upper()} {path}` | {_cell(operation['summary'])} |"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def _cell(text: str) -> str:
    """A text as it stands in a cell: stars and bars are meant."""
    return re.sub(r"([|*])", r"\\\1", text)


def rows(page: str) -> list[str]:
    """Rows of the tables of a page that begin with code; all of them, also those that are twice."""
    return [line for line in page.splitlines() if line.startswith("| `")]


def commands(place: Any = None, above: str = "dqmstream") -> Iterator[str]:
    """All commands that do something, as `dqmstream store info`."""
    place = typer.main.get_command(app) if place is None else place
    for name, below in getattr(place, "commands", {}).items():
        command = f"{above} {name}"
        if hasattr(below, "commands"):
            yield from commands(below, command)
        elif not below.hidden:
            yield command


def missing_commands(pages: str) -> list[str]:
    """Commands that no page names."""
    return [each for each in commands() if not re.search(rf"{each}(?![\w-])", pages)]
