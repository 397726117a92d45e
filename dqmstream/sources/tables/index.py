"""Which rows of a table belong to which run and lumisection, found in one pass over its keys."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId
from dqmstream.sources.tables.keys import Keys
from dqmstream.sources.tables.settings import TableSettings
from dqmstream.sources.tables.table import Array, Table

__all__ = ["Rows", "TableIndex", "index_table"]

Numbers = NDArray[np.int64]

_MOST_RUN: Final = 2**31 - 1
_MOST_LUMISECTION: Final = 2**31 - 1
_MOST_PIECES: Final = 4_000_000
"""Pieces of rows that follow each other, 32 bytes each: a file in a wild order is refused."""
_LEAST_BLOCK: Final = 1024


class Rows(NamedTuple):
    """The rows of one LS: pieces [start, stop) int64[n] each, rising."""

    starts: Numbers
    stops: Numbers

    @property
    def total(self) -> int:
        """How many rows."""
        return int((self.stops - self.starts).sum())


class TableIndex(NamedTuple):
    """Where the rows of each (run, LS) are; rows that belong to none, by reason.

    `assigned` says that the file has no lumisections, and a rule made these.
    """

    rows: Mapping[LumisectionId, Rows]
    refused: Mapping[str, int]
    assigned: bool


class _Pieces(NamedTuple):
    run: Numbers
    lumisection: Numbers
    start: Numbers
    stop: Numbers


def index_table(table: Table, keys: Keys, settings: TableSettings) -> TableIndex:
    """Read the key columns of a table, a block at a time, and note where each LS is.

    Without a column of lumisections, every `events_per_lumisection` rows of a run are one, in the
    order of the file. A row whose run or LS is missing, no whole number, or out of range belongs
    nowhere and is counted as `bad_key`.

    Raises
    ------
    SourceError
        With reason `no_run_column`, `bad_key_column` if it has no numbers, `scattered` if the rows
        of an LS lie in too many places, or `no_rows`.
    """
    if not keys.run:
        detail = f"{table.path} ({table.name}) has no column of run numbers: name it"
        raise SourceError("no_run_column", detail)
    found: list[_Pieces] = []
    refused: Counter[str] = Counter()
    before: Counter[int] = Counter()
    names = [keys.run, keys.lumisection] if keys.lumisection else [keys.run]
    block = max(_LEAST_BLOCK, int(settings.block_bytes / max(table.row_bytes(names), 8.0)))
    pieces = 0
    for start in range(0, table.rows, block):
        stop = min(start + block, table.rows)
        read = table.read(names, start, stop)
        run, good = _whole(table, keys.run, read[keys.run], _MOST_RUN)
        if keys.lumisection:
            column = read[keys.lumisection]
            number, fine = _whole(table, keys.lumisection, column, _MOST_LUMISECTION)
            good &= fine
        else:
            number = _assigned(run, good, before, settings.events_per_lumisection)
        refused["bad_key"] += int((~good).sum())
        found.append(_pieces(run, number, good, start))
        pieces += found[-1].run.size
        if pieces > _MOST_PIECES:
            detail = f"{table.path}: rows of an LS lie apart in over {_MOST_PIECES} places: sort it"
            raise SourceError("scattered", detail)
    rows = _by_lumisection(found)
    if not rows:
        raise SourceError("no_rows", f"{table.path} ({table.name}) has no row of any LS")
    return TableIndex(rows, +refused, not keys.lumisection)


def _whole(table: Table, name: str, column: Array, most: int) -> tuple[Numbers, NDArray[np.bool_]]:
    """Numbers from 1 to `most`, and which rows have one."""
    kind: Any = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        detail = f"{table.path}: column {name} has {kind!s:.40}, expected whole numbers"
        raise SourceError("bad_key_column", detail)
    # In float64 what no int64 holds is beyond `most` as well; what is allowed is exact.
    values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        good = (values >= 1) & (values <= most) & (values == np.floor(values))
    return np.where(good, values, 0).astype(np.int64), good


def _assigned(run: Numbers, good: NDArray[np.bool_], before: Counter[int], events: int) -> Numbers:
    """LSs by the rule; `before` counts the rows of each run so far."""
    number = np.zeros_like(run)
    for one in np.unique(run[good]).tolist():
        mine = np.flatnonzero(good & (run == one))
        number[mine] = (before[one] + np.arange(mine.size)) // events + 1
        before[one] += mine.size
    return number


def _pieces(run: Numbers, number: Numbers, good: NDArray[np.bool_], first: int) -> _Pieces:
    """Rows of one (run, LS) that follow each other, from row `first` of the table on."""
    changes = (np.diff(run) != 0) | (np.diff(number) != 0) | (np.diff(good.view(np.int8)) != 0)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1]).astype(np.int64)
    stops = np.append(starts[1:], run.size).astype(np.int64)
    kept = good[starts]
    starts, stops = starts[kept], stops[kept]
    return _Pieces(run[starts], number[starts], starts + first, stops + first)


def _by_lumisection(found: list[_Pieces]) -> dict[LumisectionId, Rows]:
    if not found:
        return {}
    run, number, start, stop = (np.concatenate(parts) for parts in zip(*found, strict=True))
    # Stable: the pieces of one LS stay in the order of the file.
    order = np.lexsort((number, run))
    run, number, start, stop = run[order], number[order], start[order], stop[order]
    edges = np.flatnonzero((np.diff(run) != 0) | (np.diff(number) != 0)) + 1
    return {
        LumisectionId(int(run[first]), int(number[first])): _joined(
            start[first:end], stop[first:end]
        )
        for first, end in zip([0, *edges], [*edges, run.size], strict=True)
        if end > first
    }


def _joined(starts: Numbers, stops: Numbers) -> Rows:
    """Pieces that touch, which the edges of blocks had cut, as one."""
    apart = starts[1:] != stops[:-1]
    return Rows(starts[np.append(True, apart)], stops[np.append(apart, True)])
