"""Pieces: HistogramSets kept as they came, because they mean nothing alone or are late."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from dqmstream.fold.merge import Merger, SetKey
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.histograms import HistogramSet
from dqmstream.store.answers import NOW, AsOf, Window
from dqmstream.store.as_of import were_known
from dqmstream.store.bodies import pack, unpack
from dqmstream.store.series import Moment, Selection, Series, Version
from dqmstream.store.tables import PIECES
from dqmstream.store.totals import total

__all__ = ["PieceShelf", "late_window"]

_PIECES_AT: Final = select(
    PIECES.c.id,
    PIECES.c.schema,
    PIECES.c.body,
    PIECES.c.known_time,
    PIECES.c.known_offset,
    PIECES.c.first_time,
    PIECES.c.first_offset,
).where(
    PIECES.c.series == bindparam("of_series"), PIECES.c.lumisection == bindparam("of_lumisection")
)


@dataclass(frozen=True, slots=True)
class _Kept:
    """`first` is when the place of a set was first filled, if this piece made another one whole."""

    id: int
    piece: HistogramSet
    known: Moment
    first: Moment | None


class PieceShelf:
    """The pieces of one LS of one series, put together by the readers' merge.

    Parameters
    ----------
    connection
        In the transaction that also keeps the position.
    series, layout
        Whose pieces, and the layout of its booking.
    as_of
        Only the pieces that were known then are put together; to be read, not to be changed.
    """

    def __init__(
        self,
        connection: Connection,
        series: Series,
        layout: Layout,
        lumisection: int,
        as_of: AsOf = NOW,
    ) -> None:
        self._connection = connection
        self._series = series
        self._lumisection = lumisection
        self.key = SetKey(series.set, series.run, lumisection, series.workspace)
        self._layout = layout
        kept = self._read()
        self._kept = [one for one in kept if were_known(as_of, one.known)]
        self.late_is_replaced = any(
            one.piece.segment and one.first is not None and were_known(as_of, one.first)
            for one in kept
            if not were_known(as_of, one.known)
        )
        self.merger = self._put_together([one.piece for one in self._kept])

    def _put_together(self, pieces: Sequence[HistogramSet]) -> Merger:
        merger = Merger(lambda _: self._layout)
        # Parts of one version side by side: the joiner holds one unfinished version at a time.
        for piece in sorted(pieces, key=lambda one: (one.order, one.writer, one.part)):
            merger.apply(piece)
        return merger

    def take(self, piece: HistogramSet, offset: int | None = None) -> HistogramSet | None:
        """Keep a piece if it is news; the whole set it is or completes, None if nothing changed.

        Parameters
        ----------
        piece
            A closed set, or a part of one.
        offset
            Of its record in `dqm.histograms`, None if it is not known.

        Raises
        ------
        WindowError
            If it contradicts the pieces at hand in booking or number of partitions.
        """
        place = (piece.segment, piece.partition)
        held = self._newest().get(place)
        if piece.parts == 1:
            self.merger.apply(piece)
        else:
            # It may complete an older version than one that has begun, which the joiner holds.
            self.merger = self._put_together([*(one.piece for one in self._kept), piece])
        newest = self._newest().get(place)
        changed = newest is not None and (held is None or newest.order > held.order)
        if not changed and (held is not None and held.order >= piece.order):
            return None
        if any(_same(kept.piece, piece) for kept in self._kept):
            return None
        first = self._first_of(held) if changed and held is not None else None
        self._insert(piece, Moment.of(piece.published, offset), first)
        self._drop_older()
        return newest if changed else None

    def _first_of(self, held: HistogramSet) -> Moment | None:
        """When the place of a whole set was first filled: by it, or by one it replaced."""
        parts = [one for one in self._kept if _is_part_of(one.piece, held)]
        known: Moment | None = None
        for part in parts:
            if part.first is not None:
                return part.first
            known = part.known if known is None else _later(known, part.known)
        return known

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
        return [
            _Kept(
                row.id,
                unpack(HistogramSet, row.schema, row.body),
                Moment(row.known_time, row.known_offset),
                _moment(row.first_time, row.first_offset),
            )
            for row in rows
        ]

    def _insert(self, piece: HistogramSet, known: Moment, first: Moment | None) -> None:
        row = pack(piece) | {
            "series": self._series.id,
            "lumisection": self._lumisection,
            "segment": piece.segment,
            **known.columns("known"),
            **(first or Moment(None, None)).columns("first"),
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


def _moment(time: int | None, offset: int | None) -> Moment | None:
    return None if time is None and offset is None else Moment(time, offset)


def _later(one: Moment, other: Moment) -> Moment:
    """When both were known; nobody can say if one of them cannot be dated."""
    times, offsets = (one.time, other.time), (one.offset, other.offset)
    return Moment(
        None if None in times else max(time for time in times if time is not None),
        None if None in offsets else max(offset for offset in offsets if offset is not None),
    )


def _is_part_of(piece: HistogramSet, whole: HistogramSet) -> bool:
    return all(
        getattr(piece, name) == getattr(whole, name)
        for name in ("segment", "partition", "order", "writer")
    )


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
    connection: Connection,
    series: Series,
    layout: Layout,
    selection: Selection,
    as_of: AsOf = NOW,
) -> Window:
    """Sum of what came late for the LSs of a window, and which LSs have any."""
    if series.summed is not None:
        return total(connection, series, layout, selection, as_of, late=True)
    c = PIECES.c
    query = select(c.lumisection).where(
        c.series == series.id,
        c.segment > 0,
        c.lumisection.between(selection.first, selection.last),
    )
    found = sorted(set(connection.execute(query).scalars()))
    late_sum, used, replaced = Contents.empty(layout), [], []
    for lumisection in selection.chosen(found):
        shelf = PieceShelf(connection, series, layout, lumisection, as_of)
        if shelf.late_is_replaced:
            replaced.append(lumisection)
        elif (late := shelf.late()) is not None:
            late_sum.add(late)
            used.append(lumisection)
    return Window(late_sum, tuple(used), tuple(replaced))
