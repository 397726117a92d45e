"""`dqmstream playback compare`: two releases on the same recording."""

from pathlib import Path
from typing import Annotated

import typer

from playback.comparing.release import FORMS
from services.command_line.invoke import invoke
from services.command_line.options import Json

__all__ = ["add_to"]

*_SOME, _LAST = (form.replace("[", r"\[") for form in FORMS)  # as it stands, not as markup
_FORMS = f"{', '.join(_SOME)} or {_LAST}"


def add_to(app: typer.Typer) -> None:
    """Add `compare` and `cache`."""
    app.command()(compare)
    app.command()(cache)


Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="FOLDER",
        help="folder of environments and results",
        show_default="~/.cache/dqmstream/playback",
    ),
]


def compare(
    candidate: Annotated[str, typer.Option(metavar="REF", help=f"what is to be judged: {_FORMS}")],
    recording: Annotated[
        Path | None,
        typer.Argument(
            metavar="RECORDING",
            help="folder of a recording that both are run on; none if both are made already",
            show_default=False,
        ),
    ] = None,
    production: Annotated[
        str, typer.Option(metavar="REF", help="what it is compared with: the same forms")
    ] = "installed",
    policy: Annotated[
        Path | None,
        typer.Option(help="TOML file of what may change, and of budgets; default: nothing may"),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="write report.md, report.html with plots, and report.json here"
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of workspaces, quality tests, alarm rules and references of both sides"
        ),
    ] = None,
    references: Annotated[
        str,
        typer.Option(
            metavar="CATALOGUE",
            help="references that both sides are judged with: a file of `dqmstream references "
            "save`, the folder of --data, or Kafka brokers",
            show_default="none",
        ),
    ] = "",
    run: Annotated[
        int | None, typer.Option(min=1, help="run to compare, where there are several")
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, max=50, help="time filling so often, and take the median")
    ] = 1,
    memory: Annotated[
        bool, typer.Option(help="measure memory of each workspace, in a pass of its own")
    ] = True,
    minutes: Annotated[
        float, typer.Option(min=0.01, help="after which a side that has not ended is ended")
    ] = 60.0,
    again: Annotated[
        bool, typer.Option("--again", help="run both even if there are results from before")
    ] = False,
    install: Annotated[
        bool,
        typer.Option(
            "--install",
            help="install what a release needs and is not here, in an environment of its own, "
            "from where pip is configured to fetch",
        ),
    ] = False,
    folder: Cache = None,
    cache_size: Annotated[
        str,
        typer.Option(
            metavar="SIZE", help="of the cache: what was used longest ago goes beyond that"
        ),
    ] = "5GiB",
    json: Json = False,
) -> None:
    """Run two releases on the same recording, and say in what the candidate differs.

    Compared are, per LS and over the run: elements, their bins and contents, verdicts, alarms,
    quality tests; time and memory of each workspace, log lines, crashes.

    Status 0: nothing differs but what the policy allows. 1: something does. 2: it was asked
    wrongly. 3: it could not be judged: a side crashed, a store or a log did not answer, or nothing
    was read.
    """
    from services import comparing  # noqa: PLC0415

    invoke(
        comparing.compare,
        production=production,
        candidate=candidate,
        recording=recording,
        policy=policy,
        report=report,
        config=config,
        references=references,
        run=run,
        repeats=repeats,
        memory=memory,
        minutes=minutes,
        again=again,
        install=install,
        cache=folder,
        cache_size=cache_size,
        json=json,
    )


def cache(
    folder: Cache = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="remove everything, unless a comparison is running")
    ] = False,
    json: Json = False,
) -> None:
    """Say what the cache of comparisons holds, or clear it.

    Comparisons tidy it themselves: what was killed half way is removed, and what was used longest
    ago once it is larger than `compare --cache-size`. Status 1 if it cannot be cleared now.
    """
    from services import comparing  # noqa: PLC0415

    invoke(comparing.cache, folder=folder, clear=clear, json=json)
