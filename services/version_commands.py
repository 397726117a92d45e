"""What commands about versions of configuration do: they ask a gateway, and tell it what a person
decides."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

from dqmstream.client import Client
from dqmstream.errors import ConfigurationError
from services.posting import post
from services.printing import moment, print_json

__all__ = [
    "activate",
    "history",
    "roll_back",
    "say_versions",
    "show",
    "text_of",
    "version_named",
]


def activate(*, route: str, file: Path, why: str, url: str, token: str, json: bool) -> int:
    """Put a file in force; 1 if whoever follows it says that it cannot."""
    body = {"text": text_of(file), "why": why}
    return _told(post(url, token, f"{route}/activate", body), json=json)


def roll_back(*, route: str, to: int | None, why: str, url: str, token: str, json: bool) -> int:
    """Put an earlier version in force again; 1 as for `activate`."""
    return _told(post(url, token, f"{route}/rollback", {"to": to, "why": why}), json=json)


def history(*, route: str, url: str, token: str, json: bool) -> int:
    """List versions, the oldest first."""
    with Client(url, token=token) as client:
        found = client.get(route)
    if json:
        return print_json(found)
    say_versions(found["versions"])
    if found["active"] is None:
        typer.echo("in force is what processes were started with")
    followed = found["followed"]
    if followed is None:
        typer.echo("nobody follows it: the service that would has never run")
    elif found["versions"] and followed != found["versions"][-1]["number"]:
        what = f"version {followed}" if followed else "what it was started with"
        typer.echo(f"the service that follows them goes by {what}")
    if found["problem"]:
        typer.echo(f"not followed: {found['problem']}")
    return 0


def show(*, route: str, number: int | None, url: str, token: str, json: bool) -> int:
    """Print the text of a version, by default of the one in force."""
    with Client(url, token=token) as client:
        row = client.get(f"{route}/versions/{'active' if number is None else number}")
    if json:
        return print_json(row)
    typer.echo(row["text"], nl=False)
    return 0


def say_versions(rows: Iterable[Mapping[str, Any]]) -> None:
    """A line for each."""
    for row in rows:
        back = "" if row["restores"] is None else f", version {row['restores']} again"
        mark = " (in force)" if row["active"] else ""
        typer.echo(
            f"{row['number']:4} {moment(row['when'])} {row['hash']}{back} by {row['who']}: "
            f"{row['why']}{mark}"
        )


def version_named(row: Mapping[str, Any]) -> str:
    """What a decision has put in force, in words."""
    again = row["restores"]
    if again == 0:
        return "what processes were started with"
    return f"version {row['number']}" + ("" if again is None else f", which is {again} again,")


def text_of(file: Path) -> str:
    """The text of a file; ConfigurationError if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{file}: cannot be read: {error}"
        raise ConfigurationError(msg) from error


def _told(row: Mapping[str, Any], *, json: bool) -> int:
    problem = row.get("problem", "")
    if json:
        print_json(row)
        return 1 if problem else 0
    what = version_named(row)
    if problem:
        typer.echo(f"{what} is activated, and cannot be followed: {problem}", err=True)
        return 1
    typer.echo(f"{what} is in force ({row['hash']})")
    return 0
