"""Reading a series: sums over windows and trends, from chunks and tail, exactly."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Table, select

from dqmstream.errors import StoreError, WindowError
from dqmstream.histograms.contents import Contents, combine_scalars
from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.booking import Booking
from dqmstream.messages.histograms import ScalarValue
from dqmstream.store.answers import AsOf, ElementTrend, Window
from dqmstream.store.as_of import KnownThen, known_then
from dqmstream.store.blocks import decode_block, unpacked_lumisections
from dqmstream.store.series import Beside, Selection, Series
from dqmstream.store.tables import BLOCKS, CHUNK_ELEMENTS, CHUNKS, MERGED
from dqmstream.store.totals import check_not_summed, total

__all__ = ["SeriesReader"]

_MAX_TREND_CELLS: Final = 2**24


class _Chunk(NamedTuple):
    """Head of a chunk: its LSs, and which of them count (asked for, and not in the tail)."""

    first: int
    lumisections: NDArray[np.int64]
    counts: NDArray[np.bool_]


class _Places(NamedTuple):
    """Where the LSs of a window lie; `beside` has each of them once, rising."""

    beside: dict[int, Beside]
    tail: dict[int, bytes]
    chunks: list[_Chunk]


class SeriesReader:
    """Sums and trends of one series, as of one transaction.

    Parameters
    ----------
    connection
        In a transaction, so that chunks and tail are of one moment.
    series
        Which.
    layout
        Layout of its booking.
    """

    def __init__(self, connection: Connection, series: Series, layout: Layout) -> None:
        self._connection = connection
        self._series = series
        self._layout = layout

    def window(self, selection: Selection, as_of: AsOf) -> Window:
        """Sum of all elements over a window."""
        if self._series.summed is not None:
            return total(self._connection, self._series, self._layout, selection, as_of)
        selection, replaced = self._known(selection, as_of)
        places = self._places(selection)
        cells = np.zeros(self._layout.cells, np.int64)
        for chunk in places.chunks:
            self._add_chunk(chunk, cells)
        for block in places.tail.values():
            cells += decode_block(block, self._layout.cells)
        return _summed(self._layout, cells, places.beside, replaced)

    def element_window(self, element: ElementLayout, selection: Selection, as_of: AsOf) -> Window:
        """Sum of one element over a window, as contents of a booking with nothing else in it."""
        alone = Layout(Booking(workspace=self._layout.workspace, elements=(element.element,)))
        if self._series.summed is not None:
            return _alone(alone, element, self.window(selection, as_of))
        selection, replaced = self._known(selection, as_of)
        places = self._places(selection)
        cells = np.zeros(element.size, np.int64)
        for _, part in self._element_parts(element, selection, places):
            cells += part.sum(axis=0)
        beside = {n: _of_element(found, element.index) for n, found in places.beside.items()}
        return _summed(alone, cells, beside, replaced)

    def element_trend(
        self, element: ElementLayout, selection: Selection, as_of: AsOf
    ) -> ElementTrend:
        """One element LS by LS.

        Raises
        ------
        WindowError
            If that is more than 2**24 cells.
        """
        if self._series.summed is not None:
            check_not_summed(self._connection, self._series, selection)
        selection, replaced = self._known(selection, as_of)
        places = self._places(selection)
        beside, index = places.beside, element.index
        if len(beside) * element.size > _MAX_TREND_CELLS:
            msg = (
                f"{element.element.path}: {len(beside)} LSs of {element.size} cells are more than "
                f"{_MAX_TREND_CELLS} cells: ask for a shorter window"
            )
            raise WindowError(msg)
        lumisections = np.array(list(beside), np.int64)
        cells = np.zeros((len(beside), element.size), np.int64)
        for part_lumisections, part in self._element_parts(element, selection, places):
            cells[np.searchsorted(lumisections, part_lumisections)] = part
        return ElementTrend(
            element=element,
            lumisections=lumisections,
            cells=cells,
            scalars={n: b.scalars[index] for n, b in beside.items() if index in b.scalars},
            invalid={n: b.invalid[index] for n, b in beside.items() if index in b.invalid},
            replaced=replaced,
        )

    def _known(self, selection: Selection, as_of: AsOf) -> KnownThen:
        return known_then(self._connection, self._series, selection, as_of)

    def _places(self, selection: Selection) -> _Places:
        tail = self._rows(BLOCKS, BLOCKS.c.cells, selection)
        beside = {
            n: Beside.decode(packed)
            for n, packed in self._rows(MERGED, MERGED.c.beside, selection).items()
        }
        chunks = list(self._chunks(selection, np.array(list(tail), np.int64)))
        placed = len(tail) + sum(int(chunk.counts.sum()) for chunk in chunks)
        if placed != len(beside):
            msg = f"{self._series}: {len(beside)} LSs are merged, contents are there for {placed}"
            raise StoreError(msg)
        return _Places(beside, tail, chunks)

    def _rows(
        self, table: Table, column: ColumnElement[Any], selection: Selection
    ) -> dict[int, Any]:
        """`column` of each LS of the window, rising."""
        key = table.c.lumisection
        query = select(key, column).where(
            table.c.series == self._series.id, key.between(selection.first, selection.last)
        )
        rows = {row[0]: row[1] for row in self._connection.execute(query.order_by(key))}
        return {n: rows[n] for n in selection.chosen(list(rows))}

    def _chunks(self, selection: Selection, tail: NDArray[np.int64]) -> Iterator[_Chunk]:
        c = CHUNKS.c
        query = select(c.first, c.lumisections).where(
            c.series == self._series.id,
            c.first.between(self._series.chunk(selection.first), selection.last),
        )
        for first, packed in self._connection.execute(query.order_by(c.first)):
            lumisections = unpacked_lumisections(packed)
            counts = selection.mask(lumisections) & ~np.isin(lumisections, tail)
            if counts.any():
                yield _Chunk(first, lumisections, counts)

    def _add_chunk(self, chunk: _Chunk, cells: NDArray[np.int64]) -> None:
        if chunk.counts.all():
            query = select(CHUNKS.c.total).where(*_is_chunk(CHUNKS, self._series, chunk))
            total = self._connection.execute(query).scalar_one()
            cells += decode_block(total, self._layout.cells)
            return
        c = CHUNK_ELEMENTS.c
        rows = select(c.element, c.cells).where(*_is_chunk(CHUNK_ELEMENTS, self._series, chunk))
        blocks: dict[int, bytes] = {
            row.element: row.cells for row in self._connection.execute(rows)
        }
        for element in self._layout:
            if not element.size:
                continue
            block = _found(blocks, element.index, self._series, element, chunk)
            part = _turned(block, element.size, chunk)
            cells[element.offset : element.offset + element.size] += part.sum(axis=0)

    def _element_parts(
        self, element: ElementLayout, selection: Selection, places: _Places
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """LSs int64[n] and the element's cells in them int64[n, size], from chunks, then tail."""
        if not element.size:
            return
        turned = self._element_blocks(element, selection)
        for chunk in places.chunks:
            block = _found(turned, chunk.first, self._series, element, chunk)
            part = _turned(block, element.size, chunk)
            yield chunk.lumisections[chunk.counts], part
        start, stop = element.offset, element.offset + element.size
        for lumisection, block in places.tail.items():
            part = decode_block(block, self._layout.cells, start, stop)
            yield np.array([lumisection], np.int64), part[np.newaxis]

    def _element_blocks(self, element: ElementLayout, selection: Selection) -> dict[int, bytes]:
        c = CHUNK_ELEMENTS.c
        query = select(c.first, c.cells).where(
            c.series == self._series.id,
            c.element == element.index,
            c.first.between(self._series.chunk(selection.first), selection.last),
        )
        return {row.first: row.cells for row in self._connection.execute(query)}


def _is_chunk(table: Table, series: Series, chunk: _Chunk) -> tuple[ColumnElement[bool], ...]:
    return table.c.series == series.id, table.c.first == chunk.first


def _found(
    blocks: Mapping[int, bytes], key: int, series: Series, element: ElementLayout, chunk: _Chunk
) -> bytes:
    """A block that must be there: without it a sum would be wrong in silence."""
    block = blocks.get(key)
    if block is None:
        msg = (
            f"run {series.run} workspace {series.workspace!r}: {element.element.path} has no cells "
            f"in the chunk from LS {chunk.first} on"
        )
        raise StoreError(msg)
    return block


def _turned(block: bytes, size: int, chunk: _Chunk) -> NDArray[np.int64]:
    """Cells of one element in the LSs of a chunk that count: int64[n, size]."""
    count = len(chunk.lumisections)
    return decode_block(block, size * count).reshape(size, count).T[chunk.counts]


def _alone(alone: Layout, element: ElementLayout, window: Window) -> Window:
    """One element of a window, as contents of a layout with nothing else in it."""
    contents = window.contents
    own = _of_element(Beside(contents.scalars, contents.invalid), element.index)
    cells = contents.cells[element.offset : element.offset + element.size].copy()
    return window._replace(contents=Contents(alone, cells, own.scalars, own.invalid))


def _of_element(beside: Beside, index: int) -> Beside:
    """What belongs to one element, which is the first in a layout of its own."""
    return Beside(
        {0: beside.scalars[index]} if index in beside.scalars else {},
        {0: beside.invalid[index]} if index in beside.invalid else {},
    )


def _summed(
    layout: Layout,
    cells: NDArray[np.int64],
    beside: Mapping[int, Beside],
    replaced: tuple[int, ...],
) -> Window:
    scalars: dict[int, ScalarValue] = {}
    invalid: dict[int, str] = {}
    for found in beside.values():
        scalars = combine_scalars(layout, scalars, found.scalars, same_lumisection=False)
        invalid |= found.invalid
    contents = Contents.empty(layout)
    # Adding checks that no fixed-point sum can have overflowed.
    contents.add(Contents(layout, cells, scalars, invalid))
    return Window(contents, tuple(beside), replaced)
