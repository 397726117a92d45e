"""What `dqmstream notifications` does: it asks a gateway, and tells it what a person decides."""

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from dqmstream.client import Client
from dqmstream.clock import SystemClock
from dqmstream.errors import ConfigurationError
from dqmstream.notifications.declaration import Declared
from dqmstream.notifications.ledger import Ledger
from dqmstream.notifications.words import trial_step
from services.notifier.address import Address
from services.notifier.senders import opened_senders
from services.posting import post
from services.printing import print_json
from services.processes.notify import declared_notifications, receivers_found
from services.shutdown import run_until_stopped
from services.startup import settings_in_force

__all__ = ["act", "list_dead", "list_subscriptions", "try_out", "try_out_here"]

_LOOK: Final = 0.2


def list_subscriptions(*, url: str, token: str, json: bool) -> int:
    """Print receivers and subscriptions in force."""
    with Client(url, token=token) as client:
        found = client.get("subscriptions")
    if json:
        return print_json(found)
    receivers = Table("receiver", "kind", "address", "pending", "state", title="Receivers")
    for each in found["receivers"]:
        failing = each["failing_since"]
        state = f"fails since {_time(failing)}: {each['problem']}" if failing else "takes"
        pending = str(each["pending"])
        receivers.add_row(each["name"], each["kind"], each["address"], pending, state)
    subscriptions = Table("subscription", "receiver", "tells", "from", title="Subscriptions")
    for each in found["subscriptions"]:
        declared = "; ".join(f"{name}: {text}" for name, text in each["declared"].items())
        tells = declared or "everything"
        subscriptions.add_row(
            each["name"],
            each["receiver"],
            tells if each["enabled"] else f"nothing, disabled ({tells})",
            each["origin"],
        )
    console = Console()
    console.print(receivers)
    console.print(subscriptions)
    return 0


def list_dead(*, subscription: str | None, url: str, token: str, json: bool) -> int:
    """Print what was given up."""
    with Client(url, token=token) as client:
        found = client.get("deliveries", state="dead", subscription=subscription, limit=5_000)
    if json:
        return print_json(found)
    table = Table("given up", "subscription", "alarm", "step", "tries", "why")
    for each in found["deliveries"]:
        step = f"{each['event']} {_time(each['stepped'])}"
        tries = str(each["attempts"])
        row = (_time(each["when"]), each["subscription"], each["alarm"], step, tries)
        table.add_row(*row, each["problem"])
    Console().print(table)
    return 0


def act(*, name: str, action: str, why: str, url: str, token: str) -> int:
    """Enable or disable a subscription, or send again what was given up of it."""
    post(url, token, _path(name, action), {"why": why})
    typer.echo(f"{action} {name}: the notifier follows within a second or two")
    return 0


def try_out(*, name: str, why: str, wait: float, url: str, token: str) -> int:
    """Have the notifier try a subscription out, and say what became of it."""
    key = post(url, token, _path(name, "test"), {"why": why})["key"]
    until = time.monotonic() + wait
    rows: list[dict[str, Any]] = []
    with Client(url, token=token) as client:
        while time.monotonic() < until:
            rows = client.get("deliveries", key=key)["deliveries"]
            if rows and rows[0]["state"] != "pending":
                break
            time.sleep(_LOOK)
    if rows and rows[0]["state"] == "delivered":
        typer.echo(f"{name}: delivered, at try {rows[0]['attempts']}")
        return 0
    if not rows:
        typer.echo(f"{name}: no notifier has followed within {wait:g} s", err=True)
    else:
        tries, problem = rows[0]["attempts"], rows[0]["problem"] or "not tried yet"
        typer.echo(f"{name}: {rows[0]['state']} after {tries} tries: {problem}", err=True)
    return 1


def try_out_here(*, name: str, flags: Mapping[str, object], config: Path | None) -> int:
    """Send one notification from this process, by the file and the secrets that it is given."""
    settings = settings_in_force(flags, config)
    declared = declared_notifications(settings)
    names = [each.name for each in declared.subscriptions]
    if name not in names:
        msg = f"no subscription {name!r:.100} in {settings.notifications}: {', '.join(names)}"
        raise ConfigurationError(msg)
    addresses = receivers_found(settings, declared)
    problems: list[str] = []

    async def main() -> None:
        problems.extend(await _send_one(declared, addresses, name))

    status = run_until_stopped(main)
    if problems:
        typer.echo(f"{name}: not delivered: {problems[0]}", err=True)
        return 1
    typer.echo(f"{name}: delivered")
    return status


async def _send_one(declared: Declared, addresses: Mapping[str, Address], name: str) -> list[str]:
    clock = SystemClock()
    now = clock.wall()
    ledger = Ledger(declared.receivers, random=random.random)
    ledger.subscribe(declared.subscriptions, now)
    (chosen,) = [each for each in declared.subscriptions if each.name == name]
    who = "dqmstream notifications test"
    ledger.try_out(name, trial_step(name, who, now), f"trial@{now}@{name}", now)
    attempt = ledger.begin(chosen.receiver, now)
    async with opened_senders(addresses, clock) as senders:
        if attempt is None:
            return ["nothing could be sent"]
        failure = await senders[chosen.receiver].send(attempt)
    return [] if failure is None else [failure.problem]


def _path(name: str, action: str) -> str:
    return f"subscriptions/{quote(name, safe='')}/{action}"


def _time(stamp: int) -> str:
    return datetime.fromtimestamp(stamp / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
