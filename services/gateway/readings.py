"""Contents of elements over windows: from memory what memory holds, the rest from the store."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.histograms import ScalarValue
from services.gateway.archive import Archive, Shelf
from services.gateway.closed_total import NotInMemoryError
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.place import Place, Reading, Trend, alone
from services.gateway.quantities import Quantity, quantity_of, scalar_number
from services.gateway.windows import Window
from services.gateway.workspace_run import (
    Covered,
    LumisectionRecord,
    WorkspaceRun,
    contents_version,
    cover,
)

__all__ = ["Readings"]


P = ParamSpec("P")
T = TypeVar("T")


class _Share(NamedTuple):
    """What memory has of a window, and the LSs it lacks."""

    contents: Contents
    numbers: list[int]
    lacking: list[int]


class _Sight(NamedTuple):
    """What is known of a window before its contents are read."""

    covered: Covered
    records: Mapping[int, LumisectionRecord]
    shelf: Shelf | None
    live: bool


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

    async def covered(self, place: Place, window: Window) -> tuple[Covered, str]:
        """Which LSs a window covers, and a version that changes when their contents may have."""
        sight = await self._sight(place, window)
        return sight.covered, contents_version(sight.records[n] for n in sight.covered.numbers)

    async def read(
        self, place: Place, elements: Sequence[ElementLayout], window: Window
    ) -> list[Reading]:
        """Elements of one workspace over a window, in the order asked for.

        Raises
        ------
        NotInMemoryError
            If LSs of the window are neither in memory nor stored.
        WindowError
            If a sum cannot be made.
        """
        sight = await self._sight(place, window)
        labels = await self._desk.ask(self._labels, place.run)
        share = await self._desk.ask(self._share, place, sight, window)
        readings = []
        for element in elements:
            contents = await self._element(place, element, sight, share)
            single = next(iter(contents.layout))
            readings.append(Reading(single, contents, sight.covered, labels))
        return readings

    async def trend(
        self, place: Place, element: ElementLayout, quantity: Quantity, window: Window
    ) -> Trend:
        """One number of an element in each LS of a window; the value itself of scalars."""
        sight = await self._sight(place, window)
        found = await self._desk.ask(self._trend_in_memory, place, element, sight, quantity)
        lacking = [number for number in sight.covered.numbers if number not in found]
        if lacking:
            found |= await self._stored_trend(place, element, sight, quantity, lacking)
        numbers = sorted(found)
        closed = [sight.records[number].closed for number in numbers]
        return Trend(numbers, [found[number] for number in numbers], closed)

    # ------------------------------------------------------------- which LSs

    async def _sight(self, place: Place, window: Window) -> _Sight:
        sight = await self._desk.ask(self._sight_in_memory, place, window)
        if self._archive is None or (sight is not None and self._enough(sight, window)):
            if sight is None:
                msg = f"run {place.run} workspace {place.workspace!r} is not in memory"
                raise NotInMemoryError(msg)
            return sight
        set_hash = await self._desk.ask(self._set, place)
        shelf = await self._stored(self._archive.shelf, place.run, set_hash)
        records = dict(sight.records) if sight else {}
        if shelf is not None and place.workspace in shelf.layouts:
            records = {**shelf.records_of(place.workspace), **records}
        if not records:
            msg = f"run {place.run} workspace {place.workspace!r} is neither live nor stored"
            raise NotInMemoryError(msg)
        chosen = window.select(sorted(records))
        covered = cover(place.run, [records[n] for n in chosen])
        return _Sight(covered, records, shelf, sight is not None)

    def _sight_in_memory(self, place: Place, window: Window) -> _Sight | None:
        self._view.refresh()
        part = self._part(place)
        if part is None:
            return None
        return _Sight(part.covered(window), dict(part.records), None, live=True)

    def _enough(self, sight: _Sight, window: Window) -> bool:
        """Whether no LS of the window can be stored that memory has not heard of."""
        lowest = min(sight.records, default=None)
        if lowest is None:
            return False
        match window.kind:
            case "lumisection":
                return True
            case "last":
                return lowest == 1 or len(sight.records) >= window.count
            case "run":
                return lowest == 1
            case "range":
                return lowest <= window.first

    # ------------------------------------------------------------- contents

    def _share(self, place: Place, sight: _Sight, window: Window) -> _Share | None:
        """The sum over what memory holds of a window; None if the run is not live."""
        part = self._part(place)
        if part is None:
            return None
        wanted = list(sight.covered.numbers)
        try:
            contents, covered = part.window(window)
        except NotInMemoryError:
            if self._archive is None:
                raise
        else:
            if set(wanted) <= set(covered.numbers):
                return _Share(contents, list(covered.numbers), [])
        held = [number for number in part.in_memory() if number in set(wanted)]
        total = Contents.total(part.layout, (part.of_lumisection(number) for number in held))
        lacking = [number for number in wanted if number not in set(held)]
        return _Share(total, held, lacking)

    async def _element(
        self, place: Place, element: ElementLayout, sight: _Sight, share: _Share | None
    ) -> Contents:
        lacking = list(sight.covered.numbers) if share is None else share.lacking
        if share is not None and not lacking:
            return await self._desk.ask(alone, element, share.contents.layout, share.contents)
        stored = await self._stored_window(place, element, sight, lacking)
        if share is not None and share.numbers:
            stored.add(alone(element, share.contents.layout, share.contents))
        return stored

    async def _stored_window(
        self, place: Place, element: ElementLayout, sight: _Sight, lacking: list[int]
    ) -> Contents:
        archive, shelf = self._archive, await self._shelf(place, sight)
        if archive is None or shelf is None:
            msg = f"run {place.run} workspace {place.workspace!r}: LS {lacking[:5]} are not stored"
            raise NotInMemoryError(msg)
        path = element.element.path
        found = await self._stored(
            archive.element_window, shelf, place.run, place.workspace, path, lacking
        )
        if len(found.lumisections) != len(lacking):
            gone = sorted(set(lacking) - set(found.lumisections))
            msg = f"run {place.run} {path}: LS {gone[:5]} are neither in memory nor stored (yet)"
            raise NotInMemoryError(msg)
        return found.contents

    # ---------------------------------------------------------------- trends

    def _trend_in_memory(
        self, place: Place, element: ElementLayout, sight: _Sight, quantity: Quantity
    ) -> dict[int, Any]:
        part = self._part(place)
        if part is None:
            return {}
        wanted = set(sight.covered.numbers)
        held = [number for number in part.in_memory() if number in wanted]
        if not element.planes:
            scalars = {n: part.of_lumisection(n).scalars.get(element.index) for n in held}
            return _scalars(element, scalars)
        at = slice(element.offset, element.offset + element.size)
        cells = [part.of_lumisection(number).cells[at] for number in held]
        return _numbers(element, held, np.array(cells, np.int64), quantity)

    async def _stored_trend(
        self,
        place: Place,
        element: ElementLayout,
        sight: _Sight,
        quantity: Quantity,
        lacking: list[int],
    ) -> dict[int, Any]:
        archive, shelf = self._archive, await self._shelf(place, sight)
        if archive is None or shelf is None:
            return {}
        path = element.element.path
        found = await self._stored(
            archive.element_trend, shelf, place.run, place.workspace, path, lacking
        )
        numbers = [int(number) for number in found.lumisections]
        if not element.planes:
            scalars = {n: found.scalars.get(n) for n in numbers}
            return _scalars(element, scalars)
        return _numbers(found.element, numbers, found.cells, quantity)

    # ------------------------------------------------------------------- ways

    def _part(self, place: Place) -> WorkspaceRun | None:
        run = self._view.runs.get(place.run)
        return None if run is None else run.shown(place.workspace)

    def _set(self, place: Place) -> str | None:
        part = self._part(place)
        return None if part is None else part.set

    def _labels(self, number: int) -> Mapping[str, Sequence[str]]:
        run = self._view.runs.get(number)
        return {} if run is None else dict(run.labels)

    async def _shelf(self, place: Place, sight: _Sight) -> Shelf | None:
        if sight.shelf is not None or self._archive is None:
            return sight.shelf
        set_hash = await self._desk.ask(self._set, place)
        return await self._stored(self._archive.shelf, place.run, set_hash)

    async def _stored(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        async with self._turns:
            return await asyncio.to_thread(function, *args, **kwargs)


def _scalars(
    element: ElementLayout, values: Mapping[int, ScalarValue | None]
) -> dict[int, float | str | None]:
    return {n: None if v is None else scalar_number(element, v) for n, v in values.items()}


def _numbers(
    element: ElementLayout, numbers: list[int], cells: NDArray[np.int64], quantity: Quantity
) -> dict[int, Any]:
    if not numbers:
        return {}
    return dict(zip(numbers, quantity_of(element, cells, quantity).tolist(), strict=True))
