"""Contents of elements over windows: from memory what memory holds, the rest from the store."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.identity import compact_ranges
from services.gateway.archive import Archive, Shelf
from services.gateway.closed_total import NotInMemoryError
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.moments import NOW, Moment
from services.gateway.past import Past, RunWords, Sight, about_of, not_yet, with_late
from services.gateway.place import Place, Reading, Trend, alone
from services.gateway.quantities import Quantity
from services.gateway.records import LumisectionRecord, cover
from services.gateway.shares import NO_STORE, Share, held_of, share_of
from services.gateway.trend_numbers import TrendNumber, numbers_in_memory, numbers_in_store
from services.gateway.truth import known, suffices
from services.gateway.windows import Window
from services.gateway.workspace_run import WorkspaceRun

__all__ = ["Readings"]


P = ParamSpec("P")
T = TypeVar("T")


_Look = Callable[[WorkspaceRun | None, Sight], T]
"""What is wanted of memory, beside the LSs that a window covers."""


class Readings:
    """Reads elements of live and stored runs.

    Parameters
    ----------
    view, desk
        The live view and its thread.
    archive
        The stored runs; None if this gateway has no store.
    at_once
        Queries of the store that may run at the same time.
    """

    def __init__(
        self, view: LiveView, desk: Desk, archive: Archive | None, at_once: int = 8
    ) -> None:
        self._view = view
        self._desk = desk
        self._archive = archive
        self._turns = asyncio.Semaphore(at_once)

    async def read(
        self,
        place: Place,
        elements: Sequence[ElementLayout],
        window: Window,
        moment: Moment = NOW,
        shelf: Shelf | None = None,
    ) -> list[Reading]:
        """Elements of one workspace over a window, in the order asked for.

        `shelf` is that of a sight had just before, so that the store is not asked for it again.
        As of a moment in the past only closed LSs count that were stored then. What came late is
        known to the store alone; a late value never takes the place of one that was on time.

        Raises
        ------
        NotInMemoryError
            If nothing is known of the run, or LSs have left memory and there is no store.
        NotYetError
            If LSs of the window are neither in memory nor stored so far.
        WindowError
            If a sum cannot be made.
        """
        words = await self.words(place.run)
        if not moment.as_of.is_now:
            return await (await self.past(place)).read(elements, window, moment, words)
        sight, share = await self._looked(
            place,
            window,
            partial(share_of, window=window, has_store=self._archive is not None),
            shelf,
        )
        late = None
        if moment.late:
            late = await (await self.past(place)).late(sight.covered.numbers, moment)
        about = about_of(sight.covered, window, moment, words.marks, late=late)
        readings = []
        for element in elements:
            contents = with_late(element, late, await self._element(place, element, sight, share))
            single = next(iter(contents.layout))
            readings.append(Reading(single, contents, sight.covered, words.labels, about))
        return readings

    async def past(self, place: Place) -> Past:
        """What the store knows of a workspace of a run, under the set of the place.

        Raises
        ------
        NotInMemoryError
            If it has nothing of the run.
        """
        set_hash = await self._desk.ask(self._set, place)
        shelf = None
        if self._archive is not None:
            shelf = await self.stored(self._archive.shelf, place.run, set_hash)
        if self._archive is None or shelf is None or place.workspace not in shelf.sets:
            msg = (
                f"run {place.run} workspace {place.workspace!r} is not stored, and only a store "
                "knows the past and late data"
            )
            if self._archive is None:
                msg += f"; {NO_STORE}"
            raise NotInMemoryError(msg)
        return Past(place, self._archive, shelf, self.stored)

    async def beside(
        self, place: Place, element: ElementLayout, sight: Sight, lacking: Sequence[int]
    ) -> Past:
        """The store, for LSs in sight that memory lacks.

        Raises
        ------
        NotInMemoryError
            If there is none.
        NotYetError
            If it has nothing of the workspace so far.
        """
        if self._archive is None:
            numbers = compact_ranges(lacking)
            path = element.element.path
            msg = f"run {place.run} {path}: LS {numbers} are not in memory; {NO_STORE}"
            raise NotInMemoryError(msg)
        shelf = sight.shelf
        if shelf is None:
            set_hash = await self._desk.ask(self._set, place)
            shelf = await self.stored(self._archive.shelf, place.run, set_hash)
        if shelf is None or place.workspace not in shelf.sets:
            raise not_yet(place.run, element, lacking)
        return Past(place, self._archive, shelf, self.stored)

    async def words(self, run: int) -> RunWords:
        """What the run says of itself; of one that is not in memory what is stored of it."""
        words = await self._desk.ask(self._words, run)
        if words is not None:
            return words
        archive = self._archive
        stored = None if archive is None else await self.stored(archive.run, run)
        return RunWords({}, stored.marks if stored is not None else ())

    async def rows_in_memory(
        self,
        place: Place,
        element: ElementLayout,
        numbers: Sequence[int],
        shown: Mapping[int, LumisectionRecord],
    ) -> dict[int, NDArray[np.int64]]:
        """The element's cells int64[element.size] in those LSs that memory holds by themselves, and
        no worse than they are `shown`."""
        return await self._desk.ask(self._rows, place, element, numbers, shown)

    async def trend(
        self,
        place: Place,
        element: ElementLayout,
        quantity: Quantity,
        window: Window,
        shelf: Shelf | None = None,
    ) -> Trend:
        """One number of an element in each LS of a window; the value itself of scalars.

        `shelf` is as in `read`.
        """
        look = partial(numbers_in_memory, element=element, quantity=quantity)
        sight, found = await self._looked(place, window, look, shelf)
        lacking = [number for number in sight.covered.numbers if number not in found]
        if lacking:
            found |= await self._stored_trend(place, element, sight, quantity, lacking)
        numbers = sorted(found)
        closed = [sight.records[number].closed for number in numbers]
        values = [found[number].value for number in numbers]
        return Trend(numbers, values, [found[number].error for number in numbers], closed)

    # ------------------------------------------------------------- which LSs

    async def sight(self, place: Place, window: Window) -> Sight:
        """What is known of a window, in memory or in the store."""
        return (await self._looked(place, window, lambda _part, sight: sight))[0]

    async def _looked(
        self, place: Place, window: Window, look: _Look[T], shelf: Shelf | None = None
    ) -> tuple[Sight, T]:
        """What is known of a window, and what a look at memory finds of it at the same moment."""
        found = await self._desk.ask(self._look, place, window, look)
        if isinstance(found, tuple):
            return found
        if self._archive is None:
            msg = f"run {place.run} workspace {place.workspace!r} is not in memory; {NO_STORE}"
            raise NotInMemoryError(msg)
        if shelf is None or found not in {None, shelf.sets.get(place.workspace)}:
            shelf = await self.stored(self._archive.shelf, place.run, found)
        # An LS that has come to memory since is listed now, too: it is in what the look finds.
        return await self._desk.ask(self._look_beside, place, window, look, shelf)

    def _look(self, place: Place, window: Window, look: _Look[T]) -> tuple[Sight, T] | str | None:
        """What memory alone says; if it does not suffice, the set whose store has to be asked."""
        self._view.refresh()
        part = self._part(place)
        if part is None:
            return place.set
        if self._archive is not None and not suffices(part.records, window):
            return part.set
        sight = Sight(part.covered(window), dict(part.records), None)
        return sight, look(part, sight)

    def _look_beside(
        self, place: Place, window: Window, look: _Look[T], shelf: Shelf | None
    ) -> tuple[Sight, T]:
        self._view.refresh()
        part = self._part(place)
        stored: Mapping[int, LumisectionRecord] = {}
        if shelf is not None and place.workspace in shelf.layouts:
            stored = shelf.records_of(place.workspace)
        records = known(part.records if part is not None else {}, stored)
        if not records:
            msg = f"run {place.run} workspace {place.workspace!r} is neither live nor stored"
            raise NotInMemoryError(msg)
        covered = cover(place.run, [records[n] for n in window.select(sorted(records))])
        sight = Sight(covered, records, shelf)
        return sight, look(part, sight)

    # ------------------------------------------------------------- contents

    async def _element(
        self, place: Place, element: ElementLayout, sight: Sight, share: Share | None
    ) -> Contents:
        lacking = list(sight.covered.numbers) if share is None else share.lacking
        if share is not None and not lacking:
            return await self._desk.ask(alone, element, share.contents.layout, share.contents)
        stored = await self._stored_window(place, element, sight, lacking)
        if share is not None and share.numbers:
            stored.add(alone(element, share.contents.layout, share.contents))
        return stored

    async def _stored_window(
        self, place: Place, element: ElementLayout, sight: Sight, lacking: list[int]
    ) -> Contents:
        beside = await self.beside(place, element, sight, lacking)
        found = await beside.window(element, lacking, NOW)
        if len(found.lumisections) != len(lacking):
            raise not_yet(place.run, element, set(lacking) - set(found.lumisections))
        return found.contents

    # ---------------------------------------------------------------- trends

    async def _stored_trend(
        self,
        place: Place,
        element: ElementLayout,
        sight: Sight,
        quantity: Quantity,
        lacking: list[int],
    ) -> dict[int, TrendNumber]:
        try:
            beside = await self.beside(place, element, sight, lacking)
        except NotInMemoryError:
            return {}
        return numbers_in_store(element, await beside.trend(element, lacking, NOW), quantity)

    def _rows(
        self,
        place: Place,
        element: ElementLayout,
        numbers: Sequence[int],
        shown: Mapping[int, LumisectionRecord],
    ) -> dict[int, NDArray[np.int64]]:
        part = self._part(place)
        if part is None or element.element.path not in part.layout:
            return {}
        at = slice(element.offset, element.offset + element.size)
        held = held_of(part, numbers, shown)
        return {n: part.of_lumisection(n).cells[at].copy() for n in held}

    # ------------------------------------------------------------------- ways

    def _part(self, place: Place) -> WorkspaceRun | None:
        run = self._view.runs.get(place.run)
        return None if run is None else run.under(place.workspace, place.set)

    def _set(self, place: Place) -> str | None:
        part = self._part(place)
        return place.set if part is None else part.set

    def _words(self, number: int) -> RunWords | None:
        run = self._view.runs.get(number)
        return None if run is None else RunWords(dict(run.labels), run.marks)

    async def stored(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a function of the archive returns, called on a thread, a bounded number at once."""
        async with self._turns:
            return await asyncio.to_thread(function, *args, **kwargs)
