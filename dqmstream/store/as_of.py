"""What was known as of a moment: which LSs count, and of which other contents were known then."""

from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, FromClause, and_, select, true
from sqlalchemy.sql import ColumnElement

from dqmstream.store.answers import AsOf
from dqmstream.store.series import Moment, Selection, Series
from dqmstream.store.tables import MERGED

__all__ = ["KnownThen", "known_then", "were_known", "were_known_in_sql"]


class KnownThen(NamedTuple):
    """LSs that count, and those known then with contents that have been replaced since."""

    selection: Selection
    replaced: tuple[int, ...]


def known_then(
    connection: Connection, series: Series, selection: Selection, as_of: AsOf
) -> KnownThen:
    """Those of the LSs of a window whose contents were known."""
    if as_of.is_now:
        return KnownThen(selection, ())
    c = MERGED.c
    query = select(c.lumisection, c.known_time, c.known_offset, c.first_time, c.first_offset).where(
        c.series == series.id, c.lumisection.between(selection.first, selection.last)
    )
    rows = connection.execute(query.order_by(c.lumisection)).all()
    asked = selection.mask(np.array([row.lumisection for row in rows], np.int64))
    chosen = [row for row, is_asked in zip(rows, asked, strict=True) if is_asked]
    known = {row.lumisection for row in chosen if were_known(as_of, _known(row))}
    first = {row.lumisection for row in chosen if were_known(as_of, _first(row))}
    return KnownThen(Selection.of(known), tuple(sorted(first - known)))


def _known(row: Any) -> Moment:
    return Moment(row.known_time, row.known_offset)


def _first(row: Any) -> Moment:
    return Moment(row.first_time, row.first_offset)


def were_known(as_of: AsOf, moment: Moment) -> bool:
    """Whether what became known at a moment was known; what nobody can date was not."""
    if as_of.time_ns is not None:
        return moment.time is not None and moment.time <= as_of.time_ns
    if as_of.offset is not None:
        return moment.offset is not None and moment.offset < as_of.offset
    return True


def were_known_in_sql(as_of: AsOf, table: FromClause, name: str) -> ColumnElement[bool]:
    """The same of the columns `<name>_time` and `<name>_offset` of a table."""
    time, offset = table.c[f"{name}_time"], table.c[f"{name}_offset"]
    if as_of.time_ns is not None:
        return and_(time.is_not(None), time <= as_of.time_ns)
    if as_of.offset is not None:
        return and_(offset.is_not(None), offset < as_of.offset)
    return true()
