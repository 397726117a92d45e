"""Recording some columns of a source that cannot choose: no event goes with those left out."""

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pytest

from dqmstream.booking.columns import decode_batch
from dqmstream.sources.source import SourceChunk, SourceLumisection
from playback.recordings.narrowed import NarrowedSource
from tests.recorded import SmallRun


class _OneChunk:
    """A run of one LS with one chunk."""

    lumisection = 1
    seconds = 20.0

    def __init__(self, body: bytes) -> None:
        self.body = body

    def chunks(self) -> Iterator[SourceChunk]:
        yield SourceChunk(body=self.body, seen=3, selected=3)

    def notes(self) -> Mapping[str, int]:
        return {}


class _Run(SmallRun):
    columns = frozenset({"event", "jets", "other"})

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        return iter([_OneChunk(self._body)] if after < 1 else [])


def _body(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def _narrowed(body: bytes, *columns: str) -> bytes:
    (lumisection,) = NarrowedSource(_Run(body), columns).lumisections(0)
    (chunk,) = lumisection.chunks()
    return chunk.body


def test_a_chunk_without_any_of_the_columns_keeps_its_events() -> None:
    body = _body(pa.record_batch({"event": pa.array([1, 2, 3])}))
    assert decode_batch(_narrowed(body, "other"), selected=3).events == 3


@pytest.mark.parametrize("kept", ["event", "jets"])
def test_what_fillers_refuse_is_recorded_as_it_is(kept: str) -> None:
    columns = {"event": pa.array([1, 2, 3]), "jets": pa.array([[1], [], [2, 3]])}
    for body in (b"no stream", _body(pa.record_batch(columns))):
        assert _narrowed(body, kept) == body
