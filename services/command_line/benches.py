"""`dqmstream bench`: which benchmarks there are, and how their rows are printed."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from dqmstream.errors import ConfigurationError
from playback.bench.row import Row

__all__ = ["bench"]


_BENCHES: Final = (
    "beam_spot",
    "compare",
    "compression",
    "fill",
    "http",
    "kafka",
    "log",
    "page",
    "payload",
    "pipeline",
    "playback",
    "recordings",
    "start",
    "store",
    "verdicts",
    "viewers",
)


def bench(*, name: str, options: Mapping[str, object], check: bool, json: bool) -> int:
    """Run one benchmark and print its rows; status 1 if `check` and a goal is missed."""
    if name not in _BENCHES:
        msg = f"no benchmark {name!r}: expected one of {', '.join(_BENCHES)}"
        raise ConfigurationError(msg)
    # Only the one that is asked for: each imports what it compares with.
    measure: Callable[..., Sequence[Row]] = import_module(f"playback.bench.{name}").measure
    rows = measure(**options)
    if json:
        documents = [msgspec.structs.asdict(row) | {"held": row.held} for row in rows]
        typer.echo(msgspec.json.format(msgspec.json.encode(documents)).decode())
    else:
        Console().print(_table(rows))
    missed = [row for row in rows if row.held is False]
    return 1 if check and missed else 0


def _table(rows: Sequence[Row]) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("name")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("goal", justify="right")
    table.add_column("")
    for row in rows:
        sign = "≥" if row.higher_is_better else "≤"
        goal = "" if row.goal is None else f"{sign} {_number(row.goal)}"
        held = {None: "", True: "held", False: "[bold]missed[/bold]"}[row.held]
        table.add_row(row.name, _number(row.value), row.unit, goal, held)
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
