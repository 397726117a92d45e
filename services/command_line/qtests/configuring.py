"""The commands that try quality tests, put them in force, take them back and explain reports."""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import GATEWAY, ExpertToken, Json, Url, Why
from services.command_line.versions import Number, To

__all__ = ["add_to"]

File = Annotated[Path, typer.Argument(help="TOML file of quality tests")]


def add_to(group: typer.Typer) -> None:
    """Add the commands."""
    for command in (check, dry_run, activate, rollback, history, show, explain):
        group.command(command.__name__.replace("_", "-"))(command)


def check(file: File, json: Json = False) -> None:
    """Read a file of quality tests as the comparator does, and say what is wrong with it."""
    from services import quality_commands  # noqa: PLC0415 help is quick without

    invoke(quality_commands.check, file=file, json=json)


def dry_run(
    file: File,
    run: Annotated[int | None, typer.Option(help="default: the one that began last")] = None,
    last: Annotated[int, typer.Option(min=1, max=200, help="newest LSs to judge")] = 10,
    whole: Annotated[
        bool, typer.Option("--whole", help="all LSs of the run, not the last")
    ] = False,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Say which verdicts of a stored run would be others by the tests of a file.

    Both they and the tests in force judge the same contents, LS by LS as a comparator would have;
    nothing is changed.
    """
    from services import quality_commands  # noqa: PLC0415

    invoke(
        quality_commands.dry_run,
        file=file,
        run=run,
        last=None if whole else last,
        url=url,
        token=token,
        json=json,
    )


def activate(
    file: File, why: Why, url: Url = GATEWAY, token: ExpertToken = "", json: Json = False
) -> None:
    """Put the tests of a file in force, from the next LS on, without a restart."""
    from services import quality_commands  # noqa: PLC0415

    invoke(quality_commands.activate, file=file, why=why, url=url, token=token, json=json)


def rollback(
    why: Why,
    to: To = None,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Put earlier tests in force again."""
    from services import quality_commands  # noqa: PLC0415

    invoke(quality_commands.roll_back, to=to, why=why, url=url, token=token, json=json)


def history(url: Url = GATEWAY, token: ExpertToken = "", json: Json = False) -> None:
    """List who put which tests in force, when and why."""
    from services import quality_commands  # noqa: PLC0415

    invoke(quality_commands.history, url=url, token=token, json=json)


def show(
    number: Number = None,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Print the tests of a version."""
    from services import version_commands  # noqa: PLC0415

    asked = {"route": "quality-tests", "number": number}
    invoke(version_commands.show, **asked, url=url, token=token, json=json)


def explain(
    report: Annotated[str, typer.Argument(help="RUN/LS/WORKSPACE/PATH:TEST, perhaps with @SCOPE")],
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Run the test of a report again on the same inputs, and show the numbers.

    Status 1 says that it does not say the same again: what is not as it was is named.
    """
    from services import quality_commands  # noqa: PLC0415

    invoke(quality_commands.explain, report=report, url=url, token=token, json=json)
