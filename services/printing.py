"""What commands print: answers for programs, moments for people."""

from datetime import UTC, datetime

import msgspec
import typer

__all__ = ["moment", "print_json"]


def print_json(document: object) -> int:
    """Print an answer as JSON; 0, the status of a command that did what it was asked."""
    typer.echo(msgspec.json.format(msgspec.json.encode(document)).decode())
    return 0


def moment(when: int) -> str:
    """Nanoseconds since 1970 to the second, in UTC."""
    return f"{datetime.fromtimestamp(when / 1e9, UTC):%Y-%m-%d %H:%M:%S}Z"
