"""Lumisections of bench events, to be recorded and played."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from dqmstream.booking.columns import encode_batch
from dqmstream.sources.source import SourceChunk
from dqmstream.sources.synthetic.bench import Variant, bench_batch

__all__ = ["BenchLumisection"]


class BenchLumisection:
    """One LS of bench events, made chunk by chunk."""

    def __init__(self, variant: Variant, number: int, events: int, chunk: int, rate: float) -> None:
        self.lumisection = number
        self.seconds = events / rate
        self._variant: Variant = variant
        self._chunks = events // chunk
        self._chunk = chunk

    def chunks(self) -> Iterator[SourceChunk]:
        for number in range(self._chunks):
            batch: pa.RecordBatch = bench_batch(
                seed=self.lumisection, number=number, events=self._chunk, variant=self._variant
            )
            yield SourceChunk(
                body=encode_batch(batch),
                seen=self._chunk,
                selected=self._chunk,
                at=self.seconds * (number + 1) / self._chunks,
            )

    def notes(self) -> Mapping[str, int]:
        return {}
