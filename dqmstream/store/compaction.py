"""Compaction: blocks of single LSs turned on their side, into one row per element and chunk."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, Table, delete, exists, func, or_, select

from dqmstream.errors import StoreError
from dqmstream.histograms.layout import Layout
from dqmstream.store.blocks import (
    decode_block,
    encode_block,
    packed_lumisections,
    unpacked_lumisections,
)
from dqmstream.store.database import insert_rows, upsert
from dqmstream.store.pieces import PieceShelf
from dqmstream.store.series import Series, merged_versions, series_of
from dqmstream.store.tables import BLOCKS, CHUNK_ELEMENTS, CHUNKS, MERGED, PIECES, RUNS, SERIES

__all__ = ["ChunkSettings", "DueChunk", "Sheet", "compact", "due_chunks", "sheets"]

_MOST_CELLS: Final = 2**23


@dataclass(frozen=True, kw_only=True, slots=True)
class ChunkSettings:
    """How LSs go into chunks; none of it changes what is read.

    Parameters
    ----------
    longest
        LSs in a chunk; fewer for large workspaces, whose chunk must fit in 64 MiB of memory.
    lag
        LSs that must have closed after a chunk before it is written: what closes out of order, or
        is filled again soon after a crash, finds its companions in the tail.
    """

    longest: int = 64
    lag: int = 8

    def length(self, layout: Layout) -> int:
        """LSs in a chunk of a new series."""
        return max(1, min(self.longest, _MOST_CELLS // max(1, layout.cells)))


def _standing() -> Select[Any]:
    """Series with a tail, the newest LS of each, and whether no more of it is to come."""
    other = SERIES.alias()
    followed = exists().where(
        other.c.set == SERIES.c.set,
        other.c.workspace == SERIES.c.workspace,
        other.c.id > SERIES.c.id,
    )
    ended = exists().where(RUNS.c.run == SERIES.c.run, RUNS.c.ended)
    newest = select(func.max(MERGED.c.lumisection)).where(MERGED.c.series == SERIES.c.id)
    return select(
        *SERIES.c, newest.scalar_subquery().label("newest"), or_(followed, ended).label("over")
    ).where(SERIES.c.id.in_(select(BLOCKS.c.series)))


_TAIL: Final = select(BLOCKS.c.series, BLOCKS.c.lumisection)
_STANDING: Final = _standing()


class DueChunk(NamedTuple):
    """A chunk that has LSs in the tail and should have them no longer."""

    series: Series
    first: int


def due_chunks(connection: Connection, lag: int, busy: frozenset[int]) -> list[DueChunk]:
    """Chunks with LSs in the tail that no more LSs are expected for, by series and LS.

    Parameters
    ----------
    lag
        How many LSs a chunk must lie behind the newest one of its series.
    busy
        Ids of series that LSs are just arriving for. Of the others, all chunks are due once the
        run has ended, or the next one of the same set and workspace is stored.
    """
    tail: dict[int, list[int]] = {}
    for row in connection.execute(_TAIL):
        tail.setdefault(row.series, []).append(row.lumisection)
    due = []
    for row in connection.execute(_STANDING).all():
        series, newest = series_of(row), row.newest
        over = row.over and series.id not in busy
        chunks = sorted({series.chunk(lumisection) for lumisection in tail[series.id]})
        due += [
            DueChunk(series, first)
            for first in chunks
            if over or first + series.chunk_length + lag <= newest
        ]
    return due


class Sheet(NamedTuple):
    """All LSs of one chunk, wherever they lie: int64[n], rising; their cells int64[n, cells]."""

    lumisections: NDArray[np.int64]
    cells: NDArray[np.int64]


def sheets(connection: Connection, series: Series, layout: Layout) -> Iterator[Sheet]:
    """All stored LSs of a series, a chunk's worth at a time."""
    chunks = select(CHUNKS.c.first).where(CHUNKS.c.series == series.id)
    tail = select(BLOCKS.c.lumisection).where(BLOCKS.c.series == series.id)
    firsts = set(connection.execute(chunks).scalars())
    firsts |= {series.chunk(lumisection) for lumisection in connection.execute(tail).scalars()}
    for first in sorted(firsts):
        yield _sheet(connection, DueChunk(series, first), layout)


def _sheet(connection: Connection, due: DueChunk, layout: Layout) -> Sheet:
    tail = _tail(connection, due)
    before = _lumisections(connection, due)
    lumisections = np.union1d(before, np.array(list(tail), np.int64))
    cells = np.zeros((len(lumisections), layout.cells), np.int64)
    if before.size:
        _fill_before(connection, due, layout, cells, np.searchsorted(lumisections, before))
    for lumisection, block in tail.items():
        cells[np.searchsorted(lumisections, lumisection)] = decode_block(block, layout.cells)
    return Sheet(lumisections, cells)


def compact(connection: Connection, due: DueChunk, layout: Layout) -> None:
    """Fold the tail of one chunk into its rows, and delete it from the tail."""
    series, first = due
    lumisections, cells = _sheet(connection, due, layout)
    head = {
        "series": series.id,
        "first": first,
        "lumisections": packed_lumisections(lumisections),
        "total": encode_block(cells.sum(axis=0)),
    }
    if _lumisections(connection, due).size:
        c = CHUNK_ELEMENTS.c
        connection.execute(delete(CHUNK_ELEMENTS).where(c.series == series.id, c.first == first))
    insert_rows(connection, CHUNK_ELEMENTS, _element_rows(due, layout, cells))
    upsert(connection, CHUNKS, [head])
    connection.execute(delete(BLOCKS).where(*_in_chunk(BLOCKS, due)))
    _drop_merged_pieces(connection, due, layout)


def _in_chunk(table: Table, due: DueChunk) -> tuple[ColumnElement[bool], ...]:
    series, first = due
    last = first + series.chunk_length - 1
    return table.c.series == series.id, table.c.lumisection.between(first, last)


def _tail(connection: Connection, due: DueChunk) -> dict[int, bytes]:
    query = select(BLOCKS.c.lumisection, BLOCKS.c.cells).where(*_in_chunk(BLOCKS, due))
    return {row.lumisection: row.cells for row in connection.execute(query)}


def _lumisections(connection: Connection, due: DueChunk) -> NDArray[np.int64]:
    """LSs that are in the chunk already: int64[n]."""
    query = select(CHUNKS.c.lumisections).where(
        CHUNKS.c.series == due.series.id, CHUNKS.c.first == due.first
    )
    packed = connection.execute(query).scalar_one_or_none()
    return unpacked_lumisections(packed or b"")


def _fill_before(
    connection: Connection,
    due: DueChunk,
    layout: Layout,
    cells: NDArray[np.int64],
    places: NDArray[np.intp],
) -> None:
    """Put what the chunk holds already into rows `places` of `cells`."""
    c = CHUNK_ELEMENTS.c
    query = select(c.element, c.cells).where(c.series == due.series.id, c.first == due.first)
    blocks: dict[int, bytes] = {row.element: row.cells for row in connection.execute(query)}
    for element in layout:
        if not element.size:
            continue
        if element.index not in blocks:
            msg = f"{due}: {element.element.path} has no cells, and cannot be added to"
            raise StoreError(msg)
        turned = decode_block(blocks[element.index], element.size * len(places))
        columns = slice(element.offset, element.offset + element.size)
        cells[places, columns] = turned.reshape(element.size, len(places)).T


def _element_rows(
    due: DueChunk, layout: Layout, cells: NDArray[np.int64]
) -> Iterator[dict[str, int | bytes]]:
    for element in layout:
        if element.size:
            turned = cells[:, element.offset : element.offset + element.size].T
            yield {
                "series": due.series.id,
                "element": element.index,
                "first": due.first,
                "cells": encode_block(turned),
            }


def _drop_merged_pieces(connection: Connection, due: DueChunk, layout: Layout) -> None:
    query = select(PIECES.c.lumisection).where(PIECES.c.segment == 0, *_in_chunk(PIECES, due))
    for lumisection in set(connection.execute(query).scalars()):
        versions = merged_versions(connection, due.series, lumisection)
        # Of two epochs the newer one may still be on its way for the other partitions, and will
        # need the pieces it does not replace.
        if versions is not None and len({(one.whole, one.epoch) for one in versions}) == 1:
            shelf = PieceShelf(connection, due.series, layout, lumisection)
            shelf.drop_merged(versions)
