"""Lists of what is stored, in pages: runs, lumisections, reports, bookings, activations."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Label,
    Select,
    Table,
    bindparam,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
    tuple_,
)

from dqmstream.errors import StoreError
from dqmstream.fold.merged_account import MergedAccount
from dqmstream.messages.booking import Activation
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReports
from dqmstream.store.answers import AsOf, Hole, Lumisection, OutcomeCounts, Page, Removed, Run
from dqmstream.store.as_of import were_known_in_sql
from dqmstream.store.bodies import unpack
from dqmstream.store.tables import (
    ACTIVATIONS,
    CONDITIONS,
    HOLES,
    LUMISECTIONS,
    MERGED,
    PIECES,
    REMOVED,
    REPORTS,
    RUNS,
    SERIES,
    TALLIES,
)

__all__ = [
    "MAX_PAGE",
    "SPOKEN_OF",
    "LumisectionFilter",
    "ReportFilter",
    "activations",
    "all_runs",
    "bookings",
    "brought",
    "conditions",
    "holes",
    "lumisections",
    "missing",
    "outcomes",
    "pages",
    "removed",
    "reports",
    "runs",
    "sets",
    "stored_run",
]

T = TypeVar("T")
Cursor = tuple[Any, ...]

MAX_PAGE: Final = 10_000
"""Most rows of one page."""

SPOKEN_OF: Final = or_(RUNS.c.sources != "{}", RUNS.c.first_lumisection.is_not(None))
"""Of runs: a source or a histogram set spoke of it. Files of conditions tell of whole years, and a
run of which nothing else is known is none to list; what they told of it is kept for when it comes.
"""

_ACCOUNT: Final = msgspec.json.Decoder(MergedAccount)
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


def runs(
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
    return _page(connection, query, limit, _run, lambda row: (row.run,))


def all_runs(connection: Connection) -> Iterator[Run]:
    """All of them."""
    for items in pages(lambda after: runs(connection, after, MAX_PAGE)):
        yield from items


def stored_run(connection: Connection, run: int) -> Run | None:
    """The run of that number; None if no more than conditions are known of it."""
    found = runs(connection, (run + 1,), 1).items
    return found[0] if found and found[0].run == run else None


def pages(read: Callable[[Cursor | None], Page[T]]) -> Iterator[tuple[T, ...]]:
    """The items of each page of a list, given how to read the one after a cursor."""
    after = None
    while True:
        page = read(after)
        yield page.items
        after = page.after
        if after is None:
            return


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


def sets(connection: Connection, run: int) -> tuple[str, ...]:
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


def lumisections(
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
    return _page(connection, query, limit, _lumisection, lambda row: (row.lumisection, row.set))


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


def conditions(connection: Connection, run: int) -> Iterator[Conditions]:
    """Conditions of a run, by LS, also of LSs of which nothing else is stored."""
    c = CONDITIONS.c
    query = select(c.schema, c.body).where(c.run == run).order_by(c.lumisection)
    for row in connection.execute(query):
        yield unpack(Conditions, row.schema, row.body)


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


def reports(
    connection: Connection, wanted: ReportFilter, after: Cursor | None, limit: int
) -> Page[QualityReports]:
    """Quality reports by LS, workspace, scope and set."""
    query = _reports(wanted, after)
    return _page(connection, query, limit, _quality_reports, _report_cursor)


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
    return _page(connection, query, limit, _outcome_counts, _report_cursor)


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


def removed(connection: Connection) -> tuple[Removed, ...]:
    """What the retention policy took, in the order it did."""
    return tuple(
        Removed(
            run=row.run,
            kept=row.kept,
            when=row.when,
            why=row.why,
            lumisections=row.lumisections,
            bytes=row.bytes,
        )
        for row in connection.execute(select(REMOVED).order_by(REMOVED.c.id))
    )


def holes(connection: Connection) -> tuple[Hole, ...]:
    """What expired before it was recorded, in the order it was noticed."""
    query = select(HOLES).order_by(HOLES.c.noticed, HOLES.c.topic, HOLES.c.partition)
    return tuple(
        Hole(
            topic=row.topic,
            partition=row.partition,
            first=row.first,
            next_offset=row.next_offset,
            noticed=row.noticed,
        )
        for row in connection.execute(query)
    )


def _page(
    connection: Connection,
    query: Select[Any],
    limit: int,
    value: Callable[[Any], T],
    cursor: Callable[[Any], Cursor],
) -> Page[T]:
    if not 1 <= limit <= MAX_PAGE:
        msg = f"a page of {limit} rows was asked for, expected 1 to {MAX_PAGE}"
        raise StoreError(msg)
    rows: Sequence[Any] = connection.execute(query.limit(limit + 1)).all()
    items = tuple(value(row) for row in rows[:limit])
    return Page(items=items, after=cursor(rows[limit - 1]) if len(rows) > limit else None)
