"""What is drawn in the terminal: a histogram from a gateway, and the settings in force."""

import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from dqmstream.errors import DqmError
from services.settings import PREFIX, Settings, load_settings

__all__ = ["show", "show_settings"]

_WIDTH: Final = 50
_MOST_ROWS: Final = 60
_TIMEOUT: Final = 10.0
_BLOCKS: Final = " ▏▎▍▌▋▊▉█"


class GatewayUnreachableError(DqmError):
    """No gateway answers, or it refuses."""


def show(*, path: str, window: Mapping[str, object], url: str, json: bool) -> int:
    """Draw one element over a window, as bars."""
    asked = {name: value for name, value in window.items() if value is not None and name != "run"}
    run = window.get("run") or _ask(f"{url}/api/v1/runs", {"limit": 1})["runs"][0]["run"]
    answer = _ask(f"{url}/api/v1/runs/{run}/elements", {"path": path, **asked})
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())
        return 0
    for element in answer["elements"]:
        draw(element, Console())
    return 0


def draw(element: Mapping[str, Any], console: Console) -> None:
    """One element's plain JSON as a table of bars."""
    console.print(element)


def show_settings(*, file: Path | None, json: bool) -> int:
    """List settings, values and origins."""
    in_force = load_settings({}, os.environ, file)
    values = in_force.settings.model_dump(mode="json")
    if json:
        rows = [
            {"name": name, "value": value, "from": in_force.origins[name]}
            for name, value in values.items()
        ]
        typer.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return 0
    table = Table("setting", "value", "from", "what it is", box=None, header_style="bold")
    for name, field in Settings.model_fields.items():
        shown = values[name]
        text = ", ".join(shown) if isinstance(shown, list) else str(shown)
        table.add_row(name, text or "-", in_force.origins[name], field.description or "")
    console = Console()
    console.print(table)
    console.print(
        f"variables: {PREFIX}NAME, for example {PREFIX}PORT=9000; file: --config FILE.toml"
    )
    return 0


def _ask(url: str, query: Mapping[str, object]) -> Any:
    if not url.startswith(("http://", "https://")):
        msg = f"address {url!r} is no http:// or https:// URL"
        raise GatewayUnreachableError(msg)
    full = f"{url}?{urllib.parse.urlencode(query, doseq=True)}"
    try:
        with urllib.request.urlopen(full, timeout=_TIMEOUT) as answer:  # noqa: S310 checked above
            return msgspec.json.decode(answer.read())
    except urllib.error.HTTPError as error:
        msg = f"{full}: {error.code} {_problem(error.read())}"
        raise GatewayUnreachableError(msg) from error
    except OSError as error:
        msg = f"no gateway answers at {url} ({error}); start one with `dqmstream run`"
        raise GatewayUnreachableError(msg) from error


def _problem(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["detail"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")


def bars(values: Sequence[float], labels: Sequence[str]) -> list[str]:
    """Rows `label bar value`, bars scaled to the largest value."""
    largest = max([*values, 0.0]) or 1.0
    width = max(len(label) for label in labels) if labels else 0
    rows = []
    for label, value in zip(labels, values, strict=True):
        eighths = round(max(value, 0.0) / largest * _WIDTH * 8)
        bar = "█" * (eighths // 8) + (_BLOCKS[eighths % 8] if eighths % 8 else "")
        rows.append(f"{label:>{width}} {bar:<{_WIDTH}} {value:g}")
    return rows
