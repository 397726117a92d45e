"""Sets of bookings: what is stored of each, what it has booked, and which one readers show."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, func, select

from dqmstream.messages.booking import Activation
from dqmstream.store.bodies import unpack
from dqmstream.store.tables import ACTIVATIONS, SERIES

__all__ = ["activations", "bookings", "brought", "of_run"]


def of_run(connection: Connection, run: int) -> tuple[str, ...]:
    """Sets that anything is stored of for a run."""
    query = select(SERIES.c.set).where(SERIES.c.run == run).distinct().order_by(SERIES.c.set)
    return tuple(connection.execute(query).scalars())


def brought(connection: Connection, runs: Sequence[int]) -> dict[int, tuple[tuple[str, str], ...]]:
    """Sets and workspaces that anything is stored of, by run, sorted."""
    c = SERIES.c
    query = select(c.run, c.set, c.workspace).where(c.run.in_(runs)).order_by(c.set, c.workspace)
    found: dict[int, list[tuple[str, str]]] = {run: [] for run in runs}
    for row in connection.execute(query):
        found[row.run].append((row.set, row.workspace))
    return {run: tuple(rows) for run, rows in found.items()}


def _bookings_of_set() -> Select[Any]:
    """Goes from one workspace of the index to the next: DISTINCT would read a row of each run."""
    of_set = SERIES.c.set == bindparam("of_set")
    first = select(func.min(SERIES.c.workspace).label("workspace")).where(of_set)
    steps = first.cte("steps", recursive=True)
    after = select(func.min(SERIES.c.workspace)).where(
        of_set, steps.c.workspace < SERIES.c.workspace
    )
    next_one = select(after.scalar_subquery()).where(steps.c.workspace.is_not(None))
    steps = steps.union_all(next_one)
    of_workspace = (of_set, SERIES.c.workspace == steps.c.workspace)
    booking = select(func.min(SERIES.c.booking)).where(*of_workspace).scalar_subquery()
    return select(steps.c.workspace, booking.label("booking"))


_BOOKINGS: Final = _bookings_of_set()


def bookings(connection: Connection, set: str) -> dict[str, str]:
    """Hash of the booking of each workspace of a set that anything is stored of."""
    rows = connection.execute(_BOOKINGS, {"of_set": set})
    return {row.workspace: row.booking for row in rows if row.workspace is not None}


def activations(connection: Connection) -> tuple[Activation, ...]:
    """Which set readers show from which run on: by run, then in the order they were made."""
    c = ACTIVATIONS.c
    query = select(c.schema, c.body).order_by(c.from_run, c.when)
    rows = connection.execute(query)
    return tuple(unpack(Activation, row.schema, row.body) for row in rows)
