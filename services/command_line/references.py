"""The commands about references: what elements are compared with, who decided so, and why."""

from pathlib import Path
from typing import Annotated, Any

import typer

from services.command_line.invoke import invoke
from services.command_line.options import (
    GATEWAY,
    Config,
    Data,
    ExpertToken,
    Json,
    Kafka,
    Url,
    Why,
    flags,
)
from services.command_line.reference_options import (
    BeamModes,
    Energies,
    ExpiresDays,
    FirstRun,
    Labels,
    LastRun,
    NameOption,
    Owner,
    Paths,
    Prescales,
    Proposed,
    Rank,
    Reason,
    RunTypes,
    Version,
    Workspace,
    Workspaces,
    labels_of,
    valid_for,
)

__all__ = ["add_to"]


def add_to(app: typer.Typer, *, panel: str) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="References: what quality tests compare with. A running gateway keeps the catalogue.",
    )
    for command in (list_, show, make, upload, propose, accept, retire, history, save):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="references", rich_help_panel=panel)


def list_(
    workspace: Workspace = None,
    name: Annotated[str | None, typer.Option(help="only of this name")] = None,
    status: Annotated[str | None, typer.Option(help="proposed, accepted or retired")] = None,
    standing: Annotated[
        bool, typer.Option("--standing", help="those that are used, in the order they are tried")
    ] = False,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """List versions of references."""
    from services import reference_commands  # noqa: PLC0415

    invoke(
        reference_commands.list_references,
        workspace=workspace,
        name=name,
        status=status,
        standing=standing,
        url=url,
        token=token,
        json=json,
    )


def show(
    version: Version,
    path: Annotated[str | None, typer.Option(help="draw this element of it")] = None,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Say what a version is and was made of, or draw an element of it."""
    from services import reference_commands  # noqa: PLC0415

    invoke(
        reference_commands.show_reference,
        version=version,
        path=path,
        url=url,
        token=token,
        json=json,
    )


def make(
    name: NameOption,
    owner: Owner,
    reason: Reason,
    run: Annotated[int | None, typer.Option(help="the run to make it of")] = None,
    lumisections: Annotated[
        list[str] | None,
        typer.Option(help="of the run, as `10-180`; may be repeated"),
    ] = None,
    certified: Annotated[
        Path | None, typer.Option(help="JSON of certified LSs by run, in place of --run")
    ] = None,
    band: Annotated[
        str | None,
        typer.Option(
            metavar="PER",
            help="make a band, per one of: entries, lumisections, luminosity, none",
        ),
    ] = None,
    require: Annotated[
        str, typer.Option(help="what is asked of the conditions of each LS, as in quality tests")
    ] = "",
    workspace: Workspaces = None,
    path: Paths = None,
    rank: Rank = 0,
    run_type: RunTypes = None,
    beam_mode: BeamModes = None,
    prescales: Prescales = None,
    energy: Energies = None,
    first_run: FirstRun = None,
    last_run: LastRun = None,
    label: Labels = None,
    expires_days: ExpiresDays = None,
    proposed: Proposed = False,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Make a reference of a stored run, of lumisections of it, or a band over many."""
    from services import reference_commands  # noqa: PLC0415

    def work() -> int:
        asked = _asked(name, owner, reason, rank, path, expires_days) | {
            "runs": reference_commands.runs_of(run, lumisections or [], certified),
            "workspaces": workspace or [],
            "band": band,
            "require": require,
            "valid": valid_for(run_type, beam_mode, prescales, energy, (first_run, last_run)),
            "labels": labels_of(label),
            "proposed": proposed,
        }
        return reference_commands.make(asked=asked, url=url, token=token, json=json)

    invoke(work)


def upload(
    file: Annotated[Path, typer.Argument(help="ROOT file, or JSON of UHI histograms")],
    name: NameOption,
    workspace: Annotated[str, typer.Option(help="whose elements it has")],
    owner: Owner,
    reason: Reason,
    run: Annotated[int | None, typer.Option(help="of a file with several: which")] = None,
    path: Paths = None,
    rank: Rank = 0,
    run_type: RunTypes = None,
    beam_mode: BeamModes = None,
    prescales: Prescales = None,
    energy: Energies = None,
    first_run: FirstRun = None,
    last_run: LastRun = None,
    label: Labels = None,
    expires_days: ExpiresDays = None,
    proposed: Proposed = False,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Make a reference of a file: histograms go to the elements of their paths."""
    from services import reference_commands  # noqa: PLC0415

    asked: dict[str, Any] = {
        "name": name,
        "workspace": workspace,
        "owner": owner,
        "reason": reason,
        "run": run,
        "path": path or [],
        "rank": rank,
        "run_type": run_type or [],
        "beam_mode": beam_mode or [],
        "prescales": prescales or [],
        "energy": energy or [],
        "first_run": first_run,
        "last_run": last_run,
        "label": [f"{name}={value}" for name, value in labels_of(label).items()],
        "expires_days": expires_days,
        "proposed": str(proposed).lower(),
    }
    invoke(reference_commands.upload, file=file, asked=asked, url=url, token=token, json=json)


def propose(
    run: Annotated[str, typer.Argument(help="run to find a reference for, or `current`")],
    name: Annotated[
        str | None,
        typer.Option(help="propose the best under this name, to be accepted; default: rank only"),
    ] = None,
    owner: Owner = "",
    workspace: Workspaces = None,
    rank: Rank = 0,
    ratio: Annotated[
        float, typer.Option(min=1.01, max=10, help="how far luminosity and pile-up may be apart")
    ] = 1.15,
    days: Annotated[float, typer.Option(min=0.1, help="... and the runs")] = 10.0,
    lumisections: Annotated[int, typer.Option(min=1, help="least that it must have")] = 5,
    bad: Annotated[
        float, typer.Option(min=0, max=1, help="largest share of its quality tests that were BAD")
    ] = 0.05,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Rank stored runs as references for a run: by luminosity, pile-up, age, menu, statistics."""
    if name is not None and not owner:
        msg = "a proposal takes an --owner: who answers for it"
        raise typer.BadParameter(msg)
    from services import reference_commands  # noqa: PLC0415

    asked = None
    if name is not None:
        asked = {"name": name, "owner": owner, "rank": rank, "workspaces": workspace or []}
    invoke(
        reference_commands.propose,
        run=run,
        criteria={"ratio": ratio, "days": days, "lumisections": lumisections, "bad": bad},
        asked=asked,
        url=url,
        token=token,
        json=json,
    )


def accept(
    version: Version, why: Why, url: Url = GATEWAY, token: ExpertToken = "", json: Json = False
) -> None:
    """Use a version: one that was proposed, or retired."""
    _decide(version, "accept", why, url, token, json=json)


def retire(
    version: Version, why: Why, url: Url = GATEWAY, token: ExpertToken = "", json: Json = False
) -> None:
    """Use a version no more; the one of its name before it stands again."""
    _decide(version, "retire", why, url, token, json=json)


def history(
    name: Annotated[str, typer.Argument(help="name of a reference")],
    workspace: Workspace = None,
    url: Url = GATEWAY,
    token: ExpertToken = "",
    json: Json = False,
) -> None:
    """Tell who decided what about a reference, why and when."""
    from services import reference_commands  # noqa: PLC0415

    invoke(
        reference_commands.history, name=name, workspace=workspace, url=url, token=token, json=json
    )


def save(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="file to write")],
    data: Data = None,
    kafka: Kafka = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Save the references that are used now as a file, for `dqmstream playback compare`.

    Read from the log, of --data while no system runs there, or of Kafka at any time. Versions that
    stand and have not expired are saved, with all their contents.
    """
    from services import saved_references  # noqa: PLC0415

    invoke(
        saved_references.save,
        to=file,
        flags=flags(data=data, kafka=kafka),
        config=config,
        json=json,
    )


def _decide(version: str, action: str, why: str, url: str, token: str, *, json: bool) -> None:
    from services import reference_commands  # noqa: PLC0415

    invoke(
        reference_commands.decide,
        version=version,
        action=action,
        why=why,
        url=url,
        token=token,
        json=json,
    )


def _asked(
    name: str, owner: str, reason: str, rank: int, path: list[str] | None, days: float | None
) -> dict[str, Any]:
    return {
        "name": name,
        "owner": owner,
        "reason": reason,
        "rank": rank,
        "paths": path or ["**"],
        "expires_days": days,
    }
