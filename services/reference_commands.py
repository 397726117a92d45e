"""What `dqmstream references` does: it asks a gateway, and tells it what a person decides."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from dqmstream.client import Client
from dqmstream.errors import ConfigurationError
from services.posting import post
from services.printing import moment, print_json
from services.terminal import drawn

__all__ = [
    "decide",
    "history",
    "list_references",
    "make",
    "propose",
    "runs_of",
    "show_reference",
    "upload",
]

_SHOWN: Final = 8


class Gateway(msgspec.Struct, frozen=True):
    """Where to ask, and as whom."""

    url: str
    token: str

    def get(self, resource: str, **query: Any) -> Any:
        """The JSON answer to a question."""
        with Client(self.url, token=self.token) as client:
            return client.get(resource, **query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer to a decision."""
        return post(self.url, self.token, path, body)


def list_references(
    *,
    workspace: str | None,
    name: str | None,
    status: str | None,
    standing: bool,
    url: str,
    token: str,
    json: bool,
) -> int:
    """List versions."""
    asked = {"workspace": workspace, "name": name, "status": status}
    answer = Gateway(url, token).get("references", standing=str(standing).lower(), **asked)
    if json:
        return print_json(answer)
    table = Table(box=None)
    for column in (
        "version",
        "workspace",
        "name",
        "kind",
        "of",
        "good for",
        "status",
        "expires",
        "owner",
    ):
        table.add_column(column, no_wrap=column == "version")
    for row in answer["references"]:
        table.add_row(
            row["id"],
            row["workspace"],
            f"{row['name']} #{row['number']}{' *' * row['stands']}",
            row["kind"],
            _made_of(row),
            _good_for(row["valid"]),
            # A gateway of the release before does not say it.
            "expired" if row.get("expired") else row["status"],
            "-" if row["expires"] is None else moment(row["expires"])[:10],
            row["owner"],
        )
    console = Console()
    console.print(table)
    console.print(f"{answer['total']} versions; * is used")
    return 0


def show_reference(*, version: str, path: str | None, url: str, token: str, json: bool) -> int:
    """Say all of a version, or draw one element of it."""
    gateway = Gateway(url, token)
    if path is None:
        row = gateway.get(f"references/{version}")
        if json:
            return print_json(row)
        for name, value in row.items():
            shown = moment(value) if name in {"made", "expires", "changed"} and value else value
            typer.echo(f"{name:12} {_plain(shown)}")
        return 0
    answer = gateway.get(f"references/{version}/contents", path=path)
    if json:
        return print_json(answer)
    for contents in answer["contents"]:
        for line in drawn(contents):
            typer.echo(line)
    return 0


def make(*, asked: Mapping[str, Any], url: str, token: str, json: bool) -> int:
    """Make versions out of stored runs."""
    answer = Gateway(url, token).post("references", asked)
    if json:
        return print_json(answer)
    for row in answer["references"]:
        typer.echo(_told(row))
    for workspace, why in answer["left_out"].items():
        typer.echo(f"{workspace}: none: {why}", err=True)
    return 0


def upload(*, file: Path, asked: Mapping[str, Any], url: str, token: str, json: bool) -> int:
    """Make a version of a file."""
    try:
        body = file.read_bytes()
    except OSError as error:
        msg = f"{file}: {error.strerror}"
        raise ConfigurationError(msg) from error
    kind = "application/octet-stream" if body[:4] == b"root" else "application/json"
    query = {"file": file.name, **asked}
    answer = post(url, token, "reference-uploads", body, query=query, media_type=kind)
    if json:
        return print_json(answer)
    typer.echo(f"{_told(answer['reference'])}; {answer['taken']} histograms taken")
    for why in answer["left_out"][:_SHOWN]:
        typer.echo(f"left out: {why}", err=True)
    return 0


def decide(*, version: str, action: str, why: str, url: str, token: str, json: bool) -> int:
    """Accept or retire a version."""
    row = Gateway(url, token).post(f"references/{version}/{action}", {"why": why})
    if json:
        return print_json(row)
    typer.echo(_told(row))
    return 0


def history(*, name: str, workspace: str | None, url: str, token: str, json: bool) -> int:
    """Tell who decided what, why and when."""
    asked = {"name": name, "workspace": workspace}
    answer = Gateway(url, token).get("references/history", **asked)
    if json:
        return print_json(answer)
    for step in answer["history"]:
        typer.echo(
            f"{moment(step['when'])} {step['workspace']} #{step['number']} {step['version']} "
            f"{step['action']}: {step['status']} by {step['who']}: {step['why']}"
        )
    return 0


def propose(
    *,
    run: str,
    criteria: Mapping[str, Any],
    asked: Mapping[str, Any] | None,
    url: str,
    token: str,
    json: bool,
) -> int:
    """Rank runs as references for one; propose the best, to be accepted, if `asked` says what for.

    Raises
    ------
    ConfigurationError
        If one is to be proposed, and none of the runs can be.
    """
    gateway = Gateway(url, token)
    answer = gateway.get("references/proposals", run=run, **criteria)
    best = next((one for one in answer["proposals"] if not one["refused"]), None)
    made: Any = None
    if asked is not None:
        if best is None:
            refused = [f"run {one['run']}: {one['refused']}" for one in answer["proposals"]]
            why = "; ".join(refused[:_SHOWN]) or "no other run of its type is stored"
            msg = f"no run can be proposed as a reference for run {answer['run']}: {why}"
            raise ConfigurationError(msg)
        why = f"proposed for run {answer['run']}: {'; '.join(best['reasons'])}"
        body = {**asked, "runs": {str(best["run"]): []}, "reason": why[:1_000], "proposed": True}
        made = gateway.post("references", body)
    if json:
        return print_json({**answer, "made": made})
    for one in answer["proposals"]:
        told = f"not: {one['refused']}" if one["refused"] else f"distance {one['distance']:.2f}"
        typer.echo(f"run {one['run']}: {told} ({'; '.join(one['reasons'])})")
    if not answer["proposals"]:
        typer.echo(f"no other run of the type of run {answer['run']} is stored")
    for row in made["references"] if made else ():
        typer.echo(f"{_told(row)}: dqmstream references accept {row['id']} --why ...")
    return 0


def runs_of(
    run: int | None, lumisections: Sequence[str], certified: Path | None
) -> dict[str, list[list[int]]]:
    """By run ranges of LSs, as the gateway takes them.

    Raises
    ------
    ConfigurationError
        If neither a run nor a list of certified LSs is given, or one of them is wrong.
    """
    if (run is None) == (certified is None):
        msg = "give either --run, perhaps with --lumisections, or --certified FILE"
        raise ConfigurationError(msg)
    if certified is not None:
        try:
            return msgspec.json.decode(certified.read_bytes(), type=dict[str, list[list[int]]])
        except (OSError, msgspec.MsgspecError) as error:
            msg = f"{certified}: expected JSON as {{'run': [[first, last], ...]}}: {error}"
            raise ConfigurationError(msg) from error
    return {str(run): [_range(text) for text in lumisections]}


def _range(text: str) -> list[int]:
    first, _, last = text.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        msg = f"lumisections are {text!r}, expected a-b or a"
        raise ConfigurationError(msg)
    if int(first) > int(last or first):
        msg = f"lumisections {text!r} fall, expected the lower one first"
        raise ConfigurationError(msg)
    return [int(first), int(last or first)]


def _told(row: Mapping[str, Any]) -> str:
    used = "used" if row["stands"] else row["status"]
    return (
        f"{row['workspace']}: {row['name']} #{row['number']} is {used}: version {row['id']}, "
        f"{row['elements']} elements of {_made_of(row)}"
    )


def _made_of(row: Mapping[str, Any]) -> str:
    if row["file"]:
        return str(row["file"])
    runs = [window["run"] for window in row["windows"]]
    named = f"run {runs[0]}" if len(runs) == 1 else f"{len(runs)} runs"
    return f"{named}, {row['exposed']['lumisections']} LSs"


def _good_for(valid: Mapping[str, Any]) -> str:
    """What is asked of an LS, in words: `pp*, STABLE BEAMS, 6800 GeV, runs 5-`."""
    said = [" or ".join(valid[name]) for name in ("run_types", "beam_modes", "prescales")]
    # A gateway of the release before knows of no energies.
    said.append(" or ".join(f"{energy:g} GeV" for energy in valid.get("energies", ())))
    first, last = valid["first_run"], valid["last_run"]
    if first is not None or last is not None:
        said.append(f"runs {'' if first is None else first}-{'' if last is None else last}")
    return ", ".join(filter(None, said)) or "all"


def _plain(value: object) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else str(value)
