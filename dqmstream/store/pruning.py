"""Pruning: what the retention policy says, done run by run, each in one transaction, and noted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Table, and_, delete, func, insert, select

from dqmstream.errors import WindowError
from dqmstream.store.answers import NOW
from dqmstream.store.database import Database
from dqmstream.store.known import Known
from dqmstream.store.listings.runs import all_runs
from dqmstream.store.pieces import late_window
from dqmstream.store.retention import Removal, Retention, StandingRun, plan
from dqmstream.store.schema import bring_up
from dqmstream.store.series import Selection, Series, series_of
from dqmstream.store.sizes import OF_RUN, OF_SERIES, run_bytes
from dqmstream.store.tables import ACCOUNTS, MERGED, REMOVED, RUNS, SERIES, TALLIES
from dqmstream.store.totals import replace_by_total
from dqmstream.store.window import SeriesReader

__all__ = ["Pruned", "Pruner", "Spared"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """What was, or would be, done to a run.

    `lumisections` counts LSs whose contents went, of all workspaces; `bytes` is the packed size of
    what went, less that of the sum that came.
    """

    run: int
    kept: Literal["sum", "nothing"]
    why: str
    lumisections: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Spared:
    """A run that the policy would have summed, and why it cannot be."""

    run: int
    why: str


class Pruner:
    """Removes what a policy says; blocking, and a writer of its own beside a recorder's.

    Parameters
    ----------
    url
        `sqlite:///file` or `postgresql+driver://...`; brought up to this release's schema. Or a
        writer's database, which is.

    Raises
    ------
    StoreError
        If the store was written by a newer release, or cannot be opened.
    """

    def __init__(self, url: str | Database) -> None:
        self._database = Database(url, writing=True) if isinstance(url, str) else url
        self._known = Known()
        if isinstance(url, Database):
            return
        try:
            bring_up(self._database, "record")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def plan(self, policy: Retention, now: int) -> tuple[Removal, ...]:
        """What the policy says of the runs that are stored."""
        with self._database.transaction() as connection:
            return plan(_standing(connection), policy, now)

    def would_prune(self, removals: Iterable[Removal]) -> tuple[Pruned, ...]:
        """What would be done; `bytes` without the size of the sums that come."""
        with self._database.transaction() as connection:
            return tuple(
                Pruned(
                    run=one.run,
                    kept=one.kept,
                    why=one.why,
                    lumisections=_merged_count(connection, one.run),
                    bytes=run_bytes(connection, one.run, whole=one.kept == "nothing"),
                )
                for one in removals
            )

    def prune(self, policy: Retention, now: int) -> tuple[tuple[Pruned, ...], tuple[Spared, ...]]:
        """Do it, oldest run first; a failure leaves the runs before it pruned, and the rest whole.

        Raises
        ------
        StoreError
            If the database is full, busy or away; the same call may be made again.
        """
        pruned: list[Pruned] = []
        spared: list[Spared] = []
        for removal in self.plan(policy, now):
            with self._database.transaction() as connection:
                # Since the plan was made it may have been played again, or removed.
                if removal not in plan(_standing(connection), policy, now):
                    continue
                try:
                    with connection.begin_nested():
                        pruned.append(self._remove(connection, removal, now))
                except WindowError as error:
                    spared.append(Spared(run=removal.run, why=str(error)))
        return tuple(pruned), tuple(spared)

    def _remove(self, connection: Connection, removal: Removal, now: int) -> Pruned:
        run, whole = removal.run, removal.kept == "nothing"
        lumisections = _merged_count(connection, run)
        before = run_bytes(connection, run, whole=whole)
        for series in _series(connection, run):
            if whole:
                _drop_series(connection, series)
            elif series.summed is None:
                self._sum(connection, series, now)
        tables: Sequence[Table] = (*OF_RUN, TALLIES, RUNS) if whole else (ACCOUNTS,)
        for table in tables:
            connection.execute(delete(table).where(table.c.run == run))
        freed = before - run_bytes(connection, run, whole=whole)
        row = {"run": run, "kept": removal.kept, "when": now, "why": removal.why}
        connection.execute(insert(REMOVED), {**row, "lumisections": lumisections, "bytes": freed})
        return Pruned(
            run=run, kept=removal.kept, why=removal.why, lumisections=lumisections, bytes=freed
        )

    def _sum(self, connection: Connection, series: Series, now: int) -> None:
        layout = self._known.layout_of(connection, series)
        everything = Selection.of(None)
        on_time = SeriesReader(connection, series, layout).window(everything, NOW)
        late = late_window(connection, series, layout, everything)
        replace_by_total(connection, series, on_time, late, now)


def _standing(connection: Connection) -> list[StandingRun]:
    return [
        StandingRun(one.run, one.updated or one.started, one.ended, one.summed)
        for one in all_runs(connection)
    ]


def _series(connection: Connection, run: int) -> list[Series]:
    query = select(SERIES).where(SERIES.c.run == run).order_by(SERIES.c.id)
    return [series_of(row) for row in connection.execute(query)]


def _merged_count(connection: Connection, run: int) -> int:
    """LSs of a run whose contents are kept one by one."""
    query = select(func.count(MERGED.c.lumisection.distinct())).where(
        and_(MERGED.c.series == SERIES.c.id, SERIES.c.run == run)
    )
    return int(connection.execute(query).scalar_one())


def _drop_series(connection: Connection, series: Series) -> None:
    for table in OF_SERIES:
        connection.execute(delete(table).where(table.c.series == series.id))
    connection.execute(delete(SERIES).where(SERIES.c.id == series.id))
