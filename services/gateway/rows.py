"""One element LS by LS, in pieces of bounded size: from memory what it holds, the rest stored."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.export.about import About
from dqmstream.export.series import Piece
from dqmstream.histograms.layout import ElementLayout
from services.gateway.moments import Moment
from services.gateway.past import Past, RunWords, Sight, about_of, not_yet
from services.gateway.place import Place
from services.gateway.readings import Readings
from services.gateway.windows import Window

__all__ = ["Rows", "rows_of"]

_PIECE_CELLS: Final = 1 << 20

Cells = NDArray[np.int64]


class Rows(NamedTuple):
    """The rows that will come: which LSs, what is known of them, and how to read them.

    Parameters
    ----------
    about, words
        What they cover, and what the run says of itself.
    sight
        What is known of these LSs; its version changes when their contents may have.
    """

    readings: Readings
    place: Place
    element: ElementLayout
    moment: Moment
    about: About
    words: RunWords
    sight: Sight
    past: Past | None

    async def pieces(self) -> AsyncIterator[Piece]:
        """All rows, in rising order of LSs; each row is the LS as it is when it is read.

        Raises
        ------
        NotInMemoryError
            If an LS has left memory, and there is no store.
        NotYetError
            If the store has not got it so far.
        """
        numbers = self.about.lumisections
        at_once = max(1, _PIECE_CELLS // self.element.size)
        for start in range(0, len(numbers), at_once):
            some = numbers[start : start + at_once]
            yield self._piece(some, await self._cells(some))

    def _piece(self, numbers: Sequence[int], cells: Cells) -> Piece:
        records = [self.sight.records[number] for number in numbers]
        return Piece(
            np.array(numbers, np.int64),
            np.array([record.closed for record in records], np.bool_),
            np.array([record.complete for record in records], np.bool_),
            cells,
        )

    async def _cells(self, numbers: Sequence[int]) -> Cells:
        held = {}
        if self.past is None:
            held = await self.readings.rows_in_memory(
                self.place, self.element, numbers, self.sight.records
            )
        lacking = [number for number in numbers if number not in held]
        if not lacking:
            return np.array([held[number] for number in numbers], np.int64)
        past = self.past or await self.readings.beside(
            self.place, self.element, self.sight, lacking
        )
        found = await past.trend(self.element, lacking, self.moment)
        if len(found.lumisections) != len(lacking):
            gone = set(lacking) - set(found.lumisections.tolist())
            raise not_yet(self.place.run, self.element, gone)
        if not held:
            return found.cells
        held |= dict(zip(found.lumisections.tolist(), found.cells, strict=True))
        return np.array([held[number] for number in numbers], np.int64)


async def rows_of(
    readings: Readings, place: Place, element: ElementLayout, window: Window, moment: Moment
) -> Rows:
    """The rows of an element over a window, before any is read.

    Raises
    ------
    NotInMemoryError
        If nothing is known of the run, or the past is asked for and there is no store.
    """
    words = await readings.words(place.run)
    past = None
    replaced: tuple[int, ...] = ()
    if moment.as_of.is_now:
        sight = await readings.sight(place, window)
    else:
        past = await readings.past(place)
        sight = await past.sight(window, moment)
        found = await past.window(element, sight.covered.numbers, moment)
        replaced = found.replaced
        sight = sight._replace(covered=past.covered(sight, found.lumisections))
    about = about_of(sight.covered, window, moment, words.marks, replaced=replaced)
    return Rows(
        readings=readings,
        place=place,
        element=element,
        moment=moment,
        about=about,
        words=words,
        sight=sight,
        past=past,
    )
