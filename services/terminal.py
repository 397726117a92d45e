"""What is drawn in the terminal: a histogram or a trend from a gateway, the settings in force."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from dqmstream.client import Client
from dqmstream.errors import ConfigurationError
from services.run_trend_chart import run_trend_chart
from services.settings import Settings
from services.settings_layers import PREFIX, load_settings
from services.trend_chart import trend_chart

__all__ = ["drawn", "show", "show_run_trend", "show_settings", "show_trend"]

_WIDTH: Final = 50
_MOST_ROWS: Final = 60
_WIDTH_MAP: Final = 100
_BLOCKS: Final = " ▏▎▍▌▋▊▉█"
_SHADES: Final = " ·░▒▓█"


def show(*, path: str, asked: Mapping[str, Any], url: str, token: str, json: bool) -> int:
    """Draw one element over a window, as bars."""
    query = {name: value for name, value in asked.items() if name != "run"}
    with Client(url, token=token) as client:
        answer = client.get(f"runs/{asked['run']}/contents", path=path, **query)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())
        return 0
    for contents in answer["contents"]:
        for line in drawn(contents):
            typer.echo(line)
    return 0


def show_trend(
    *,
    path: str,
    quantity: str,
    against: str,
    asked: Mapping[str, Any],
    url: str,
    token: str,
    json: bool,
) -> int:
    """Draw one number of an element in each LS, over the LSs or against a condition of them.

    Raises
    ------
    ConfigurationError
        If it is asked for as of a moment, or with late data: a trend has neither.
    """
    if asked["as_of"] or asked["late"]:
        msg = "--trend shows LSs as they are known now, without --late and --as-of"
        raise ConfigurationError(msg)
    window = {name: asked[name] for name in ("run", "lumisections", "last")}
    with Client(url, token=token) as client:
        answer = client.trend(path, quantity=quantity, against=against or None, **window)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())
        return 0
    for line in trend_chart(answer):
        typer.echo(line)
    return 0


def show_run_trend(
    *,
    path: str,
    quantity: str,
    against: str,
    runs: int,
    asked: Mapping[str, Any],
    url: str,
    token: str,
    json: bool,
) -> int:
    """Draw one number of an element in each of many runs.

    Raises
    ------
    ConfigurationError
        If something is asked for that only a trend over LSs has.
    """
    if asked["as_of"] or asked["late"] or asked["last"] or against:
        msg = (
            "--runs shows whole runs, or --lumisections of each, as they are known now: without "
            "--last, --late, --as-of and --against"
        )
        raise ConfigurationError(msg)
    window = {name: asked[name] for name in ("run", "lumisections")}
    with Client(url, token=token) as client:
        answer = client.trend_of_runs(path, quantity=quantity, limit=runs, **window)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())
        return 0
    for line in run_trend_chart(answer):
        typer.echo(line)
    return 0


def drawn(contents: Mapping[str, Any]) -> Iterator[str]:
    """One element of the gateway's answer as lines: title, window, bars, and what is in no bin."""
    element, window, totals = contents["element"], contents["window"], contents["totals"]
    yield f"{element['path']}: {element['title']}"
    state = "closed" if window["closed"] else "open"
    if not window["complete"]:
        state += ", incomplete"
    if not window["whole"]:
        state += ", not whole: input had expired before it was read"
    yield f"run {window['run']}, {_covered(window)}, {state})"
    if totals["invalid"]:
        yield f"INVALID: {totals['invalid']}"
    if not element["axes"]:
        yield f"{totals['value']}"
        return
    yield f"{totals['entries']} entries, {totals['nan']} NaN, {totals['outside']} outside"
    values = [float(value or 0) for value in contents["arrays"]["values"]]
    if len(element["axes"]) == 1:
        axis = element["axes"][0]
        names = _bin_names(axis, len(values))
        if axis.get("labels"):
            # Named bins stand for themselves: those without entries say nothing.
            filled = [index for index, value in enumerate(values) if value]
            values, names = [values[i] for i in filled], [names[i] for i in filled]
        yield from bars(values, names)
    else:
        yield from shades(values, element["shape"])


def _covered(window: Mapping[str, Any]) -> str:
    """LSs of a window, as the beginning of words in brackets; 0 is an import of the whole run."""
    first, last, number = window["first"], window["last"], window["lumisections"]
    if first != 0:
        return f"LS {first}-{last} ({number} LSs"
    return f"whole run and LSs up to {last} ({number - 1} LSs" if last else "whole run (no LSs"


def _bin_names(axis: Mapping[str, Any], cells: int) -> list[str]:
    """A name for each cell, flow included."""
    bins = axis["bins"]
    if axis["type"] == "category":
        names = axis.get("labels") or [str(code) for code in axis["codes"]]
        return [*names, "others"][:cells]
    if axis.get("labels"):
        names = list(axis["labels"])
    elif axis["type"] == "variable":
        names = [f"{edge:g}" for edge in axis["edges"][:-1]]
    elif axis["type"] == "integer":
        names = [str(number) for number in range(axis["lower"], axis["upper"])]
    else:
        width = (axis["upper"] - axis["lower"]) / bins
        names = [f"{axis['lower'] + width * number:g}" for number in range(bins)]
    return ["below", *names, "above"]


def bars(values: Sequence[float], names: Sequence[str]) -> Iterator[str]:
    """Rows `name bar value`, as long as the value is large; empty ends are left out."""
    filled = [index for index, value in enumerate(values) if value]
    if not filled:
        yield "empty"
        return
    first, last = filled[0], filled[-1]
    step = -(-(last - first + 1) // _MOST_ROWS)
    largest = max(map(abs, values))
    width = max(len(name) for name in names[first : last + 1 : step])
    for start in range(first, last + 1, step):
        value = max(values[start : start + step], key=abs)
        eighths = round(abs(value) / largest * _WIDTH * 8)
        bar = "█" * (eighths // 8) + (_BLOCKS[eighths % 8] if eighths % 8 else "")
        yield f"{names[start]:>{width}} {bar:<{_WIDTH}} {value:g}"
    if step > 1:
        yield f"({step} bins a row, the largest of them is drawn)"


def shades(values: Sequence[float], shape: Sequence[int]) -> Iterator[str]:
    """A map as characters of rising darkness, first axis to the right, second axis up."""
    columns, rows = shape
    largest = max(map(abs, values), default=0.0) or 1.0
    across, up = -(-columns // _WIDTH_MAP), -(-rows // _MOST_ROWS)
    for top in range(rows - rows % up if rows % up else rows - up, -1, -up):
        yield "".join(
            _SHADES[
                round(
                    max(
                        abs(values[column * rows + row])
                        for column in range(left, min(left + across, columns))
                        for row in range(top, min(top + up, rows))
                    )
                    / largest
                    * (len(_SHADES) - 1)
                )
            ]
            for left in range(0, columns, across)
        )
    yield f"darkest: {largest:g}"


def show_settings(*, file: Path | None, json: bool) -> int:
    """List settings, values and origins."""
    in_force = load_settings({}, os.environ, file)
    values = in_force.settings.shown()
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
        table.add_row(
            name,
            "-" if shown is None else text or "-",
            in_force.origins[name],
            field.description or "",
        )
    console = Console()
    console.print(table)
    console.print(
        f"variables: {PREFIX}NAME, for example {PREFIX}PORT=9000; file: --config FILE.toml"
    )
    return 0
