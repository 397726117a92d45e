"""Runs of which something is stored."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, exists, or_, select

from dqmstream.messages.quality import Outcome
from dqmstream.store.answers import Page, Run
from dqmstream.store.listings.pages import MAX_PAGE, Cursor, pages, read_page
from dqmstream.store.tables import RUNS, SERIES, TALLIES

__all__ = ["SPOKEN_OF", "all_runs", "page", "stored_run"]

SPOKEN_OF: Final = or_(RUNS.c.sources != "{}", RUNS.c.first_lumisection.is_not(None))
"""Of runs: a source or a histogram set spoke of it. Files of conditions tell of whole years, and a
run of which nothing else is known is none to list; what they told of it is kept for when it comes.
"""


def page(
    connection: Connection, after: Cursor | None, limit: int, outcome: Outcome | None = None
) -> Page[Run]:
    """Runs that more than conditions are known of, newest number first.

    With an `outcome` those of which an LS has it as its worst one, in any set.
    """
    of_run, later = SERIES.alias(), SERIES.alias()
    followed = exists().where(
        of_run.c.run == RUNS.c.run, later.c.set == of_run.c.set, later.c.run > RUNS.c.run
    )
    summed = exists().where(SERIES.c.run == RUNS.c.run, SERIES.c.summed.is_not(None))
    query = select(RUNS, or_(RUNS.c.ended, followed).label("over"), summed.label("summed"))
    query = query.where(SPOKEN_OF).order_by(RUNS.c.run.desc())
    if after is not None:
        query = query.where(RUNS.c.run < after[0])
    if outcome is not None:
        c = TALLIES.c
        query = query.where(
            exists().where(c.run == RUNS.c.run, c.name == outcome.value, c.count > 0)
        )
    return read_page(connection, query, limit, _run, lambda row: (row.run,))


def all_runs(connection: Connection) -> Iterator[Run]:
    """All of them."""
    for items in pages(lambda after: page(connection, after, MAX_PAGE)):
        yield from items


def stored_run(connection: Connection, run: int) -> Run | None:
    """The run of that number; None if no more than conditions are known of it."""
    found = page(connection, (run + 1,), 1).items
    return found[0] if found and found[0].run == run else None


def _run(row: Any) -> Run:
    return Run(
        run=row.run,
        run_type=row.run_type,
        fill=row.fill,
        first_lumisection=row.first_lumisection,
        last_lumisection=row.last_lumisection,
        started=row.started,
        updated=row.updated,
        sources=msgspec.json.decode(row.sources, type=dict[str, str]),
        ended=bool(row.over),
        marks=msgspec.json.decode(row.marks or "[]", type=tuple[str, ...]),
        summed=bool(row.summed),
    )
