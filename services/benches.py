"""`dqmstream bench`: which benchmarks there are, and how their rows are printed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from playback.bench.row import Row

__all__ = ["bench"]


def _fill(**options: Any) -> Sequence[Row]:
    from playback.bench import fill  # noqa: PLC0415

    return fill.measure(**options)


def _pipeline(**options: Any) -> Sequence[Row]:
    from playback.bench import pipeline  # noqa: PLC0415

    return pipeline.measure(**options)


def _start(**options: Any) -> Sequence[Row]:
    from playback.bench import start  # noqa: PLC0415

    return start.measure(**options)


_BENCHES: Final[Mapping[str, Callable[..., Sequence[Row]]]] = {
    "fill": _fill,
    "pipeline": _pipeline,
    "start": _start,
}


def bench(*, name: str, options: Mapping[str, object], check: bool, json: bool) -> int:
    """Run one benchmark and print its rows; status 1 if `check` and a goal is missed."""
    rows = _BENCHES[name](**options)
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
