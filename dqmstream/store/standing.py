"""How far a run has come in the store: changes whenever what is listed of it may have."""

from typing import Final, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from dqmstream.messages.topics import CONDITIONS as CONDITIONS_TOPIC
from dqmstream.store.tables import CONDITIONS, LUMISECTIONS, POSITIONS, RUNS, SERIES

__all__ = ["RunStanding", "run_standing"]

_RUN: Final[BindParameter[int]] = bindparam("of_run")
_SETS: Final = select(SERIES.c.set).where(SERIES.c.run == _RUN)
_C: Final = LUMISECTIONS.c
_STANDING: Final = select(
    select(RUNS.c.updated).where(RUNS.c.run == _RUN).scalar_subquery(),
    func.count(),
    func.max(_C.published),
    func.sum(_C.late_segments),
    *(func.count().filter(flag) for flag in (_C.closed, _C.complete, _C.whole)),
    select(func.count()).where(CONDITIONS.c.run == _RUN).scalar_subquery(),
    select(func.max(POSITIONS.c.next_offset))
    .where(POSITIONS.c.topic == CONDITIONS_TOPIC)
    .scalar_subquery(),
).where(_C.run == _RUN, _C.set.in_(_SETS))


class RunStanding(NamedTuple):
    """Times and counts of the LSs of a run, of all its sets, and of their conditions.

    `told` is how far `dqm.conditions` is recorded: conditions that replace others change no count.
    """

    updated: int
    lumisections: int
    published: int
    late_segments: int
    closed: int
    complete: int
    whole: int
    conditions: int
    told: int


def run_standing(connection: Connection, run: int) -> RunStanding:
    """The standing of a run; zeros of one that is not stored."""
    row = connection.execute(_STANDING, {"of_run": run}).one()
    return RunStanding(*(int(value or 0) for value in row))
