"""One streamer file, read once from begin to end: events or chunks of columns, and a report.

Memory holds one message and one chunk, or one batch of events whose products are decoded together,
never the file. Nothing in a file raises: what cannot be used is refused by name in the report, and
what can be read is read.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from dqmstream.errors import SourceError
from dqmstream.sources.cms.batching import Batch, ChunkCutter, StreamerChunk
from dqmstream.sources.cms.columns import ColumnBuilder
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.messages import InitMessage
from dqmstream.sources.cms.pair import StreamerPair, find_pair
from dqmstream.sources.cms.product_reader import ProductReaders
from dqmstream.sources.cms.reading import FileReading, StreamerEvent
from dqmstream.sources.cms.report import EventCounts, FileReport
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.tally import Tally

__all__ = ["StreamerChunk", "StreamerFile", "empty_batch", "product_readers"]

_BUFFER_BYTES = 1 << 20


def product_readers(settings: ReadSettings) -> ProductReaders | None:
    """What makes the columns of products that are asked for; None if there are none."""
    if not settings.product_columns:
        return None
    # Products bring kernels with them, which who reads headers need not load.
    from dqmstream.sources.cms.product_columns import ProductColumns  # noqa: PLC0415

    return ProductColumns(settings.product_columns, settings.feds)


def empty_batch(settings: ReadSettings) -> pa.RecordBatch:
    """The columns of no event."""
    builder, products = ColumnBuilder((), settings.made_columns), product_readers(settings)
    if products is None:
        return builder.finish()
    return ChunkCutter(builder, products.reader(b""), settings, Tally("", Limits())).empty()


class StreamerFile:
    """A data file with its `.jsn`, to be read by one of the iterators.

    Parameters
    ----------
    path
        Either of the two files.
    settings
        How to read; by default everything, verified.
    limits
        How much the file may ask for.
    products
        Makes the columns of products; None: those that the settings name.
    """

    def __init__(
        self,
        path: Path,
        settings: ReadSettings | None = None,
        *,
        limits: Limits | None = None,
        products: ProductReaders | None = None,
    ) -> None:
        self.path = path
        self._settings = settings or ReadSettings()
        self._limits = limits or Limits()
        self._tally = Tally(str(path), self._limits)
        self._products = products or product_readers(self._settings)
        self._reading: FileReading | None = None

    @property
    def report(self) -> FileReport:
        """Account of the latest reading; `complete` when it came to the end."""
        return self._tally.report()

    @property
    def init(self) -> InitMessage | None:
        """The INIT message, known from the first event on; None if it was refused."""
        return self._reading.init if self._reading else None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Columns of the selected events, chunk by chunk, without an empty last one."""
        return (chunk.batch for chunk in self.chunks() if chunk.batch.num_rows)

    def chunks(self) -> Iterator[StreamerChunk]:
        """Columns of the selected events and the counts, cut by the settings alone."""
        if self._products is None:
            return self._header_chunks()
        return self._product_chunks(self._products)

    def _header_chunks(self) -> Iterator[StreamerChunk]:
        cut = EventCounts()
        builder: ColumnBuilder | None = None
        for event in self.events():
            builder = builder or self._new_builder()
            builder.add(event.message, event.auxiliary)
            if self._is_full(builder):
                counts = self._tally.counts()
                yield StreamerChunk(builder.finish(), counts.since(cut))
                cut = counts
        rest = self._tally.counts().since(cut)
        if rest.events:
            yield StreamerChunk((builder or self._new_builder()).finish(), rest)

    def _product_chunks(self, products: ProductReaders) -> Iterator[StreamerChunk]:
        cutter: ChunkCutter | None = None
        batch = Batch(self._limits)
        for event in self.events():
            cutter = cutter or self._new_cutter(products)
            batch.add(event, self._tally.counts())
            if batch.is_full:
                yield from cutter.take(batch)
                batch = Batch(self._limits)
        if self._tally.events:
            cutter = cutter or self._new_cutter(products)
            yield from cutter.take(batch)
            yield from cutter.rest(self._tally.counts())

    def _new_cutter(self, products: ProductReaders) -> ChunkCutter:
        reader = products.reader(b"" if self.init is None else self.init.payload)
        if reader.fault:
            self._tally.flaw("branches_unknown", reader.fault)
        return ChunkCutter(self._new_builder(), reader, self._settings, self._tally)

    def _new_builder(self) -> ColumnBuilder:
        hlt_paths = self.init.hlt_paths if self.init else ()
        return ColumnBuilder(hlt_paths, self._settings.made_columns)

    def _is_full(self, builder: ColumnBuilder) -> bool:
        settings = self._settings
        return builder.rows >= settings.chunk_events or builder.nbytes >= settings.chunk_bytes

    def events(self) -> Iterator[StreamerEvent]:
        """Selected events in file order; starts a new reading and a new report."""
        self._tally = tally = Tally(str(self.path), self._limits)
        self._reading = None
        try:
            pair = find_pair(self.path, self._limits)
            tally.know_pair(pair)
            if not pair.is_empty:
                yield from self._read(pair, tally)
        except SourceError as error:
            tally.refuse(error)
        tally.know(complete=True)

    def _read(self, pair: StreamerPair, tally: Tally) -> Iterator[StreamerEvent]:
        dat = pair.existing_dat()
        try:
            with dat.open("rb", buffering=_BUFFER_BYTES) as stream:
                size = dat.stat().st_size
                reading = FileReading(stream, size, self._settings, self._limits, tally)
                self._reading = reading
                tally.know_content(reading.content, self._settings.lumisection_from)
                yield from reading.events()
        except OSError as error:
            raise SourceError("file_unreadable", f"{dat}: {error}") from error
        if pair.jsn is not None:
            reading.check_against(pair.jsn)
