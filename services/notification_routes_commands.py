"""What `dqmstream notifications routes` does besides versions: reads a file, and has it tried."""

from pathlib import Path
from typing import Any, Final

import typer

from dqmstream.notifications.routes import read_routes
from services.posting import post
from services.printing import print_json
from services.version_commands import text_of

__all__ = ["check", "dry_run"]

_SHOWN: Final = 20


def check(*, file: Path, json: bool) -> int:
    """Read a file as a gateway reads it; which secrets there are, only the notifier knows."""
    routes = read_routes(text_of(file), str(file))
    receivers, subscriptions = len(routes.receivers), len(routes.subscriptions)
    if json:
        body = {"file": str(file), "receivers": receivers, "subscriptions": subscriptions}
        return print_json(body)
    typer.echo(f"{file}: {receivers} receivers, {subscriptions} subscriptions")
    return 0


def dry_run(*, file: Path, last: int, url: str, token: str, json: bool) -> int:
    """Say what the subscriptions of a file would tell whom."""
    asked = {"text": text_of(file), "last": last}
    found = post(url, token, "notification-routes/dry-run", asked)
    if json:
        return print_json(found)
    _say(found["standing"], f"{len(found['standing'])} alarms that stand would go elsewhere")
    _say(
        found["changes"][::-1],
        f"{found['changed']} of the last {found['steps']} steps would have gone elsewhere, "
        f"{found['untold']} of them to nobody any more",
    )
    for row in found["subscriptions"]:
        typer.echo(f"{row['name']}: {row['before']} steps now, {row['after']} by this file")
    return 0


def _say(rows: list[dict[str, Any]], words: str) -> None:
    typer.echo(words)
    for row in rows[:_SHOWN]:
        who = [f"no longer {name}" for name in row["no_longer"]]
        who += [f"newly {name}" for name in row["newly"]]
        typer.echo(f"  {row['event']} {row['severity']} {row['alarm']}: {', '.join(who)}")
    if (more := len(rows) - _SHOWN) > 0:
        typer.echo(f"  and {more} more: --json has them")
