"""Chunks with columns of products: events are decoded many at a time, then cut as chunks are.

How many are decoded together decides speed and memory, and nothing else: a chunk ends where it
would if each event were decoded by itself, and has the same bytes.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dqmstream.sources.cms.columns import ColumnBuilder
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.product_reader import ProductReader
from dqmstream.sources.cms.reading import StreamerEvent
from dqmstream.sources.cms.report import EventCounts
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.tally import Tally

__all__ = ["Batch", "ChunkCutter", "StreamerChunk", "row_bytes"]


class StreamerChunk(NamedTuple):
    """Columns of some events, and the count of all events read since the chunk before.

    `batch.num_rows == counts.selected`. The last chunk of a file has no rows when the last events
    were all refused or not selected, so that the counts of the chunks add up to the report's.
    """

    batch: pa.RecordBatch
    counts: EventCounts


class Batch:
    """Events that wait to be decoded together.

    Parameters
    ----------
    limits
        `max_batch_events` and `max_batch_bytes`: the batch is full with the event that reaches
        either, so memory holds so many bytes of payloads and one event more.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.events: list[StreamerEvent] = []
        self.counts: list[EventCounts] = []
        """What was counted up to each event, itself included."""
        self._bytes = 0

    def add(self, event: StreamerEvent, counts: EventCounts) -> None:
        """Take an event."""
        self.events.append(event)
        self.counts.append(counts)
        self._bytes += len(event.message.payload) + len(event.payload or b"")

    @property
    def is_full(self) -> bool:
        """Whether it is to be decoded before more is read."""
        limits = self._limits
        return len(self.events) >= limits.max_batch_events or self._bytes >= limits.max_batch_bytes


class ChunkCutter:
    """Puts columns of products beside those of headers, and cuts chunks.

    Parameters
    ----------
    builder
        Makes the columns of headers.
    reader
        Makes those of products.
    settings
        A chunk ends with the event that reaches `chunk_events` rows, or `chunk_bytes` of all
        columns.
    tally
        Counts products that are left out.
    """

    def __init__(
        self,
        builder: ColumnBuilder,
        reader: ProductReader,
        settings: ReadSettings,
        tally: Tally,
    ) -> None:
        self._builder = builder
        self._reader = reader
        self._settings = settings
        self._tally = tally
        own = builder.schema
        self._schema = pa.schema([*own, *reader.fields]).with_metadata(own.metadata or {})
        self._open: list[list[pa.Array[Any]]] = []
        self._open_bytes = 0
        self._cut = EventCounts()

    def take(self, batch: Batch) -> Iterator[StreamerChunk]:
        """Decode a batch, and give the chunks that it fills."""
        if not batch.events:
            return
        arrays = self._arrays(batch.events)
        widths = sum(map(row_bytes, arrays), start=np.zeros(len(batch.events), np.int64))
        start = 0
        for row, event in enumerate(batch.events):
            self._builder.add(event.message, event.auxiliary)
            self._open_bytes += int(widths[row])
            if self._is_full:
                self._open.append([array.slice(start, row + 1 - start) for array in arrays])
                yield self._chunk(batch.counts[row])
                start = row + 1
        if start < len(batch.events):
            self._open.append([array.slice(start) for array in arrays])

    def rest(self, counts: EventCounts) -> Iterator[StreamerChunk]:
        """What is left at the end of the file, all of whose events are `counts`."""
        if counts != self._cut:
            yield self._chunk(counts)

    def empty(self) -> pa.RecordBatch:
        """The columns of no event."""
        return self._chunk(self._cut).batch

    @property
    def _is_full(self) -> bool:
        nbytes = self._builder.nbytes + self._open_bytes
        rows = self._builder.rows
        return rows >= self._settings.chunk_events or nbytes >= self._settings.chunk_bytes

    def _arrays(self, events: Sequence[StreamerEvent]) -> Sequence["pa.Array[Any]"]:
        payloads = [event.payload or b"" for event in events]
        crossings = [
            -1 if (own := event.auxiliary) is None else own.bunch_crossing for event in events
        ]
        found = self._reader.read(payloads, np.array(crossings, np.int64))
        self._tally.left_out("unknown_class", found.unknown)
        self._tally.left_out("broken_payload", found.broken)
        return found.arrays

    def _chunk(self, counts: EventCounts) -> StreamerChunk:
        own = self._builder.finish()
        fields = self._reader.fields
        products = [
            pa.concat_arrays([part[i] for part in self._open])
            if self._open
            else pa.array([], field.type)
            for i, field in enumerate(fields)
        ]
        self._open, self._open_bytes = [], 0
        before, self._cut = self._cut, counts
        whole = pa.RecordBatch.from_arrays([*own.columns, *products], schema=self._schema)
        return StreamerChunk(whole, counts.since(before))


def row_bytes(array: "pa.Array[Any]") -> NDArray[np.int64]:
    """Bytes of each row of a column, about: int64[rows]."""
    if not isinstance(array, pa.ListArray):
        return np.full(len(array), _width(array.type), np.int64)
    offsets = array.offsets.to_numpy().astype(np.int64)
    width = sum(_width(member.type) for member in array.type.value_type)
    return 4 + np.diff(offsets) * width


def _width(kind: Any) -> int:
    return max(1, int(kind.bit_width) // 8)
