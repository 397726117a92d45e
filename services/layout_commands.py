"""What `dqmstream layouts` does: it asks a gateway, and tells it what a person decides."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from dqmstream.client import Client
from dqmstream.errors import ConfigurationError
from dqmstream.layouts.check import document_of, read_layout
from services.posting import post, send
from services.printing import moment, print_json
from services.version_commands import text_of

__all__ = [
    "delete",
    "export",
    "import_files",
    "list_layouts",
    "put",
    "restore",
    "show",
    "versions",
]

_SHOWN_PATHS: Final = 8
"""Of one reason; all of them are told with --all or --json."""


def list_layouts(*, url: str, token: str, json: bool) -> int:
    """Print the layouts that stand."""
    with Client(url, token=token) as client:
        found = client.get("layouts")
    if json:
        return print_json(found)
    table = Table(box=None)
    for name in ("layout", "version", "tabs", "plots", "by", "when", "title"):
        is_number = name in {"tabs", "plots"}
        table.add_column(name, justify="right" if is_number else "left", no_wrap=name == "layout")
    for row in found["layouts"]:
        version = "shipped" if row["shipped"] else str(row["version"])
        when = moment(row["when"]) if row["when"] else "-"
        tabs, plots = str(len(row["tabs"])), str(row["plots"])
        table.add_row(row["name"], version, tabs, plots, row["who"], when, row["title"])
    Console().print(table)
    if not found["layouts"]:
        typer.echo("none yet: shipped ones are made of bookings, and there are none")
    return 0


def show(*, name: str, version: int | None, url: str, token: str, json: bool) -> int:
    """Print what a layout shows; as JSON, the layout as `put` takes it."""
    found = _layout(name, version, url, token)
    layout = found["layout"]
    if json:
        return print_json(layout)
    typer.echo(f"{layout['name']}: {layout.get('title', '')}".rstrip(": "))
    typer.echo(f"{_stands(found)} by {found['who']}{_told(found['why'])}")
    if layout.get("description"):
        typer.echo(layout["description"])
    for tab in layout["tabs"]:
        typer.echo(f"\n{tab['name']} ({tab.get('columns', 3)} columns)")
        if tab.get("description"):
            typer.echo(f"  {tab['description']}")
        for cell in tab.get("cells", []):
            title = cell.get("title", "")
            typer.echo(f"  {' + '.join(cell['paths'])}{f': {title}' if title else ''}")
    return 0


def put(
    *,
    file: Path,
    name: str | None,
    based_on: int | None,
    why: str,
    url: str,
    token: str,
    json: bool,
) -> int:
    """Write the next version of a layout."""
    layout = read_layout(text_of(file), str(file))
    if name is not None:
        layout = msgspec.structs.replace(layout, name=name)
    body = {"layout": document_of(layout), "why": why, "based_on": based_on}
    found = send("PUT", url, token, _route("layouts", layout.name), body)
    if json:
        return print_json(found)
    typer.echo(f"{layout.name}: version {found['version']} stands ({found['hash']})")
    return 0


def delete(*, name: str, based_on: int | None, why: str, url: str, token: str, json: bool) -> int:
    """Write that a layout is no more."""
    if based_on is None:
        based_on = _layout(name, None, url, token)["version"]
    query = {"based_on": based_on, "why": why}
    found = send("DELETE", url, token, _route("layouts", name), query=query)
    if json:
        return print_json(found)
    number = found["version"]["number"]
    typer.echo(f"{name}: deleted, that is version {number}; `restore --to {based_on}` undoes it")
    return 0


def restore(*, name: str, to: int, why: str, url: str, token: str, json: bool) -> int:
    """Let an earlier version stand again."""
    body = {"to": to, "why": why}
    found = post(url, token, _route("layout-restores", name), body)
    if json:
        return print_json(found)
    typer.echo(f"{name}: version {found['version']} stands, {_again(found['restores'])}")
    return 0


def versions(*, name: str, url: str, token: str, json: bool) -> int:
    """Print the versions of a layout, the newest first."""
    with Client(url, token=token) as client:
        found = client.get(_route("layout-versions", name))
    if json:
        return print_json(found)
    if not found["versions"]:
        typer.echo(f"{name}: the shipped one, nobody has written over it")
    for row in found["versions"]:
        what = "deleted" if row["deleted"] else row["hash"]
        if row["restores"] is not None:
            what += f", {_again(row['restores'])},"
        typer.echo(f"{row['number']:4} {moment(row['when'])} {what} by {row['who']}: {row['why']}")
    return 0


def import_files(
    *,
    files: Sequence[Path],
    name: str | None,
    why: str,
    dry_run: bool,
    everything: bool,
    url: str,
    token: str,
    json: bool,
) -> int:
    """Read files of layouts, write them unless it is a dry run, and say what was not mapped."""
    texts = [text_of(file) for file in files]
    answers = []
    for file, text in zip(files, texts, strict=True):
        asked = {"text": text, "file": file.name, "name": name, "dry_run": dry_run, "why": why}
        found = post(url, token, "layout-imports", asked)
        answers.append({"file": str(file), **found})
        if not json:
            _say_imported(answers[-1], everything=everything)
    if json:
        return print_json(answers)
    if dry_run:
        typer.echo("nothing was written: this was a dry run")
    return 0


def export(
    *, names: Sequence[str], output: Path | None, shipped: bool, url: str, token: str
) -> int:
    """Write layouts as JSON that `import` takes: those named, or all that somebody wrote."""
    if not names:
        with Client(url, token=token) as client:
            rows = client.get("layouts")["layouts"]
        names = [row["name"] for row in rows if shipped or not row["shipped"]]
    layouts = [_layout(name, None, url, token)["layout"] for name in names]
    text = msgspec.json.format(msgspec.json.encode({"layouts": layouts})).decode()
    if output is None:
        typer.echo(text)
        return 0
    try:
        output.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        msg = f"{output}: cannot be written: {error}"
        raise ConfigurationError(msg) from error
    typer.echo(f"{output}: {len(layouts)} layouts")
    return 0


# ---------------------------------------------------------------------- inside


def _layout(name: str, version: int | None, url: str, token: str) -> Any:
    with Client(url, token=token) as client:
        return client.get(_route("layouts", name), version=version)


def _route(route: str, name: str) -> str:
    return f"{route}/{quote(name)}"


def _stands(row: Mapping[str, Any]) -> str:
    return "as shipped" if row["version"] == 0 else f"version {row['version']}"


def _told(why: str) -> str:
    return f": {why}" if why else ""


def _again(restores: int) -> str:
    return "what is shipped again" if restores == 0 else f"version {restores} again"


def _say_imported(found: Mapping[str, Any], *, everything: bool) -> None:
    plots = found["mapped"] + len(found["unmapped"])
    typer.echo(f"{found['file']}: {found['mapped']} of {plots} plots mapped")
    written = {row["name"]: row["version"] for row in found["written"]}
    for layout in found["layouts"]:
        name, tabs = layout["name"], layout["tabs"]
        cells = sum(len(tab.get("cells", [])) for tab in tabs)
        version = f", version {written[name]}" if name in written else ""
        typer.echo(f"  {name}: {_some(len(tabs), 'tab')}, {_some(cells, 'plot')}{version}")
    for reason, paths in _by_reason(found["unmapped"]).items():
        typer.echo(f"  not mapped, {reason}:")
        shown = paths if everything else paths[:_SHOWN_PATHS]
        for path in shown:
            typer.echo(f"    {path}")
        if len(shown) < len(paths):
            typer.echo(f"    and {len(paths) - len(shown)} more: --all has them")
    for note in found["notes"]:
        typer.echo(f"  note: {note}")


def _by_reason(rows: Iterable[Mapping[str, str]]) -> Mapping[str, Sequence[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        found[row["reason"]].append(row["path"])
    return {reason: list(dict.fromkeys(paths)) for reason, paths in found.items()}


def _some(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
