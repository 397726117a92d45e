"""The commands about deployments: planned, run beside production, promoted, rolled back."""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import (
    GATEWAY,
    Config,
    Data,
    ExpertToken,
    Json,
    Kafka,
    Port,
    Url,
    Why,
    Workspaces,
    flags,
)

__all__ = ["add_to"]

Name = Annotated[
    str, typer.Argument(help="of the deployment: small letters, digits and hyphens, as v2")
]
FromRun = Annotated[
    int | None,
    typer.Option(
        min=1, help="run from which readers show its set; default: the next", show_default=False
    ),
]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add `deploy` with its commands."""
    deploy = typer.Typer(
        no_args_is_help=True,
        help="Plan a release or configuration, run it beside production, promote it, go back.",
    )
    for command in (plan, candidate, compare, promote, rollback, drop, status, history):
        deploy.command()(command)
    app.add_typer(deploy, name="deploy", rich_help_panel=panel)


def plan(
    name: Name,
    why: Why,
    report: Annotated[
        Path | None,
        typer.Option(
            help="report of [bold]dqmstream playback compare[/bold]: its folder", exists=True
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print the summary, write nothing down")
    ] = False,
    workspaces: Workspaces = None,
    data: Data = None,
    kafka: Kafka = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say what this release with these settings would change, as Markdown to send round.

    To be run in the environment of the new release, with the settings it is to have: it is compared
    with what is deployed.
    """
    from services import deploy_commands  # noqa: PLC0415

    given = flags(workspaces=workspaces, data=data, kafka=kafka)
    invoke(
        deploy_commands.plan,
        name=name,
        why=why,
        report=report,
        dry_run=dry_run,
        flags=given,
        config=config,
        json=json,
    )


def candidate(
    name: Name,
    why: Annotated[str, typer.Option(help="for the record")] = "",
    url: Annotated[
        str,
        typer.Option(
            help="of its page for browsers; default: where it listens", show_default=False
        ),
    ] = "",
    workspaces: Workspaces = None,
    data: Data = None,
    port: Port = None,
    kafka: Kafka = None,
    config: Config = None,
) -> None:
    """Run a planned deployment beside production, in one process, until stopped.

    It reads the events of production, and has topics, groups and a store of its own. With
    DQMSTREAM_CANDIDATE=NAME every service of it can be a process instead.
    """
    from services import deploy_candidate  # noqa: PLC0415

    given = flags(workspaces=workspaces, data=data, port=port, kafka=kafka)
    invoke(deploy_candidate.candidate, name=name, why=why, url=url, flags=given, config=config)


def compare(
    name: Name,
    run: Annotated[int, typer.Option(min=1, help="run of both")],
    lumisections: Annotated[
        str | None,
        typer.Option(help="as 5-10; default: the whole run", show_default=False),
    ] = None,
    url: Url = GATEWAY,
    candidate_url: Annotated[
        str,
        typer.Option(help="of its gateway; default: as it was started", show_default=False),
    ] = "",
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Compare a candidate with production, element by element and bin by bin.

    Status 1 if an element of both differs. --url is the gateway of production, which knows where
    the candidate's is.
    """
    from services import deploy_compare  # noqa: PLC0415

    invoke(
        deploy_compare.compare,
        name=name,
        run=run,
        lumisections=lumisections,
        url=url,
        candidate_url=candidate_url,
        token=token,
        json=json,
    )


def promote(
    name: Name,
    why: Why,
    from_run: FromRun = None,
    data: Data = None,
    kafka: Kafka = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make a deployment the one in force, and write down who did, when and why."""
    from services import deploy_commands  # noqa: PLC0415

    invoke(
        deploy_commands.promote,
        name=name,
        why=why,
        from_run=from_run,
        flags=flags(data=data, kafka=kafka),
        config=config,
        json=json,
    )


def rollback(
    why: Why,
    from_run: FromRun = None,
    data: Data = None,
    kafka: Kafka = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make the deployment before the one in force again."""
    from services import deploy_commands  # noqa: PLC0415

    given = flags(data=data, kafka=kafka)
    run = deploy_commands.roll_back
    invoke(run, why=why, from_run=from_run, flags=given, config=config, json=json)


def drop(
    name: Name,
    why: Why,
    keep: Annotated[bool, typer.Option("--keep", help="leave its topics on the brokers")] = False,
    data: Data = None,
    kafka: Kafka = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """End a candidate: its topics are removed, its store is left. Stop its processes first."""
    from services import deploy_candidate  # noqa: PLC0415

    given = flags(data=data, kafka=kafka)
    invoke(
        deploy_candidate.drop, name=name, why=why, keep=keep, flags=given, config=config, json=json
    )


def status(
    data: Data = None, kafka: Kafka = None, config: Config = None, json: Json = False
) -> None:
    """Say what is deployed, what is planned, and what runs beside production."""
    from services import deploy_status  # noqa: PLC0415

    invoke(deploy_status.status, flags=flags(data=data, kafka=kafka), config=config, json=json)


def history(
    data: Data = None, kafka: Kafka = None, config: Config = None, json: Json = False
) -> None:
    """List every step: who deployed what when and why, from what to what."""
    from services import deploy_status  # noqa: PLC0415

    invoke(deploy_status.history, flags=flags(data=data, kafka=kafka), config=config, json=json)
