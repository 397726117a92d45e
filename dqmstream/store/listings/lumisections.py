"""Lumisections of a run: accounts, conditions, and which are missing."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Label,
    Table,
    exists,
    false,
    not_,
    or_,
    select,
    true,
    tuple_,
)

from dqmstream.fold.merged_account import MergedAccount
from dqmstream.messages.operations import Conditions
from dqmstream.store.answers import AsOf, Lumisection, Page
from dqmstream.store.as_of import were_known_in_sql
from dqmstream.store.bodies import unpack
from dqmstream.store.listings.pages import Cursor, read_page
from dqmstream.store.tables import CONDITIONS, LUMISECTIONS, MERGED, PIECES, SERIES

__all__ = ["LumisectionFilter", "missing", "page"]

_ACCOUNT: Final = msgspec.json.Decoder(MergedAccount)


class LumisectionFilter(NamedTuple):
    """Which LSs: all of a run, or those of one set, or those of which contents were known."""

    run: int
    set: str | None
    workspace: str | None
    as_of: AsOf

    def condition(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        c = LUMISECTIONS.c
        conditions: list[ColumnElement[bool]] = [c.run == self.run]
        if self.set is not None:
            conditions.append(c.set == self.set)
        if self.workspace is not None or not self.as_of.is_now:
            known = were_known_in_sql(self.as_of, MERGED, "first")
            conditions.append(self._any_of(MERGED, known))
        return conditions

    def changed(self) -> Label[bool]:
        """Whether contents or account have changed since."""
        if self.as_of.is_now:
            return false().label("changed")
        newer = [
            self._any_of(table, not_(were_known_in_sql(self.as_of, table, "known")))
            for table in (MERGED, PIECES)
        ]
        if self.as_of.time_ns is not None:
            newer.append(LUMISECTIONS.c.published > self.as_of.time_ns)
        return or_(*newer).label("changed")

    def _any_of(self, table: Table, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """Whether the LS has a row of the series concerned that fulfils it."""
        c = LUMISECTIONS.c
        named = true() if self.workspace is None else SERIES.c.workspace == self.workspace
        return exists().where(
            SERIES.c.set == c.set,
            SERIES.c.run == c.run,
            named,
            table.c.series == SERIES.c.id,
            table.c.lumisection == c.lumisection,
            condition,
        )


def page(
    connection: Connection, wanted: LumisectionFilter, after: Cursor | None, limit: int
) -> Page[Lumisection]:
    """Accounts and conditions of the LSs of a run, rising."""
    c = LUMISECTIONS.c
    query = (
        select(LUMISECTIONS, CONDITIONS.c.schema, CONDITIONS.c.body, wanted.changed())
        .outerjoin(
            CONDITIONS,
            (CONDITIONS.c.run == c.run) & (CONDITIONS.c.lumisection == c.lumisection),
        )
        .where(*wanted.condition())
        .order_by(c.lumisection, c.set)
    )
    if after is not None:
        query = query.where(tuple_(c.lumisection, c.set) > after)
    return read_page(connection, query, limit, _lumisection, lambda row: (row.lumisection, row.set))


def _lumisection(row: Any) -> Lumisection:
    return Lumisection(
        set=row.set,
        run=row.run,
        lumisection=row.lumisection,
        closed=row.closed,
        complete=row.complete,
        whole=row.whole,
        late_segments=row.late_segments,
        published=row.published,
        account=_ACCOUNT.decode(row.account),
        late_account=_ACCOUNT.decode(row.late_account),
        conditions=None if row.body is None else unpack(Conditions, row.schema, row.body),
        changed=bool(row.changed),
    )


def missing(
    connection: Connection, first_run: int, last_run: int
) -> dict[tuple[str, int], tuple[int, ...]]:
    """By (set, run), LSs from the first to the last stored one that are not closed.

    LS 0, what was imported of a whole run, is no first one.
    """
    c = LUMISECTIONS.c
    of_runs = c.run.between(first_run, last_run)
    query = select(c.set, c.run, c.lumisection, c.closed).where(of_runs, c.lumisection > 0)
    closed: dict[tuple[str, int], dict[int, bool]] = {}
    for row in connection.execute(query):
        closed.setdefault((row.set, row.run), {})[row.lumisection] = row.closed
    found = {key: _open_between(known) for key, known in sorted(closed.items())}
    return {key: lumisections for key, lumisections in found.items() if lumisections}


def _open_between(closed: Mapping[int, bool]) -> tuple[int, ...]:
    return tuple(n for n in range(min(closed), max(closed) + 1) if not closed.get(n, False))
