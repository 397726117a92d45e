"""The commands that look at a system that runs: what is in its plots, and how it stands."""

from pathlib import Path
from typing import Annotated

import typer

from services.command_line.invoke import invoke
from services.command_line.options import GATEWAY, Config, Json, Kafka, Url, flags

__all__ = ["add_to"]

Token = Annotated[
    str,
    typer.Option(
        help="for a gateway that lets only those read who have one; better as a variable",
        envvar="DQMSTREAM_TOKEN",
        show_default=False,
    ),
]
Run = Annotated[int | None, typer.Option(help="run; default: the newest")]
Lumisections = Annotated[str, typer.Option("--lumisections", help="as `27` or `27-28`")]
Last = Annotated[int | None, typer.Option(help="the last so many LSs")]
AsOf = Annotated[
    str, typer.Option(help="only what was known then: a time, or `offset:N` of dqm.histograms")
]
Late = Annotated[bool, typer.Option("--late", help="with what came after its LS had closed")]
Watch = Annotated[
    bool | None,
    typer.Option("--watch/--once", help="draw it anew until Ctrl-C; default: in a terminal"),
]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add the commands."""
    for command in (top, show, export, status):
        app.command(rich_help_panel=panel)(command)


def top(
    run: Annotated[int | None, typer.Option(help="a run in memory; default: the newest")] = None,
    watch: Watch = None,
    url: Url = GATEWAY,
    token: Token = "",
    json: Json = False,
) -> None:
    """Show in a terminal what the page shows: the run, its LSs, and what is wrong where."""
    from services.top import command  # noqa: PLC0415

    invoke(command.top, url=url, token=token, run=run, watch=watch, json=json)


def show(
    path: Annotated[str, typer.Argument(help="path of a MonitorElement, as `Pixel/Layer1/charge`")],
    run: Run = None,
    lumisections: Lumisections = "",
    last: Last = None,
    as_of: AsOf = "",
    late: Late = False,
    trend: Annotated[
        str,
        typer.Option(
            metavar="QUANTITY",
            help="instead one number in each LS: mean, rms, error, median, quantile:0.9, entries, "
            "rate, nan or outside",
            show_default=False,
        ),
    ] = "",
    against: Annotated[
        str,
        typer.Option(
            help="the trend against what is known of each LS: pileup, luminosity, delivered, "
            "recorded, prescale_index or fill",
            show_default="the LS",
        ),
    ] = "",
    runs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000,
            help="the trend over so many runs: the one asked for and those before it",
            show_default=False,
        ),
    ] = None,
    url: Url = GATEWAY,
    token: Token = "",
    json: Json = False,
) -> None:
    """Draw a histogram or a trend in the terminal, from a running gateway."""
    from services import terminal  # noqa: PLC0415

    asked = _window(run, lumisections, last, as_of, late=late)
    if runs is not None:
        invoke(
            terminal.show_run_trend,
            path=path,
            quantity=trend or "mean",
            against=against,
            runs=runs,
            asked=asked,
            url=url,
            token=token,
            json=json,
        )
        return
    if trend or against:
        invoke(
            terminal.show_trend,
            path=path,
            quantity=trend or "mean",
            against=against,
            asked=asked,
            url=url,
            token=token,
            json=json,
        )
        return
    invoke(terminal.show, path=path, asked=asked, url=url, token=token, json=json)


def export(
    paths: Annotated[
        list[str], typer.Argument(help="paths of MonitorElements, or one glob as `Pixel/**`")
    ],
    to: Annotated[
        Path,
        typer.Option(
            "--to",
            "-o",
            help="file to write; its suffix is the format: .root .parquet .arrow .npz .csv .json "
            "(UHI) .png .svg, and with --each .npy",
        ),
    ],
    each: Annotated[
        bool, typer.Option("--each", help="one element LS by LS, as one array, and not their sum")
    ] = False,
    format_: Annotated[
        str, typer.Option("--format", help="format, if the suffix does not say it")
    ] = "",
    run: Run = None,
    lumisections: Lumisections = "",
    last: Last = None,
    as_of: AsOf = "",
    late: Late = False,
    url: Url = GATEWAY,
    token: Token = "",
    json: Json = False,
) -> None:
    """Write elements of a live or past run to a file that other programs read."""
    from services import exporting  # noqa: PLC0415

    invoke(
        exporting.export,
        paths=paths,
        to=to,
        each=each,
        form=format_,
        asked=_window(run, lumisections, last, as_of, late=late),
        url=url,
        token=token,
        json=json,
    )


def status(
    watch: Watch = None,
    url: Annotated[str, typer.Option(help="gateway to ask, instead of the brokers")] = "",
    token: Token = "",
    kafka: Kafka = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show how the whole system stands: services, lag, open lumisections, missing sources, topics.

    Reads the log on Kafka, and writes nothing; the embedded log is another process's own, whose
    gateway is asked.
    """
    from services.status import command  # noqa: PLC0415

    invoke(
        command.status,
        flags=flags(kafka=kafka),
        config=config,
        url=url,
        token=token,
        watch=watch,
        json=json,
    )


def _window(
    run: int | None, lumisections: str, last: int | None, as_of: str, *, late: bool
) -> dict[str, object]:
    """What is asked for, as the gateway takes it."""
    return {
        "run": run or "current",
        "lumisections": lumisections or None,
        "last": last,
        "as_of": as_of or None,
        "late": "include" if late else None,
    }
