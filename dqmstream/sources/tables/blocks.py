"""Rows of a table as events, read in blocks of bounded size."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dqmstream.errors import SourceError
from dqmstream.sources.tables.assembling import Assembled, assemble, schema_of
from dqmstream.sources.tables.index import Rows
from dqmstream.sources.tables.naming import Part
from dqmstream.sources.tables.table import Table

__all__ = ["Blocks", "RowBatch"]

_LEAST_ROWS: Final = 16


class RowBatch(NamedTuple):
    """Some rows of an LS, in their order.

    `batch` has the events that are fit, and `at` int64[batch rows] where they are among the `seen`
    rows; `refused` counts the others by reason.
    """

    batch: pa.RecordBatch
    at: NDArray[np.int64]
    seen: int
    refused: Mapping[str, int]


class Blocks:
    """Reads a table block by block, and keeps the last one: LSs that share a block read it once.

    A block is `block_bytes` of the columns, unpacked; its borders do not depend on what is asked
    for. A block that cannot be read is counted as `unreadable` rows, and `problem` says why.

    Parameters
    ----------
    parts
        Which columns, and what they become.
    refused
        Why nothing of it is to be read: all blocks are `unreadable`.
    """

    def __init__(
        self, table: Table, parts: Sequence[Part], block_bytes: int, *, refused: str = ""
    ) -> None:
        self._table = table
        self._parts = tuple(parts)
        self._raw = [part.raw for part in parts]
        width = max(table.row_bytes(self._raw), 1.0)
        self.block_rows = max(_LEAST_ROWS, int(block_bytes / width))
        self._kept: tuple[int, Assembled | None] | None = None
        self._empty = pa.RecordBatch.from_pylist([], schema=schema_of(parts))
        self._refused = bool(refused)
        self.problem = refused

    def batches(self, rows: Rows) -> Iterator[RowBatch]:
        """The rows of an LS, at most a block of them at a time."""
        first = rows.starts // self.block_rows
        last = (rows.stops - 1) // self.block_rows
        number = int(first[0]) if rows.starts.size else 0
        while number <= (int(last[-1]) if rows.starts.size else -1):
            # Pieces rise and do not overlap: those of a block follow each other.
            begin = int(np.searchsorted(last, number))
            end = int(np.searchsorted(first, number, side="right"))
            if begin < end:
                yield self._of_block(number, rows.starts[begin:end], rows.stops[begin:end])
                number += 1
            else:
                number = int(first[begin])

    def forget(self) -> None:
        """Let go of the block."""
        self._kept = None

    def close(self) -> None:
        """Let go of the file and of the block."""
        self.forget()
        self._table.close()

    def _of_block(
        self, number: int, starts: NDArray[np.int64], stops: NDArray[np.int64]
    ) -> RowBatch:
        base = number * self.block_rows
        starts = np.maximum(starts, base) - base
        stops = np.minimum(stops, base + self.block_rows) - base
        wanted = np.concatenate([np.arange(a, b) for a, b in zip(starts, stops, strict=True)])
        block = self._block(number)
        if block is None:
            nothing = np.empty(0, np.int64)
            return RowBatch(self._empty, nothing, wanted.size, {"unreadable": wanted.size})
        refused = Counter({why: int(bad[wanted].sum()) for why, bad in block.refused.items()})
        fit = block.fit[wanted]
        # Where a fit row of the block is in its batch: after the fit ones before it.
        places = (np.cumsum(block.fit) - 1)[wanted[fit]]
        return RowBatch(_taken(block.batch, places), np.flatnonzero(fit), wanted.size, +refused)

    def _block(self, number: int) -> Assembled | None:
        if self._refused:
            return None
        if self._kept is None or self._kept[0] != number:
            self._kept = None  # before the next one is read: never two of them
            start = number * self.block_rows
            stop = min(start + self.block_rows, self._table.rows)
            try:
                raw = self._table.read(self._raw, start, stop)
                self._kept = number, assemble(self._parts, raw, stop - start)
            except (SourceError, pa.ArrowException) as error:
                self.problem = str(error)
                self._kept = number, None
        return self._kept[1]


def _taken(batch: pa.RecordBatch, places: NDArray[np.int64]) -> pa.RecordBatch:
    """Rows of a batch, rising; without a copy if they follow each other."""
    if not places.size or places[-1] - places[0] + 1 == places.size:
        return batch.slice(int(places[0]) if places.size else 0, places.size)
    return batch.take(places)
