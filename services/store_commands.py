"""`dqmstream store`: what an operator does with the store, beside a recorder that writes it."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import make_url

from dqmstream.clock import SystemClock
from dqmstream.errors import ConfigurationError, StoreError
from dqmstream.store import schema
from dqmstream.store.archive import archive
from dqmstream.store.backup import back_up, restore
from dqmstream.store.database import Database
from dqmstream.store.pruning import Pruned, Pruner, Spared
from dqmstream.store.retention import Keep, Retention, read_retention
from dqmstream.store.sizes import RunSize, run_sizes
from dqmstream.store.store import Store
from dqmstream.store.totals import told_time
from services.settings import Settings
from services.startup import settings_in_force

__all__ = ["archive_run", "back_up_run", "info", "migrate", "prune", "restore_run"]

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")


def info(*, flags: Mapping[str, object], config: Path | None, json: bool) -> int:
    """Sizes of runs and workspaces, and what retention took."""
    settings = _with_store(flags, config)
    with Store(settings.store_url) as store:  # brings an older one up
        log, removed = store.log(), store.removed()
    sizes = run_sizes(settings.store_url)
    if json:
        _print(
            {
                "store": settings.shown_store,
                "log": log,
                "bytes": sum(one.bytes for one in sizes),
                "runs": [_document(one) for one in sizes],
                "removed": [asdict(one) for one in removed],
            }
        )
        return 0
    table = Table(box=None)
    for name in ("run", "set", "workspace", "lumisections", "size", "updated"):
        table.add_column(name, justify="right" if name in {"lumisections", "size"} else "left")
    for one in sizes:
        kept = (
            "sum" if one.run.summed else f"{one.run.first_lumisection}-{one.run.last_lumisection}"
        )
        when = told_time(one.run.updated) if one.run.updated else "-"
        table.add_row(str(one.run.run), "", "", kept, _told_size(one.bytes), when)
        for each in one.workspaces:
            count = str(each.lumisections or "-")
            table.add_row("", each.set, each.workspace, count, _told_size(each.bytes), "")
    console = Console()
    console.print(table)
    total = _told_size(sum(one.bytes for one in sizes))
    console.print(f"{settings.shown_store}: {len(sizes)} runs, {total} of contents and accounts")
    for gone in removed:
        size = _told_size(gone.bytes)
        console.print(f"run {gone.run}: {gone.kept} kept since {told_time(gone.when)}, {size} less")
    return 0


def _document(size: RunSize) -> dict[str, Any]:
    run = size.run
    return {
        "run": run.run,
        "first_lumisection": run.first_lumisection,
        "last_lumisection": run.last_lumisection,
        "ended": run.ended,
        "summed": run.summed,
        "marks": run.marks,
        "updated": run.updated,
        "bytes": size.bytes,
        "workspaces": [asdict(one) for one in size.workspaces],
    }


def prune(
    *,
    flags: Mapping[str, object],
    config: Path | None,
    policy: Path | None,
    limits: Mapping[str, float | int | None],
    keep: list[int],
    dry_run: bool,
    json: bool,
) -> int:
    """Remove what the policy says, or say what would be removed."""
    settings = _with_store(flags, config)
    retention = _retention(settings, policy, limits, keep)
    now = SystemClock().wall()
    pruner = Pruner(settings.store_url)
    spared: tuple[Spared, ...] = ()
    try:
        if dry_run:
            pruned = pruner.would_prune(pruner.plan(retention, now))
        else:
            pruned, spared = pruner.prune(retention, now)
    finally:
        pruner.close()
    if json:
        _print(
            {
                "dry_run": dry_run,
                "runs": [asdict(one) for one in pruned],
                "spared": [asdict(one) for one in spared],
                "lumisections": sum(one.lumisections for one in pruned),
                "bytes": sum(one.bytes for one in pruned),
            }
        )
        return 0
    for one in pruned:
        typer.echo(_told(one, dry_run=dry_run))
    for left in spared:
        typer.echo(f"run {left.run}: kept as it is: {left.why}")
    size = _told_size(sum(one.bytes for one in pruned))
    typer.echo(f"{len(pruned)} runs {'would be ' * dry_run}pruned, {size} less")
    return 0


def _told(one: Pruned, *, dry_run: bool) -> str:
    verb = "would be" if dry_run else "was"
    done = f"{verb} summed" if one.kept == "sum" else f"{verb} removed"
    took = f"{one.lumisections} LSs, {_told_size(one.bytes)}"
    return f"run {one.run} {done}: {took}: {one.why}"


def _retention(
    settings: Settings,
    policy: Path | None,
    limits: Mapping[str, float | int | None],
    keep: list[int],
) -> Retention:
    """The policy of the command, else that of the settings; runs to keep are kept in any case."""
    given = {name: limit for name, limit in limits.items() if limit is not None}
    file = policy or settings.store_retention
    if given and policy is not None:
        msg = f"a policy file ({policy}) and limits ({', '.join(given)}) are given: which?"
        raise ConfigurationError(msg)
    if given:
        found = Retention(
            lumisections=_kept(limits["lumisection_days"], limits["lumisection_runs"]),
            sums=_kept(limits["sum_days"], limits["sum_runs"]),
        )
    elif file is not None:
        found = read_retention(file)
    else:
        msg = "no policy: give --policy FILE, limits such as --lumisection-days, or store_retention"
        raise ConfigurationError(msg)
    return Retention(
        lumisections=found.lumisections, sums=found.sums, pinned=found.pinned | frozenset(keep)
    )


def _kept(days: float | None, runs: float | None) -> Keep:
    return Keep(days=days, runs=None if runs is None else int(runs))


def back_up_run(
    *, run: int, file: Path, flags: Mapping[str, object], config: Path | None, json: bool
) -> int:
    """Write a run to a file."""
    settings = _with_store(flags, config)
    backup = back_up(settings.store_url, run, file, now=SystemClock().wall())
    size = file.stat().st_size
    if json:
        _print(asdict(backup) | {"file": str(file), "bytes": size})
    else:
        typer.echo(f"run {run} is in {file}: {_told_size(size)}, SHA-256 of rows {backup.sha256}")
    return 0


def restore_run(*, file: Path, flags: Mapping[str, object], config: Path | None, json: bool) -> int:
    """Put the run of a backup into the store."""
    settings = settings_in_force(flags, config)
    settings.data.mkdir(parents=True, exist_ok=True)
    restored = restore(file, settings.store_url)
    if json:
        _print(asdict(restored) | {"store": settings.shown_store})
        return 0
    done = "is restored" if restored.changed else "was there already, equal in every part"
    typer.echo(f"run {restored.run} {done}: {settings.shown_store}")
    return 0


def archive_run(
    *, run: int, folder: Path, flags: Mapping[str, object], config: Path | None, json: bool
) -> int:
    """Write a run to a folder as Parquet."""
    settings = _with_store(flags, config)
    archived = archive(settings.store_url, run, folder)
    if json:
        _print(asdict(archived) | {"folder": str(folder)})
        return 0
    rows = ", ".join(f"{count} {name}" for name, count in archived.rows.items())
    typer.echo(f"run {run} is in {folder}: {_told_size(archived.bytes)}; {rows}")
    return 0


def migrate(
    *,
    to: str | None,
    lose: bool,
    flags: Mapping[str, object],
    config: Path | None,
    json: bool,
) -> int:
    """Bring the schema up to this release's, or back to an older one."""
    settings = _with_store(flags, config)
    database = Database(settings.store_url, writing=True)
    lost: tuple[str, ...] = ()
    try:
        before, newest = schema.revision(database)
        if to is None or to == newest:
            schema.upgrade(database)
        elif to != before:
            lost = schema.downgrade(database, to, losing=lose)
        after, _ = schema.revision(database)
        fit = schema.fit(database)
    finally:
        database.close()
    if json:
        document: dict[str, Any] = {"store": settings.shown_store, "before": before, "after": after}
        _print(document | {"lost": lost, "fits": None if fit is None else fit._asdict()})
        return 0
    done = f"has schema {after}" + ("" if before == after else f", had {before or 'none'}")
    typer.echo(f"{settings.shown_store} {done}")
    if fit is not None:
        typer.echo(
            f"releases from schema {fit.read} on can read it, from {fit.record} on record too"
        )
    for phrase in lost:
        typer.echo(f"lost: {phrase}")
    return 0


def _with_store(flags: Mapping[str, object], config: Path | None) -> Settings:
    """Settings whose store is there: asking for one must not make it."""
    settings = settings_in_force(flags, config)
    url = make_url(settings.store_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        msg = f"there is no store {settings.shown_store}"
        raise StoreError(msg)
    return settings


def _print(document: object) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(document)).decode())


def _told_size(size: float) -> str:
    step = 0
    while size >= 1000 and step < len(_UNITS) - 1:
        size, step = size / 1000, step + 1
    return f"{size:.{0 if step == 0 else 1}f} {_UNITS[step]}"
