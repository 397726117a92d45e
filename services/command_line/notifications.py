"""The commands about notifications: who is told of alarms, and whether it arrives."""

from typing import Annotated

import typer

from services.command_line import notification_routes
from services.command_line.invoke import invoke
from services.command_line.options import GATEWAY, Config, ExpertToken, Json, Url, Why, flags

__all__ = ["add_to"]

Name = Annotated[str, typer.Argument(help="name of a subscription, as `list` shows it")]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Notifications: who is told of alarms, and whether it arrives.",
    )
    group.command("list")(list_)
    group.command("test")(try_out)
    for command in (dead, again, enable, disable):
        group.command()(command)
    notification_routes.add_to(group)
    app.add_typer(group, name="notifications", rich_help_panel=panel)


def list_(url: Url = GATEWAY, token: ExpertToken = "", json: Json = False) -> None:
    """List receivers, whether they take what they are sent, and subscriptions."""
    from services import notification_commands  # noqa: PLC0415

    invoke(notification_commands.list_subscriptions, url=url, token=token, json=json)


def try_out(
    name: Name,
    here: Annotated[
        bool,
        typer.Option(
            "--here",
            help="send it from this process, by DQMSTREAM_NOTIFICATIONS and the secrets of its own "
            "environment: before anything runs",
        ),
    ] = False,
    wait: Annotated[float, typer.Option(min=0.1, help="seconds to wait for the outcome")] = 30.0,
    why: Why = "",
    url: Url = GATEWAY,
    token: ExpertToken = "",
    config: Config = None,
) -> None:
    """Send a notification in which nothing happened, and say whether it arrived."""
    from services import notification_commands  # noqa: PLC0415

    if here:
        invoke(notification_commands.try_out_here, name=name, flags=flags(), config=config)
        return
    invoke(notification_commands.try_out, name=name, why=why, wait=wait, url=url, token=token)


def dead(
    subscription: Annotated[
        str | None, typer.Option(help="only of this one", show_default=False)
    ] = None,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """List what was given up: somebody was not told of it."""
    from services import notification_commands  # noqa: PLC0415

    invoke(
        notification_commands.list_dead,
        subscription=subscription,
        url=url,
        token=token,
        json=json,
    )


def again(name: Name, why: Why = "", url: Url = GATEWAY, token: ExpertToken = "") -> None:
    """Send again what was given up of a subscription."""
    _act(name, "again", why, url, token)


def enable(name: Name, why: Why = "", url: Url = GATEWAY, token: ExpertToken = "") -> None:
    """Let a subscription tell again."""
    _act(name, "enable", why, url, token)


def disable(name: Name, why: Why = "", url: Url = GATEWAY, token: ExpertToken = "") -> None:
    """Let a subscription tell nothing more, but what waits already."""
    _act(name, "disable", why, url, token)


def _act(name: str, action: str, why: str, url: str, token: str) -> None:
    from services import notification_commands  # noqa: PLC0415

    invoke(notification_commands.act, name=name, action=action, why=why, url=url, token=token)
