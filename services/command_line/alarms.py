"""The commands about alarms: what is raised, what became of it, and what a person decides."""

from collections.abc import Mapping
from typing import Annotated, Literal

import typer

from services.command_line import alarm_rules
from services.command_line.invoke import invoke
from services.command_line.options import GATEWAY, Json, Url, Why

__all__ = ["add_to"]

Token = Annotated[
    str,
    typer.Option(
        help="of role shifter, or expert, for what decides something; better as a variable",
        envvar="DQMSTREAM_TOKEN",
        show_default=False,
    ),
]
Name = Annotated[
    str, typer.Argument(help="name of an alarm, as `list` shows it; or a glob `quality:Muon/**`")
]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Alarms: what is raised, acknowledged, shelved. A running gateway is asked.",
    )
    group.command("list")(list_)
    for command in (tail, history, ack, shelve, unshelve):
        group.command()(command)
    group.command("out-of-service")(out_of_service)
    group.command("in-service")(in_service)
    alarm_rules.add_to(group)
    app.add_typer(group, name="alarms", rich_help_panel=panel)


def list_(
    show: Annotated[
        Literal["raised", "hidden", "all"],
        typer.Option(help="in sight and not normal; shelved, masked, ...; all ever raised"),
    ] = "raised",
    workspace: Annotated[str | None, typer.Option(help="default: all")] = None,
    collapse: Annotated[
        bool | None,
        typer.Option(
            "--collapse/--each",
            help="a line for each workspace and LS, of those in sight; default: in a flood",
        ),
    ] = None,
    url: Url = GATEWAY,
    token: Token = "",
    json: Json = False,
) -> None:
    """List alarms."""
    from services import alarm_commands  # noqa: PLC0415

    invoke(
        alarm_commands.list_alarms,
        show=show,
        workspace=workspace,
        collapse=collapse,
        url=url,
        token=token,
        json=json,
    )


def tail(
    last: Annotated[int, typer.Option(min=0, help="so many steps before")] = 20,
    follow: Annotated[bool, typer.Option("--follow/--once", help="those that come, too")] = True,
    url: Url = GATEWAY,
    token: Token = "",
    json: Json = False,
) -> None:
    """Print steps of alarms as they come, until Ctrl-C."""
    from services import alarm_commands  # noqa: PLC0415

    invoke(alarm_commands.tail, last=last, follow=follow, url=url, token=token, json=json)


def history(alarm: Name, url: Url = GATEWAY, token: Token = "", json: Json = False) -> None:
    """Print who did what to an alarm, why and when."""
    from services import alarm_commands  # noqa: PLC0415

    invoke(alarm_commands.history, alarm=alarm, url=url, token=token, json=json)


def ack(
    alarm: Name, why: Why = "", url: Url = GATEWAY, token: Token = "", json: Json = False
) -> None:
    """Acknowledge an alarm: somebody has seen it, and acts."""
    _decide("acknowledge", alarm, why, url=url, token=token, json=json)


def shelve(
    alarm: Name,
    why: Annotated[str, typer.Option(help="for the record; a shelf needs one")],
    minutes: Annotated[float, typer.Option(min=0.01, help="for so long")] = 60.0,
    one_shot: Annotated[
        bool, typer.Option("--one-shot", help="or until the alarm's condition is gone")
    ] = False,
    url: Url = GATEWAY,
    token: Token = "",
    json: Json = False,
) -> None:
    """Put an alarm aside for a while; it is still evaluated, and calls nobody."""
    more = {"seconds": 60 * minutes, "one_shot": one_shot}
    _decide("shelve", alarm, why, more, url=url, token=token, json=json)


def unshelve(
    alarm: Name, why: Why = "", url: Url = GATEWAY, token: Token = "", json: Json = False
) -> None:
    """Take an alarm off the shelf."""
    _decide("unshelve", alarm, why, url=url, token=token, json=json)


def out_of_service(
    alarm: Name,
    why: Annotated[str, typer.Option(help="for the record; it needs one")],
    url: Url = GATEWAY,
    token: Token = "",
    json: Json = False,
) -> None:
    """Take an alarm out of service, until it is put back (experts)."""
    _decide("out-of-service", alarm, why, url=url, token=token, json=json)


def in_service(
    alarm: Name, why: Why = "", url: Url = GATEWAY, token: Token = "", json: Json = False
) -> None:
    """Put an alarm back in service (experts)."""
    _decide("in-service", alarm, why, url=url, token=token, json=json)


def _decide(
    action: str,
    alarm: str,
    why: str,
    more: Mapping[str, object] | None = None,
    *,
    url: str,
    token: str,
    json: bool,
) -> None:
    from services import alarm_commands  # noqa: PLC0415

    body = {"alarm": alarm, "why": why, **(more or {})}
    invoke(alarm_commands.decide, action=action, body=body, url=url, token=token, json=json)
