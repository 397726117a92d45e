"""Quality reports, whole and by outcome."""

from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, select, tuple_

from dqmstream.messages.quality import Outcome, QualityReports
from dqmstream.store.answers import OutcomeCounts, Page
from dqmstream.store.bodies import unpack
from dqmstream.store.listings.pages import Cursor, read_page
from dqmstream.store.tables import REPORTS

__all__ = ["ReportFilter", "outcomes", "page"]

_COUNTS: Final = msgspec.json.Decoder(dict[Outcome, int])


class ReportFilter(NamedTuple):
    """Which reports: all, or those of one set, LS, workspace, scope."""

    run: int
    set: str | None = None
    lumisection: int | None = None
    workspace: str | None = None
    scope: str | None = None

    def condition(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        given = {name: value for name, value in self._asdict().items() if value is not None}
        return [REPORTS.c[name] == value for name, value in given.items()]


def page(
    connection: Connection, wanted: ReportFilter, after: Cursor | None, limit: int
) -> Page[QualityReports]:
    """Quality reports by LS, workspace, scope and set."""
    query = _reports(wanted, after)
    return read_page(connection, query, limit, _quality_reports, _report_cursor)


def _quality_reports(row: Any) -> QualityReports:
    return unpack(QualityReports, row.schema, row.body)


def outcomes(
    connection: Connection, wanted: ReportFilter, after: Cursor | None, limit: int
) -> Page[OutcomeCounts]:
    """How many reports had which outcome, without reading them."""
    c = REPORTS.c
    query = _reports(wanted, after).with_only_columns(
        c.run, c.lumisection, c.workspace, c.scope, c.set, c.complete, c.outcomes
    )
    return read_page(connection, query, limit, _outcome_counts, _report_cursor)


def _outcome_counts(row: Any) -> OutcomeCounts:
    return OutcomeCounts(
        set=row.set,
        run=row.run,
        lumisection=row.lumisection,
        workspace=row.workspace,
        scope=row.scope,
        complete=row.complete,
        counts=_COUNTS.decode(row.outcomes),
    )


def _reports(wanted: ReportFilter, after: Cursor | None) -> Select[Any]:
    c = REPORTS.c
    order = (c.lumisection, c.workspace, c.scope, c.set)
    query = select(REPORTS).where(*wanted.condition()).order_by(*order)
    return query if after is None else query.where(tuple_(*order) > after)


def _report_cursor(row: Any) -> Cursor:
    return (row.lumisection, row.workspace, row.scope, row.set)
