"""The commands about the store: sizes, retention, backup and restore, archives."""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import Config, Data, Json, flags

__all__ = ["add_to"]

StoreUrl = Annotated[str | None, typer.Option("--store", help="SQLAlchemy URL of the store")]
Run = Annotated[int, typer.Argument(help="run number", min=0)]
Days = Annotated[float | None, typer.Option(min=0, help="... of runs younger than so many days")]
Runs = Annotated[int | None, typer.Option(min=0, help="... of the newest so many runs")]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add `store` with its commands."""
    store = typer.Typer(
        no_args_is_help=True,
        help="Look after the store: sizes, retention, backup, archives.",
    )
    for command in (info, prune, backup, restore, archive, migrate):
        store.command()(command)
    app.add_typer(store, name="store", rich_help_panel=panel)


def info(
    data: Data = None, store: StoreUrl = None, config: Config = None, json: Json = False
) -> None:
    """Say how much room each run and workspace takes, and what retention took."""
    from services import store_commands  # noqa: PLC0415

    invoke(store_commands.info, flags=flags(data=data, store=store), config=config, json=json)


def prune(
    policy: Annotated[
        Path | None, typer.Option(help="TOML file; default: the setting store_retention")
    ] = None,
    lumisection_days: Days = None,
    lumisection_runs: Runs = None,
    sum_days: Days = None,
    sum_runs: Runs = None,
    keep: Annotated[list[int] | None, typer.Option(help="run to leave as it is; repeat")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would be removed, remove nothing")
    ] = False,
    data: Data = None,
    store: StoreUrl = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Replace the lumisections of old runs by their sum, and remove older ones.

    A policy says of which runs lumisections are kept one by one (--lumisection-days,
    --lumisection-runs), and of which at least the sum (--sum-days, --sum-runs); whatever is not
    limited is kept. Runs that are not over, and pinned ones, are left alone.
    """
    from services import store_commands  # noqa: PLC0415

    invoke(
        store_commands.prune,
        flags=flags(data=data, store=store),
        config=config,
        policy=policy,
        limits={
            "lumisection_days": lumisection_days,
            "lumisection_runs": lumisection_runs,
            "sum_days": sum_days,
            "sum_runs": sum_runs,
        },
        keep=keep or [],
        dry_run=dry_run,
        json=json,
    )


def backup(
    run: Run,
    file: Annotated[Path, typer.Argument(help="file to make")],
    data: Data = None,
    store: StoreUrl = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Write all that is stored of a run to one file."""
    from services import store_commands  # noqa: PLC0415

    given = flags(data=data, store=store)
    invoke(store_commands.back_up_run, run=run, file=file, flags=given, config=config, json=json)


def restore(
    file: Annotated[Path, typer.Argument(help="a backup")],
    data: Data = None,
    store: StoreUrl = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Put the run of a backup into the store; harmless if it is there already."""
    from services import store_commands  # noqa: PLC0415

    given = flags(data=data, store=store)
    invoke(store_commands.restore_run, file=file, flags=given, config=config, json=json)


def archive(
    run: Run,
    folder: Annotated[Path, typer.Argument(help="folder to make")],
    data: Data = None,
    store: StoreUrl = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Write a run as plain Parquet, with a README, for whoever has no dqmstream."""
    from services import store_commands  # noqa: PLC0415

    given = flags(data=data, store=store)
    invoke(
        store_commands.archive_run, run=run, folder=folder, flags=given, config=config, json=json
    )


def migrate(
    to: Annotated[
        str | None,
        typer.Option(help="schema, as 0002; default: this release's", show_default=False),
    ] = None,
    lose: Annotated[
        bool, typer.Option("--lose", help="also where an older schema cannot hold something")
    ] = False,
    data: Data = None,
    store: StoreUrl = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Bring the store to this release's schema, or back to an older one's.

    Services do the first by themselves where the release before can go on with the store; where it
    cannot they refuse to start, and say who is to be stopped before this command. It says which
    older releases still can.

    Going back is for an older release that is to have the store again: stop recorders first. What
    the older schema cannot hold is told, and only with --lose taken.
    """
    from services import store_commands  # noqa: PLC0415

    given = flags(data=data, store=store)
    invoke(store_commands.migrate, to=to, lose=lose, flags=given, config=config, json=json)
