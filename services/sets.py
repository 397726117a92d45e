"""`dqmstream sets`, `activate` and `refill`: what an operator decides about sets of bookings."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from dqmstream.analyses.registry import workspaces_analysed
from dqmstream.booking_set import BookingSet
from dqmstream.clock import SystemClock
from dqmstream.errors import ConfigurationError
from dqmstream.messages.checkpoints import AnalyserCheckpoint, FillerCheckpoint
from dqmstream.messages.topics import BOOKINGS, CHECKPOINTS
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log
from services.analyser.refill import refill_analyses
from services.filler.announcing import activations, announce, decoded
from services.filler.refill import refill
from services.log import open_log
from services.settings import Settings
from services.startup import booking_set, chosen_bookings, settings_in_force

__all__ = ["activate_set", "refill_set", "show_sets"]

T = TypeVar("T")

_SHOWN_WORKSPACES: Final = 6


def _set_of(settings: Settings) -> BookingSet:
    """The set that fillers with these settings fill."""
    return booking_set(settings, chosen_bookings(settings))


def show_sets(*, flags: Mapping[str, object], config: Path | None, json: bool) -> int:
    """List the sets that were announced: what they fill, how far, and from which run on shown."""
    settings = settings_in_force(flags, config)
    own = _set_of(settings).hash
    rows = _on_log(settings, lambda log: _sets(log, own))
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return 0
    table = Table(box=None)
    for name in ("set", "shown from run", "said by", "when", "epochs", "workspaces"):
        table.add_column(name, no_wrap=name == "set")
    for row in rows:
        names = row["workspaces"]
        more = f" and {len(names) - _SHOWN_WORKSPACES} more" * (len(names) > _SHOWN_WORKSPACES)
        table.add_row(
            f"{row['set']}{' *' * row['own']}",
            str(row["from_run"] or "not shown"),
            row["who"] or "-",
            row["when"] or "-",
            ", ".join(f"{p}: {epoch}" for p, epoch in row["epochs"].items()) or "-",
            ", ".join(names[:_SHOWN_WORKSPACES]) + more,
        )
    console = Console()
    console.print(table)
    console.print("* the set that fillers with these settings fill")
    return 0


def activate_set(*, from_run: int, flags: Mapping[str, object], config: Path | None) -> int:
    """Let readers show the set of these settings from a run on."""
    settings = settings_in_force(flags, config)
    chosen = _set_of(settings)
    _on_log(
        settings,
        lambda log: announce(log, chosen, clock=SystemClock(), who=_who(), from_run=from_run),
    )
    typer.echo(f"set {chosen.hash} is shown from run {from_run} on")
    return 0


def refill_set(
    *,
    why: str,
    offsets: Mapping[int, int] | None,
    flags: Mapping[str, object],
    config: Path | None,
) -> int:
    """Let the fillers of the set of these settings fill again what the log still holds."""
    settings = settings_in_force(flags, config)
    chosen = _set_of(settings)
    told = f"{_who()}: {why}"
    written, analysed = _on_log(settings, lambda log: _refilled(log, chosen, told, offsets))
    for partition, checkpoint in written.items():
        typer.echo(
            f"partition {partition}: epoch {checkpoint.epoch} begins at offset {checkpoint.offset}"
        )
    names = ", ".join(layout.workspace for layout in workspaces_analysed(chosen))
    if analysed is not None:
        typer.echo(f"analyses of {names}: epoch {analysed.epoch} begins where the log does")
    elif names:
        typer.echo(f"analyses of {names} stay as they are: they take all partitions together")
    return 0


async def _refilled(
    log: Log, chosen: BookingSet, why: str, offsets: Mapping[int, int] | None
) -> tuple[dict[int, FillerCheckpoint], AnalyserCheckpoint | None]:
    table = await latest_by_key(log, BOOKINGS)
    known = {layout.hash for layout in chosen.layouts}
    if not all(f"booking/{one}".encode() in table for one in known):
        msg = (
            f"set {chosen.hash} of workspaces {', '.join(chosen.workspaces)} was never filled on "
            "this log: name workspaces and partitions as its fillers have them"
        )
        raise ConfigurationError(msg)
    written = await refill(log, chosen, why=why, offsets=offsets)
    if offsets is not None or not workspaces_analysed(chosen):
        return written, None
    return written, await refill_analyses(log, chosen, why=why)


async def _sets(log: Log, own: str) -> list[dict[str, Any]]:
    """A row for each activation, and one for each set that has checkpoints only."""
    known = activations(await latest_by_key(log, BOOKINGS))
    epochs: dict[str, dict[str, int]] = {}
    for message in map(decoded, (await latest_by_key(log, CHECKPOINTS)).values()):
        if isinstance(message, FillerCheckpoint):
            of_set = epochs.setdefault(message.group, {})
            place = str(message.partition)
            of_set[place] = max(of_set.get(place, 0), message.epoch)
    rows = [
        {
            "set": one.set,
            "own": one.set == own,
            "from_run": one.from_run,
            "who": one.who,
            "when": f"{datetime.fromtimestamp(one.when / 1e9, UTC):%Y-%m-%d %H:%M:%S}Z",
            "epochs": dict(sorted(epochs.get(one.set, {}).items())),
            "workspaces": list(one.workspaces),
        }
        for one in sorted(known, key=lambda one: (one.from_run, one.when))
    ]
    shown = {one.set for one in known}
    rows += [
        {
            "set": name,
            "own": name == own,
            "from_run": None,
            "who": "",
            "when": "",
            "epochs": dict(sorted(of_set.items())),
            "workspaces": [],
        }
        for name, of_set in sorted(epochs.items())
        if name not in shown
    ]
    return rows


def _on_log(settings: Settings, call: Callable[[Log], Awaitable[T]]) -> T:
    """One call on the log of the settings."""

    async def main() -> T:
        async with open_log(settings, SystemClock()) as log:
            return await call(log)

    return asyncio.run(main())


def _who() -> str:
    """The person at this terminal, for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
