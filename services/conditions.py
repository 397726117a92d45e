"""Conditions a command was given: read, told of, and joined to the runs it plays."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from dqmstream.conditions.files import read_conditions
from dqmstream.conditions.limits import MOST_RUN
from dqmstream.conditions.table import ConditionsTable
from dqmstream.errors import ConfigurationError
from dqmstream.identity import compact_ranges
from dqmstream.sources.conditioned import conditioned
from services.runs import Runs

__all__ = ["chosen_conditions", "conditions_of_runs", "range_of", "with_conditions"]


def range_of(text: str) -> tuple[int, int]:
    """`381208` or `381200-381300` as both ends; empty text is all runs.

    Raises
    ------
    ConfigurationError
        If it is neither.
    """
    first, dash, last = text.partition("-")
    try:
        ends = (int(first), int(last) if dash else int(first)) if text else (1, MOST_RUN)
    except ValueError as error:
        msg = f"runs {text!r}: expected a run number, or two as 381200-381300"
        raise ConfigurationError(msg) from error
    if not 1 <= ends[0] <= ends[1] <= MOST_RUN:
        msg = f"runs {text!r}: expected the lower run first, from 1 on"
        raise ConfigurationError(msg)
    return ends


def chosen_conditions(files: Sequence[Path], runs: str) -> ConditionsTable:
    """What files say of a range of runs; tells what in them could not be used.

    Raises
    ------
    SourceError
        If a file cannot be read.
    """
    table = read_conditions(files)
    for reason, count in sorted(table.rejected.items()):
        typer.echo(f"conditions: {count} rows cannot be used: {reason}", err=True)
    for name, count in sorted(table.contradictions.items()):
        typer.echo(f"conditions: files differ over {name} of {count} LSs", err=True)
    return table.within(*range_of(runs))


def conditions_of_runs(files: Sequence[Path], runs: Runs) -> ConditionsTable:
    """What files say of the runs that are played; tells of which they say nothing."""
    table = chosen_conditions(files, "")
    numbers = {source.run for sources in runs.sources for source in sources}
    found = ConditionsTable(
        row for number in sorted(numbers) for row in table.of_run(number).values()
    )
    unknown = compact_ranges(numbers - set(found.runs))
    if unknown:
        typer.echo(f"conditions: the files say nothing of run {unknown}", err=True)
    return found


def with_conditions(runs: Runs, table: ConditionsTable) -> Runs:
    """The runs with conditions joined to all events.

    Raises
    ------
    ConfigurationError
        If the events have conditions already.
    """
    if runs.conditions:
        msg = "the recording has conditions of its own: expected no --conditions"
        raise ConfigurationError(msg)
    sources = [[conditioned(source, table) for source in of_run] for of_run in runs.sources]
    return replace(runs, sources=sources)
