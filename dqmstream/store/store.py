"""The store as everybody but the recorder sees it: reading only, blocking, from any thread.

Each call is one transaction and sees one state, whatever is recorded meanwhile. Call it by
`asyncio.to_thread` from a task.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, select

from dqmstream.errors import NotStoredError, WindowError
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.booking import Activation, Booking
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReports
from dqmstream.store import schema
from dqmstream.store.answers import (
    NOW,
    AsOf,
    ElementTrend,
    Hole,
    Lumisection,
    OutcomeCounts,
    Page,
    Removed,
    Run,
    Window,
)
from dqmstream.store.database import Database
from dqmstream.store.known import Known, stored_booking
from dqmstream.store.listings import gone, in_run, lumisections, reports, runs, sets
from dqmstream.store.listings.lumisections import LumisectionFilter
from dqmstream.store.listings.pages import MAX_PAGE
from dqmstream.store.listings.reports import ReportFilter
from dqmstream.store.pieces import late_window
from dqmstream.store.series import Selection, Series, find_series
from dqmstream.store.standing import RunStanding, run_standing
from dqmstream.store.tables import LOG, POSITIONS
from dqmstream.store.tallies import RunTally, tallies_of
from dqmstream.store.totals import check_no_series_is_summed, check_not_removed
from dqmstream.store.window import SeriesReader

__all__ = ["Store"]


class Store:
    """What closed lumisections held.

    Whatever is asked for by name and is not stored raises NotStoredError; a window in which
    nothing is stored is empty, and says so by the LSs it names. `as_of` asks as of a moment in the
    past (`AsOf`): only LSs whose contents were known then count. Where the retention policy has
    left the sum of a run, or nothing, whatever takes single LSs raises RemovedError.

    Parameters
    ----------
    url
        `sqlite:///file` or `postgresql+driver://...`. An absent one is made; one of an older
        release is brought up to this release's schema if that release can go on with it then.

    Raises
    ------
    ConfigurationError
        If the URL is none.
    StoreError
        If the store is of a newer release, and this one cannot read it; if it has to be brought up
        by `dqmstream store migrate`; or if it cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url, writing=False)
        self._known = Known()
        try:
            _bring_up(url, self._database)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    # --------------------------------------------------------------------- lists

    def log(self) -> str | None:
        """Identity of the log that is recorded here, None before anything is."""
        with self._database.transaction() as connection:
            return connection.execute(select(LOG.c.identity)).scalar_one_or_none()

    def positions(self) -> dict[tuple[str, int], int]:
        """By (topic, partition): all records below this offset are in, or were refused."""
        with self._database.transaction() as connection:
            rows = connection.execute(select(POSITIONS)).all()
        return {(row.topic, row.partition): row.next_offset for row in rows}

    def holes(self) -> tuple[Hole, ...]:
        """Offsets that expired before they were recorded."""
        with self._database.transaction() as connection:
            return gone.holes(connection)

    def removed(self) -> tuple[Removed, ...]:
        """What the retention policy took of which runs."""
        with self._database.transaction() as connection:
            return gone.removed(connection)

    def runs(
        self,
        *,
        after: tuple[int] | None = None,
        limit: int = 100,
        outcome: Outcome | None = None,
    ) -> Page[Run]:
        """Stored runs, newest number first; with an `outcome` those of which an LS has it."""
        with self._database.transaction() as connection:
            return runs.page(connection, after, limit, outcome)

    def tallies(self, runs: Sequence[int]) -> dict[int, RunTally]:
        """What runs come to: outcomes, accounts and luminosity, read from few rows."""
        with self._database.transaction() as connection:
            return tallies_of(connection, runs)

    def brought(self, runs: Sequence[int]) -> dict[int, tuple[tuple[str, str], ...]]:
        """Sets and workspaces that anything is stored of, by run, sorted."""
        with self._database.transaction() as connection:
            return sets.brought(connection, runs)

    def standing(self, run: int) -> RunStanding:
        """Changes whenever what is listed of a run may have: to keep listings until then."""
        with self._database.transaction() as connection:
            return run_standing(connection, run)

    def sets(self, run: int) -> tuple[str, ...]:
        """Sets that anything is stored of for a run."""
        with self._database.transaction() as connection:
            return sets.of_run(connection, run)

    def lumisections(
        self,
        run: int,
        *,
        set: str | None = None,
        workspace: str | None = None,
        as_of: AsOf = NOW,
        after: tuple[int, str] | None = None,
        limit: int = MAX_PAGE,
    ) -> Page[Lumisection]:
        """Accounts and conditions of the LSs of a run, rising; those of all sets by default.

        As of a moment only LSs of which contents were known then: those of one workspace if it is
        named, as it must be for an offset, else those of any.

        Raises
        ------
        WindowError
            If an offset is given and no workspace.
        """
        if as_of.offset is not None and workspace is None:
            msg = f"as of offset {as_of.offset}: name the workspace of whose partition it is one"
            raise WindowError(msg)
        wanted = LumisectionFilter(run, set, workspace, as_of)
        with self._database.transaction() as connection:
            if not as_of.is_now:
                check_no_series_is_summed(connection, run)
            return lumisections.page(connection, wanted, after, limit)

    def missing(self, run: int) -> dict[str, tuple[int, ...]]:
        """By set, LSs from the first to the last stored one that are not closed."""
        with self._database.transaction() as connection:
            found = lumisections.missing(connection, run, run)
        return {booking_set: lumisections for (booking_set, _), lumisections in found.items()}

    def booking(self, booking_hash: str) -> Booking:
        """The booking of that hash."""
        with self._database.transaction() as connection:
            booking = stored_booking(connection, booking_hash)
        if booking is None:
            msg = f"booking {booking_hash!r:.80} is not stored"
            raise NotStoredError(msg)
        return booking

    def bookings(self, set: str) -> dict[str, str]:
        """Hash of the booking of each workspace of a set."""
        with self._database.transaction() as connection:
            return sets.bookings(connection, set)

    def activations(self) -> tuple[Activation, ...]:
        """Which set readers show from which run on: by run, then in the order they were made."""
        with self._database.transaction() as connection:
            return sets.activations(connection)

    def active_set(self, run: int) -> str | None:
        """The set that readers show for a run: the last activation up to it, None without any."""
        shown = [one.set for one in self.activations() if one.from_run <= run]
        return shown[-1] if shown else None

    def reports(
        self,
        run: int,
        *,
        set: str | None = None,
        lumisection: int | None = None,
        workspace: str | None = None,
        scope: str | None = None,
        after: tuple[int, str, str, str] | None = None,
        limit: int = 100,
    ) -> Page[QualityReports]:
        """Quality reports of a run, by LS, workspace, scope and set."""
        wanted = ReportFilter(run, set, lumisection, workspace, scope)
        with self._database.transaction() as connection:
            return reports.page(connection, wanted, after, limit)

    def outcomes(
        self,
        run: int,
        *,
        set: str | None = None,
        lumisection: int | None = None,
        workspace: str | None = None,
        scope: str | None = None,
        after: tuple[int, str, str, str] | None = None,
        limit: int = MAX_PAGE,
    ) -> Page[OutcomeCounts]:
        """How many of the same reports had which outcome: quick over a whole run."""
        wanted = ReportFilter(run, set, lumisection, workspace, scope)
        with self._database.transaction() as connection:
            return reports.outcomes(connection, wanted, after, limit)

    def newest_reports(self, set: str, run: int, workspace: str) -> tuple[QualityReports, ...]:
        """Reports of a workspace at the newest LS of a run that has any, over all scopes."""
        with self._database.transaction() as connection:
            return in_run.newest_reports(connection, set, run, workspace)

    def conditions(self, run: int) -> dict[int, Conditions]:
        """Conditions of the LSs of a run, by LS."""
        with self._database.transaction() as connection:
            return in_run.conditions(connection, run)

    # ------------------------------------------------------------------ contents

    def layout(self, set: str, run: int, workspace: str) -> Layout:
        """Layout of what is stored of a workspace over a run."""
        with self._reading(set, run, workspace) as (_, _, layout):
            return layout

    def contents(
        self,
        set: str,
        run: int,
        workspace: str,
        lumisections: Iterable[int] | None = None,
        *,
        as_of: AsOf = NOW,
    ) -> Window:
        """Sum of all elements over the LSs that are stored of those asked for (None: all).

        Raises
        ------
        WindowError
            If a fixed-point sum could overflow.
        """
        with self._reading(set, run, workspace) as (connection, series, layout):
            reader = SeriesReader(connection, series, layout)
            return reader.window(Selection.of(lumisections), as_of)

    def late(
        self,
        set: str,
        run: int,
        workspace: str,
        lumisections: Iterable[int] | None = None,
        *,
        as_of: AsOf = NOW,
    ) -> Window:
        """The same for what came after the LSs had closed, which `contents` never has in it."""
        with self._reading(set, run, workspace) as (connection, series, layout):
            return late_window(connection, series, layout, Selection.of(lumisections), as_of)

    def element_window(
        self,
        set: str,
        run: int,
        workspace: str,
        path: str,
        lumisections: Iterable[int] | None = None,
        *,
        as_of: AsOf = NOW,
    ) -> Window:
        """Sum of one element: contents of a booking that has nothing but this element.

        Raises
        ------
        WindowError
            If a fixed-point sum could overflow.
        """
        with self._reading(set, run, workspace) as (connection, series, layout):
            reader = SeriesReader(connection, series, layout)
            return reader.element_window(_element(layout, path), Selection.of(lumisections), as_of)

    def element_trend(
        self,
        set: str,
        run: int,
        workspace: str,
        path: str,
        lumisections: Iterable[int] | None = None,
        *,
        as_of: AsOf = NOW,
    ) -> ElementTrend:
        """One element LS by LS.

        Raises
        ------
        WindowError
            If that is more than 2**24 cells.
        """
        with self._reading(set, run, workspace) as (connection, series, layout):
            reader = SeriesReader(connection, series, layout)
            return reader.element_trend(_element(layout, path), Selection.of(lumisections), as_of)

    @contextmanager
    def _reading(
        self, set: str, run: int, workspace: str
    ) -> Iterator[tuple[Connection, Series, Layout]]:
        with self._database.transaction() as connection:
            # Not a remembered one: retention may have summed it meanwhile.
            series = find_series(connection, set, run, workspace)
            if series is None:
                check_not_removed(connection, run)
                msg = f"nothing is stored of workspace {workspace!r} in run {run}, set {set!r}"
                raise NotStoredError(msg)
            yield connection, series, self._known.layout_of(connection, series)


def _bring_up(url: str, database: Database) -> None:
    """Change the schema only where it must be: a store in a read-only place can still be read."""
    if schema.fits(database, "read"):
        return
    writing = Database(url, writing=True)
    try:
        schema.bring_up(writing, "read")
    finally:
        writing.close()


def _element(layout: Layout, path: str) -> ElementLayout:
    if path not in layout:
        msg = f"workspace {layout.workspace!r} has no MonitorElement {path!r}"
        raise NotStoredError(msg)
    return layout[path]
