"""What `dqmstream alarms` does: it asks a gateway, and tells it what a person decides."""

import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from dqmstream.client import Client
from services.posting import post
from services.printing import moment, print_json

__all__ = ["decide", "history", "list_alarms", "tail"]

_PACE: Final = 0.5
_PAGE: Final = 1000


def list_alarms(
    *, show: str, workspace: str | None, collapse: bool | None, url: str, token: str, json: bool
) -> int:
    """List alarms; in a flood, or if asked, those in sight as a line for each workspace and LS."""
    with Client(url, token=token) as client:
        query = {} if workspace is None else {"workspace": workspace}
        answer = client.get("alarms", show=show, **query)
    if json:
        return print_json(answer)
    summary, console = answer["summary"], Console()
    if collapse is None:
        # What is hidden is in no group, and is not what floods.
        collapse = summary["flood"] and show == "raised"
    if collapse:
        console.print(_groups(answer["groups"]))
    else:
        _say_alarms(answer["alarms"])
    words = f"{summary['raised']} raised, {summary['unacknowledged']} not acknowledged"
    words += f", {summary['hidden']} hidden" + ", FLOOD" * summary["flood"]
    if summary["stale"]:
        words += "; STALE: no service of alarms was heard for half a minute"
    console.print(words)
    return 0


def _say_alarms(rows: list[dict[str, Any]]) -> None:
    # Lines rather than a table: names are long, and are copied into commands.
    for row in rows:
        flags = f" ({', '.join(row['flags'])})" if row["flags"] else ""
        place = f", run {row['run']} LS {row['lumisection']}" if row["run"] else ""
        typer.echo(f"{row['state']}{flags} {row['severity']} {row['alarm']}")
        typer.echo(f"    since {moment(row['since'])}{place}: {row['why']}")
        typer.echo(f"    {row['meaning']} {row['action']} Call {row['contact']}.")


def _groups(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None)
    for column in ("severity", "workspace", "run LS", "alarms", "not acknowledged", "first"):
        table.add_column(column)
    for row in rows:
        table.add_row(
            row["severity"],
            row["workspace"] or "-",
            f"{row['run']} {row['lumisection']}" if row["run"] else "-",
            str(len(row["alarms"])),
            str(row["unacknowledged"]),
            row["alarms"][0],
        )
    return table


def tail(*, last: int, follow: bool, url: str, token: str, json: bool) -> int:
    """Print the last steps of all alarms, and those that come until stopped."""
    with Client(url, token=token) as client:
        after, kept = -1, deque[dict[str, Any]](maxlen=last)
        while True:
            answer = client.get("alarm-steps", after=after, limit=_PAGE)
            kept.extend(answer["steps"])
            if answer["reached"] <= after or len(answer["steps"]) < _PAGE:
                break
            after = answer["reached"]
        after = answer["reached"]
        _say(kept, json=json)
        try:
            while follow:
                answer = client.get("alarm-steps", after=after, limit=_PAGE)
                after = answer["reached"]
                _say(answer["steps"], json=json)
                time.sleep(_PACE)
        except KeyboardInterrupt:
            return 0
    return 0


def history(*, alarm: str, url: str, token: str, json: bool) -> int:
    """Print the steps of one alarm."""
    with Client(url, token=token) as client:
        answer = client.get(f"alarms/{alarm}/history")
    if json:
        return print_json(answer)
    _say(answer["steps"], json=False)
    return 0


def decide(
    *, action: str, body: Mapping[str, Any], url: str, token: str, json: bool = False
) -> int:
    """Acknowledge, shelve, ...: written down by the gateway, followed by the service of alarms."""
    answer = post(url, token, f"alarm-actions/{action}", body)
    if json:
        return print_json(answer)
    for alarm in answer["alarms"]:
        typer.echo(f"{action}: {alarm}")
    return 0


def _say(steps: Any, *, json: bool) -> None:
    for step in steps:
        if json:
            typer.echo(msgspec.json.encode(step).decode())
            continue
        place = f" run {step['run']} LS {step['lumisection']}" if step["run"] else ""
        typer.echo(
            f"{moment(step['when'])} {step['event']:<12} {step['alarm']} "
            f"({step['before']} -> {step['after']}, {step['severity']}){place} "
            f"by {step['who']}: {step['why']}"
        )
