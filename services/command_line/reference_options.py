"""Options that several commands about references have, and what they become for the gateway."""

from typing import Annotated, Any

import typer

__all__ = [
    "BeamModes",
    "Energies",
    "ExpiresDays",
    "FirstRun",
    "Labels",
    "LastRun",
    "NameOption",
    "Owner",
    "Paths",
    "Prescales",
    "Proposed",
    "Rank",
    "Reason",
    "RunTypes",
    "Version",
    "Workspace",
    "Workspaces",
    "labels_of",
    "valid_for",
]

Version = Annotated[str, typer.Argument(help="id of a version, as `list` shows it")]
NameOption = Annotated[
    str,
    typer.Option(
        help="of the reference; a new version of a name takes the place of the one before"
    ),
]
Workspace = Annotated[str | None, typer.Option(help="default: all")]
Workspaces = Annotated[
    list[str] | None,
    typer.Option("--workspace", help="may be repeated; default: all", show_default=False),
]
Paths = Annotated[
    list[str] | None,
    typer.Option(
        "--path", help="pattern of elements, may be repeated; default: all", show_default=False
    ),
]
Rank = Annotated[int, typer.Option(help="place in the chain: the lower, the earlier it is tried")]
Owner = Annotated[str, typer.Option(help="who answers for it")]
Reason = Annotated[str, typer.Option(help="why it is a good one")]
ExpiresDays = Annotated[
    float | None, typer.Option(help="days after which it is not used any more", show_default=False)
]
Proposed = Annotated[bool, typer.Option("--proposed", help="not to be used until it is accepted")]
RunTypes = Annotated[
    list[str] | None,
    typer.Option("--run-type", help="run type it is good for, a glob; may be repeated"),
]
BeamModes = Annotated[
    list[str] | None, typer.Option("--beam-mode", help="beam mode it is good for, the same")
]
Prescales = Annotated[
    list[str] | None, typer.Option("--prescales", help="name of a prescale column, the same")
]
Energies = Annotated[
    list[float] | None,
    typer.Option("--energy", help="of a beam it is good for, in GeV, within 1 %; may be repeated"),
]
FirstRun = Annotated[int | None, typer.Option(help="first run it is good for", show_default=False)]
LastRun = Annotated[int | None, typer.Option(help="last run it is good for", show_default=False)]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", help="as `filling scheme=25ns_2460b`, to be read; may be repeated"),
]


def valid_for(
    run_types: list[str] | None,
    beam_modes: list[str] | None,
    prescales: list[str] | None,
    energies: list[float] | None,
    runs: tuple[int | None, int | None],
) -> dict[str, Any]:
    """What a reference is good for: nothing asked for where nothing is given."""
    first, last = runs
    return {
        "run_types": run_types or [],
        "beam_modes": beam_modes or [],
        "prescales": prescales or [],
        "energies": energies or [],
        "first_run": first,
        "last_run": last,
    }


def labels_of(texts: list[str] | None) -> dict[str, str]:
    """Labels out of `name=value`; BadParameter if one is not of that form."""
    found = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            msg = f"{text!r} is not of the form name=value"
            raise typer.BadParameter(msg)
        found[name] = value
    return found
