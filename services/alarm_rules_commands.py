"""What `dqmstream alarms rules` does besides versions: reads a file, and has it tried."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import typer

from dqmstream.alarms.rules import read_rules
from services.posting import post
from services.printing import print_json
from services.version_commands import text_of

__all__ = ["check", "dry_run"]

_SHOWN: Final = 20


def check(*, file: Path, json: bool) -> int:
    """Read a file as the service of alarms reads it."""
    rules = read_rules(text_of(file), str(file))
    counts = {"inhibit": len(rules.inhibit), "suppress": len(rules.suppress)}
    if json:
        return print_json({"file": str(file), **counts})
    typer.echo(f"{file}: {counts['inhibit']} inhibitions, {counts['suppress']} suppressions")
    return 0


def dry_run(*, file: Path, minutes: int, url: str, token: str, json: bool) -> int:
    """Say what the rules of a file would make of alarms."""
    asked = {"text": text_of(file), "minutes": minutes}
    found = post(url, token, "alarm-rules/dry-run", asked)
    if json:
        return print_json(found)
    _say_standing(found["standing"])
    typer.echo(
        f"last {found['minutes']} minutes, {found['records']} records: "
        f"{found['calls_before']} calls by the rules in force, {found['calls_after']} by these "
        f"({found['steps_before']} and {found['steps_after']} steps in all)"
    )
    for row in found["alarms"][:_SHOWN]:
        words = [*_events("no longer", row["no_longer"]), *_events("newly", row["newly"])]
        typer.echo(f"  {row['alarm']}: {', '.join(words)}")
    if (more := found["alarms_total"] - _SHOWN) > 0:
        typer.echo(f"  and {more} more alarms: --json has 500 of them")
    return 0


def _say_standing(rows: list[dict[str, Any]] | None) -> None:
    if rows is None:
        typer.echo("no service of alarms has run: nothing stands")
        return
    typer.echo(f"{len(rows)} alarms would stand otherwise")
    for row in rows[:_SHOWN]:
        before = f"{row['before']} {row['severity_before']}".strip()
        typer.echo(
            f"  {row['alarm']}: {before} -> {row['after']} {row['severity_after']}: {row['why']}"
        )
    if (more := len(rows) - _SHOWN) > 0:
        typer.echo(f"  and {more} more: --json has them all")


def _events(words: str, counts: Mapping[str, int]) -> list[str]:
    return [f"{words} {event} x{count}" for event, count in counts.items()]
