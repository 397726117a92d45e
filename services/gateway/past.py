"""What the store alone knows: contents as of a moment in the past, and what came late."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from dqmstream.export.about import About
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.identity import compact_ranges
from dqmstream.store.answers import ElementTrend
from dqmstream.store.answers import Window as StoredWindow
from services.gateway.archive import Archive, Shelf
from services.gateway.closed_total import NotYetError
from services.gateway.moments import Moment
from services.gateway.place import Place, Reading, alone
from services.gateway.records import Covered, LumisectionRecord, contents_version, cover
from services.gateway.windows import Window

__all__ = ["Past", "RunWords", "Sight", "about_of", "not_yet", "with_late"]


class Sight(NamedTuple):
    """What is known of a window before its contents are read."""

    covered: Covered
    records: Mapping[int, LumisectionRecord]
    shelf: Shelf | None

    @property
    def version(self) -> str:
        """Changes when the contents of the LSs that are covered may have."""
        return contents_version(self.records[number] for number in self.covered.numbers)


class RunWords(NamedTuple):
    """What the run says of itself: names of the values of columns, and marks."""

    labels: Mapping[str, Sequence[str]]
    marks: tuple[str, ...]


class Past:
    """A workspace of a run as the store knows it.

    Parameters
    ----------
    place, archive, shelf
        Which, in which store, and what is listed of its run.
    stored
        Calls a function of the archive on a thread.
    """

    def __init__(
        self,
        place: Place,
        archive: Archive,
        shelf: Shelf,
        stored: Callable[..., Awaitable[Any]],
    ) -> None:
        self._place = place
        self._archive = archive
        self._shelf = shelf
        self._stored = stored

    async def sight(self, window: Window, moment: Moment) -> Sight:
        """The LSs of a window that were known then; `records` are as they are known now."""
        run, workspace, _ = self._place
        records = await self._stored(self._archive.known, self._shelf, run, workspace, moment.as_of)
        chosen = window.select(sorted(records))
        covered = cover(run, [records[n] for n in chosen])
        return Sight(covered, records, self._shelf)

    async def window(
        self, element: ElementLayout, numbers: Sequence[int], moment: Moment
    ) -> StoredWindow:
        """One element summed over those of some LSs that were known then as they are now."""
        run, workspace, _ = self._place
        found: StoredWindow = await self._stored(
            self._archive.element_window,
            self._shelf,
            run,
            workspace,
            element.element.path,
            numbers,
            as_of=moment.as_of,
        )
        return found

    async def trend(
        self, element: ElementLayout, numbers: Sequence[int], moment: Moment
    ) -> ElementTrend:
        """One element in each of those LSs that were known then as they are now."""
        run, workspace, _ = self._place
        found: ElementTrend = await self._stored(
            self._archive.element_trend,
            self._shelf,
            run,
            workspace,
            element.element.path,
            numbers,
            as_of=moment.as_of,
        )
        return found

    def covered(self, sight: Sight, numbers: Sequence[int]) -> Covered:
        """What these LSs of a sight come to."""
        return cover(self._place.run, [sight.records[n] for n in numbers])

    async def late(self, numbers: Sequence[int], moment: Moment) -> StoredWindow:
        """What came late for some LSs and was known then, of all elements."""
        run, workspace, _ = self._place
        found: StoredWindow = await self._stored(
            self._archive.late_window, self._shelf, run, workspace, numbers, as_of=moment.as_of
        )
        return found

    async def read(
        self,
        elements: Sequence[ElementLayout],
        window: Window,
        moment: Moment,
        words: RunWords,
    ) -> list[Reading]:
        """Elements over a window as of a moment, in the order asked for."""
        sight = await self.sight(window, moment)
        numbers = sight.covered.numbers
        late = await self.late(numbers, moment) if moment.late else None
        readings = []
        for element in elements:
            found = await self.window(element, numbers, moment)
            covered = self.covered(sight, found.lumisections)
            replaced = {*found.replaced, *(late.replaced if late else ())}
            about = about_of(
                covered, window, moment, words.marks, late=late, replaced=tuple(sorted(replaced))
            )
            contents = with_late(element, late, found.contents)
            single = next(iter(contents.layout))
            readings.append(Reading(single, contents, covered, words.labels, about))
        return readings


def about_of(
    covered: Covered,
    window: Window,
    moment: Moment,
    marks: tuple[str, ...],
    *,
    late: StoredWindow | None = None,
    replaced: tuple[int, ...] = (),
) -> About:
    """What an answer says of the LSs in it."""
    return About(
        run=covered.run,
        window=window.word,
        lumisections=covered.numbers,
        closed=covered.closed,
        complete=covered.complete,
        whole=covered.whole,
        late_events=covered.late_events,
        late=None if late is None else late.lumisections,
        as_of=moment.word,
        replaced=replaced,
        marks=marks,
    )


def with_late(element: ElementLayout, late: StoredWindow | None, contents: Contents) -> Contents:
    """Contents of one element, with what came late for it; on-time values come last, and win."""
    if late is None:
        return contents
    total = alone(element, late.contents.layout, late.contents)
    total.add(contents)
    return total


def not_yet(run: int, element: ElementLayout, lacking: Iterable[int]) -> NotYetError:
    """What is said of LSs that are known, but whose contents are nowhere so far."""
    path, numbers = element.element.path, compact_ranges(lacking)
    return NotYetError(f"run {run} {path}: LS {numbers} are neither in memory nor stored yet")
