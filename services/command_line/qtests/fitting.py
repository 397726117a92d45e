"""The command that learns the weights of a combined quality test from LSs that people judged."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import Json
from services.command_line.qtests.file_written import Out, Replace, check_new, write

if TYPE_CHECKING:
    from dqmstream.quality.fitted_test import FittedTest

__all__ = ["add_to"]


def add_to(group: typer.Typer) -> None:
    """Add the command."""
    group.command("fit")(fit)


def fit(
    file: Annotated[
        Path,
        typer.Argument(
            help="labelled LSs: CSV, .gz or not, columns fromrun, fromlumi, histo, Json, DCSbit"
        ),
    ],
    path: Annotated[str, typer.Option(help="which elements the test is of: glob or regex:...")],
    name: Annotated[str, typer.Option(help="of the test")] = "combined distance",
    part: Annotated[
        list[str] | None,
        typer.Option(
            help="a distance that may count; default: nearest, and amount", metavar="PART"
        ),
    ] = None,
    earlier: Annotated[
        bool, typer.Option("--earlier", help="references of earlier runs only, as when data come")
    ] = False,
    out: Out = None,
    replace: Replace = False,
    json: Json = False,
) -> None:
    """Learn a CombinedDistance test from labelled LSs, and write it as a file of tests.

    Each LS is compared with the good LSs of the five runs nearest to its own. How many bad LSs it
    finds at 1 % false alarms is said of runs that its weights have not seen.
    """
    invoke(
        _fit,
        file=file,
        path=path,
        name=name,
        parts=tuple(part or ()),
        earlier=earlier,
        out=out,
        replace=replace,
        json=json,
    )


def _fit(
    *,
    file: Path,
    path: str,
    name: str,
    parts: tuple[str, ...],
    earlier: bool,
    out: Path | None,
    replace: bool,
    json: bool,
) -> int:
    import msgspec  # noqa: PLC0415 help is quick without

    from dqmstream.errors import ConfigurationError  # noqa: PLC0415
    from dqmstream.quality.declaration import read_tests  # noqa: PLC0415
    from dqmstream.quality.fitted_test import fitted_test  # noqa: PLC0415
    from dqmstream.quality.labelled import read_labelled  # noqa: PLC0415

    check_new(out, replace=replace)
    try:
        chosen = {"parts": parts} if parts else {}
        found = fitted_test(read_labelled(file), name=name, path=path, earlier=earlier, **chosen)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    # What is written is what the comparator will read.
    read_tests(found.toml, str(out or "standard output"))
    if out is not None:
        write(out, found.toml)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return 0
    if out is None:
        typer.echo(found.toml, nl=False)
    for line in _lines(found):
        typer.echo(line, err=out is None)
    return 0


def _lines(found: "FittedTest") -> list[str]:
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in found.weights.items())
    alarms, caught = 100 * found.false_alarms, 100 * found.found
    return [
        f"learned on {found.good} good and {found.bad} bad LSs of {found.runs} runs: {weights}",
        f"in runs not seen: ROC area {found.area:.3f}; at a threshold of 1 % "
        f"{alarms:.1f} % false alarms, {caught:.0f} % of bad ones found",
    ]
