"""Recording: what each message changes in the store, within one transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, insert

from dqmstream.errors import MessageError, WindowError
from dqmstream.fold.merge import Merged, Merger, SetKey
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Activation, Booking
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.struct import Message
from dqmstream.store import admission
from dqmstream.store.accounts import note_account
from dqmstream.store.blocks import encode_block
from dqmstream.store.bodies import pack
from dqmstream.store.compaction import ChunkSettings
from dqmstream.store.database import upsert
from dqmstream.store.known import Known
from dqmstream.store.pieces import PieceShelf
from dqmstream.store.runs import RunNotes
from dqmstream.store.series import Beside, MergedAt, Moment, Series, Version, merged_at
from dqmstream.store.tables import (
    ACTIVATIONS,
    BLOCKS,
    BOOKINGS,
    CONDITIONS,
    MERGED,
    REPORTS,
    SERIES,
)
from dqmstream.store.tallies import Tallies
from dqmstream.store.totals import told_time

__all__ = ["Recorded", "Recording"]


class Recorded(NamedTuple):
    """What one transaction changed.

    `closed` are the LSs whose merged contents were written. `waiting` are LSs stored before, of
    which newer contents have come from some partitions only: the stored ones stay until all have.
    """

    closed: tuple[SetKey, ...]
    waiting: tuple[SetKey, ...]
    series: frozenset[int]


class Recording:
    """One transaction: takes messages in the order of the log, and says what it did.

    Parameters
    ----------
    connection
        In a transaction that will also keep the positions.
    known
        Shared by all transactions of a writer.
    chunks
        How long the chunks of a new series are to be.
    """

    def __init__(self, connection: Connection, known: Known, chunks: ChunkSettings) -> None:
        self._connection = connection
        self._known = known
        self._chunks = chunks
        self._runs = RunNotes()
        self._tallies = Tallies(connection)
        self._closed: list[SetKey] = []
        self._waiting: list[SetKey] = []
        self._touched: set[int] = set()

    def take(self, message: Message, offset: int | None = None) -> None:
        """Record one message; sets of open LSs change nothing.

        Parameters
        ----------
        message
            What came.
        offset
            Of its record, None if it is not known: then nobody can say later as of which offset
            its contents were known.

        Raises
        ------
        MessageError
            If the store cannot hold it, or it contradicts what the store holds: then its changes
            must be undone, and the others may be kept.
        """
        match message:
            case HistogramSet():
                if message.closed:
                    self._take_set(message, offset)
            case QualityReports():
                self._take_reports(message)
            case Conditions():
                self._take_conditions(message)
            case RunStart():
                admission.admit_source(message)
                self._runs.note_start(message)
            case RunEnd():
                admission.admit_source(message)
                self._runs.note_end(message)
            case Booking():
                self._take_booking(message)
            case Activation():
                self._take_activation(message)
            case _:
                detail = f"{type(message).__name__} is nothing the store records"
                raise MessageError("unexpected_type", detail)

    def finish(self) -> Recorded:
        """Record what the messages say together."""
        self._runs.write(self._connection)
        self._tallies.write()
        return Recorded(tuple(self._closed), tuple(self._waiting), frozenset(self._touched))

    # ------------------------------------------------------------ small messages

    def _take_booking(self, booking: Booking) -> None:
        layout = admission.admit_booking(booking)
        row = pack(booking) | {"hash": layout.hash, "workspace": booking.workspace}
        upsert(self._connection, BOOKINGS, [row])

    def _take_activation(self, activation: Activation) -> None:
        admission.admit_activation(activation)
        row: dict[str, Any] = pack(activation) | {
            "from_run": activation.from_run,
            "when": activation.when,
            "set": activation.set,
        }
        upsert(self._connection, ACTIVATIONS, [row])

    def _take_conditions(self, conditions: Conditions) -> None:
        admission.admit_conditions(conditions)
        key = {"run": conditions.run, "lumisection": conditions.lumisection}
        self._tallies.note_conditions(conditions)
        upsert(self._connection, CONDITIONS, [pack(conditions) | key])
        self._runs.note_conditions(conditions)

    def _take_reports(self, reports: QualityReports) -> None:
        admission.admit_reports(reports)
        counts = Counter(report.outcome.value for report in reports.reports)
        row: dict[str, Any] = pack(reports) | {
            "run": reports.run,
            "lumisection": reports.lumisection,
            "workspace": reports.workspace,
            "scope": reports.scope,
            "set": reports.set,
            "complete": reports.complete,
            "outcomes": msgspec.json.encode(counts).decode(),
        }
        self._tallies.note_reports(row)
        upsert(self._connection, REPORTS, [row])

    # ------------------------------------------------------------ histogram sets

    def _take_set(self, piece: HistogramSet, offset: int | None) -> None:
        layout = self._layout(piece)
        admission.admit_set(piece, layout)
        series = self._series(piece, layout)
        held = merged_at(self._connection, series, piece.lumisection)
        if piece.segment == 0 and _is_old(held, piece):
            if not piece.whole:
                # What is stored is better, and stays; that it is all can no longer be said.
                note_account(self._connection, piece, self._tallies)
            return
        if self._known.account_is_news(piece):
            note_account(self._connection, piece, self._tallies)
        self._runs.note_set(piece)
        try:
            self._merge(series, layout, piece, offset, held)
        except WindowError as error:
            raise MessageError("too_many_entries", str(error)) from error

    def _layout(self, piece: HistogramSet) -> Layout:
        # PostgreSQL cannot even be asked for a text with a NUL in it.
        named = piece.booking.isprintable()
        layout = self._known.layout(self._connection, piece.booking) if named else None
        if layout is None:
            detail = (
                f"run {piece.run} LS {piece.lumisection} workspace {piece.workspace!r}: booking "
                f"{piece.booking!r:.80} was never announced"
            )
            raise MessageError("unknown_booking", detail)
        return layout

    def _series(self, piece: HistogramSet, layout: Layout) -> Series:
        series = self._known.series(self._connection, piece.set, piece.run, piece.workspace)
        if series is None:
            series = self._new_series(piece, layout)
        if (series.booking, series.partitions) != (piece.booking, piece.partitions):
            detail = (
                f"run {piece.run} LS {piece.lumisection} workspace {piece.workspace!r}: booking "
                f"{piece.booking} over {piece.partitions} partitions, the run is stored with "
                f"{series.booking} over {series.partitions}"
            )
            raise MessageError("differing_booking", detail)
        if series.summed is not None:
            detail = (
                f"run {piece.run} LS {piece.lumisection} workspace {piece.workspace!r}: the "
                f"lumisections of the run were summed on {told_time(series.summed)}, and nothing "
                "can be replaced in a sum: record the run in another store"
            )
            raise MessageError("already_summed", detail)
        self._touched.add(series.id)
        return series

    def _new_series(self, piece: HistogramSet, layout: Layout) -> Series:
        row: dict[str, Any] = {
            "set": piece.set,
            "run": piece.run,
            "workspace": piece.workspace,
            "booking": piece.booking,
            "partitions": piece.partitions,
            "chunk_length": self._chunks.length(layout),
        }
        added = insert(SERIES).values(row).returning(SERIES.c.id)
        return Series(id=self._connection.execute(added).scalar_one(), **row)

    def _merge(
        self,
        series: Series,
        layout: Layout,
        piece: HistogramSet,
        offset: int | None,
        held: MergedAt | None,
    ) -> None:
        """Keep the piece, and write the LS if all partitions are there and closed."""
        key = SetKey(piece.set, piece.run, piece.lumisection, piece.workspace)
        merger, whole = self._apply(series, layout, piece, offset)
        if whole is None:
            return
        if piece.segment == 0 and merger.is_closed(key):
            on_time = [one for one in merger.pieces(key) if one.segment == 0]
            known = Moment.of(max(one.published for one in on_time), offset)
            first = known if held is None else held.first
            moments = {**known.columns("known"), **first.columns("first")}
            self._write_merged(series, merger.merged(key), _versions(on_time), moments)
            return
        # Nobody sums it now: a broken one must be found here, not when its companions come.
        admission.admit_contents(whole, layout)
        if piece.segment == 0 and held is not None:
            self._waiting.append(key)

    def _apply(
        self, series: Series, layout: Layout, piece: HistogramSet, offset: int | None
    ) -> tuple[Merger, HistogramSet | None]:
        """The pieces of its LS put together, and the whole set this one is or completes."""
        if series.partitions == 1 and piece.parts == 1 and piece.segment == 0:
            merger = Merger(lambda _: layout)
            merger.apply(piece)
            return merger, piece
        shelf = PieceShelf(self._connection, series, layout, piece.lumisection)
        taken = shelf.take(piece, offset)
        return shelf.merger, taken

    def _write_merged(
        self, series: Series, merged: Merged, versions: str, moments: Mapping[str, int | None]
    ) -> None:
        place = {"series": series.id, "lumisection": merged.key.lumisection}
        contents = merged.contents
        beside = Beside(contents.scalars, contents.invalid).encode()
        row = {**place, "versions": versions, "beside": beside, **moments}
        upsert(self._connection, MERGED, [row])
        upsert(self._connection, BLOCKS, [place | {"cells": encode_block(contents.cells)}])
        self._closed.append(merged.key)


def _is_old(held: MergedAt | None, piece: HistogramSet) -> bool:
    """Whether what is stored was summed from this very piece, or from a newer one."""
    return held is not None and Version.of(piece) <= held.versions[piece.partition]


def _versions(on_time: Iterable[HistogramSet]) -> str:
    return msgspec.json.encode([Version.of(piece) for piece in on_time]).decode()
