"""Pieces: HistogramSets kept as they came, because they mean nothing alone or are late."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from dqmstream.fold.merge import Merger, SetKey
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.histograms import HistogramSet
from dqmstream.store.answers import Window
from dqmstream.store.bodies import pack, unpack
from dqmstream.store.series import Selection, Series, Version
from dqmstream.store.tables import PIECES

__all__ = ["PieceShelf", "late_window"]

_PIECES_AT: Final = select(PIECES.c.id, PIECES.c.schema, PIECES.c.body).where(
    PIECES.c.series == bindparam("of_series"), PIECES.c.lumisection == bindparam("of_lumisection")
)


@dataclass(frozen=True, slots=True)
class _Kept:
    id: int
    piece: HistogramSet


class PieceShelf:
    """The pieces of one LS of one series, put together by the readers' merge.

    Parameters
    ----------
    connection
        In the transaction that also keeps the position.
    series, layout
        Whose pieces, and the layout of its booking.
    """

    def __init__(
        self, connection: Connection, series: Series, layout: Layout, lumisection: int
    ) -> None:
        self._connection = connection
        self._series = series
        self._lumisection = lumisection
        self.key = SetKey(series.set, series.run, lumisection, series.workspace)
        self.merger = Merger(lambda _: layout)
        self._kept = self._read()
        for kept in self._kept:
            self.merger.apply(kept.piece)

    def take(self, piece: HistogramSet) -> HistogramSet | None:
        """Keep a piece if it is news; the whole set it is or completes, None if nothing changed.

        Raises
        ------
        WindowError
            If it contradicts the pieces at hand in booking or number of partitions.
        """
        place = (piece.segment, piece.partition)
        held = self._newest().get(place)
        changed = self.merger.apply(piece)
        if changed is None and (held is not None and held.order >= piece.order):
            return None
        if any(_same(kept.piece, piece) for kept in self._kept):
            return None
        self._insert(piece)
        self._drop_older()
        return self._newest()[place] if changed is not None else None

    def late(self) -> Contents | None:
        """Sum of all segments but the first; None while none is there whole."""
        if not any(piece.segment for piece in self.merger.pieces(self.key)):
            return None
        return self.merger.merged(self.key).late

    def _newest(self) -> dict[tuple[int, int], HistogramSet]:
        return {(p.segment, p.partition): p for p in self.merger.pieces(self.key)}

    def _read(self) -> list[_Kept]:
        place = {"of_series": self._series.id, "of_lumisection": self._lumisection}
        rows = self._connection.execute(_PIECES_AT, place).all()
        kept = [_Kept(row.id, unpack(HistogramSet, row.schema, row.body)) for row in rows]
        # Parts of one version side by side: the joiner holds one unfinished version at a time.
        return sorted(kept, key=lambda k: (k.piece.order, k.piece.writer, k.piece.part))

    def _insert(self, piece: HistogramSet) -> None:
        row = pack(piece) | {
            "series": self._series.id,
            "lumisection": self._lumisection,
            "segment": piece.segment,
        }
        self._connection.execute(insert(PIECES), row)

    def _drop_older(self) -> None:
        newest = self._newest()
        stale = [
            kept.id
            for kept in self._kept
            if _is_older(kept.piece, newest.get((kept.piece.segment, kept.piece.partition)))
        ]
        if stale:
            self._connection.execute(delete(PIECES).where(PIECES.c.id.in_(stale)))

    def drop_merged(self, merged: Sequence[Version]) -> None:
        """Forget pieces of segment 0 up to the versions, per partition, that were merged."""
        spent = [
            kept.id
            for kept in self._kept
            if kept.piece.segment == 0 and Version.of(kept.piece) <= merged[kept.piece.partition]
        ]
        if spent:
            self._connection.execute(delete(PIECES).where(PIECES.c.id.in_(spent)))


def _same(one: HistogramSet, other: HistogramSet) -> bool:
    """Whether two pieces are one message sent twice."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("segment", "partition", "order", "writer", "part", "parts")
    )


def _is_older(piece: HistogramSet, newest: HistogramSet | None) -> bool:
    """Whether `piece` is replaced by `newest`, a whole set that may be made of such pieces."""
    if newest is None or piece.order > newest.order:
        return False
    return piece.order < newest.order or piece.writer != newest.writer


def late_window(
    connection: Connection, series: Series, layout: Layout, selection: Selection
) -> Window:
    """Sum of what came late for the LSs of a window, and which LSs have any."""
    c = PIECES.c
    query = select(c.lumisection).where(
        c.series == series.id,
        c.segment > 0,
        c.lumisection.between(selection.first, selection.last),
    )
    found = sorted(set(connection.execute(query).scalars()))
    total, used = Contents.empty(layout), []
    for lumisection in selection.chosen(found):
        shelf = PieceShelf(connection, series, layout, lumisection)
        late = shelf.late()
        if late is not None:
            total.add(late)
            used.append(lumisection)
    return Window(total, tuple(used))
