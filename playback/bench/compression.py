"""`dqmstream bench compression`: where to compress what goes through Kafka, if at all.

Event batches of the synthetic detector with their Arrow buffers plain or compressed one by one,
and the cells of its workspaces, as a filler publishes them while a LS grows, plain or compressed as
a block; each sent with and without compression by Kafka. CPU seconds are those of the process that
encodes and sends, or reads and decodes; the broker stores what it gets. All rates and ratios count
the plain bytes.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import zstandard

from dqmstream.booking.columns import Columns, decode_batch
from dqmstream.errors import LogError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticDetector
from dqmstream.transport.kafka.internals import Batch
from dqmstream.transport.kafka.log import KafkaLog
from dqmstream.transport.kafka.settings import Compression, KafkaSettings
from dqmstream.transport.log import Outgoing, TopicSpec
from dqmstream.transport.record import Record
from playback.bench.row import Row
from playback.broker import Cluster

__all__ = ["measure"]

_Codec: TypeAlias = Literal["lz4", "zstd"]

_TOPIC: Final = "dqm.bench"
_EVENTS_AT_ONCE: Final = 8
_CELLS_AT_ONCE: Final = 1  # a workspace's contents leave on their own, about once a second
_PUBLISHED_AFTER: Final = 10  # chunks
_BATCH_BYTES: Final = 1 << 20
_WORKSPACES: Final = ("bril", "ecal", "l1t", "muon", "pixel")
_BLOCK_LEVEL: Final = 1  # of `Contents.encode`


@dataclass(frozen=True, slots=True)
class _Case:
    """A way to send a kind of message: what is encoded, how it is encoded and decoded again."""

    name: str
    things: Sequence[Any]
    plain_bytes: int
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], object]
    compression: Compression
    at_once: int


def measure(*, quick: bool = False) -> list[Row]:
    """All rows; a quick measurement sends a tenth.

    Raises
    ------
    LogError
        If not everything came back.
    """
    cases = [*_event_cases(repeats=1 if quick else 6), *_cell_cases(repeats=1 if quick else 6)]
    with (
        tempfile.TemporaryDirectory(prefix="dqmstream-bench-") as name,
        Cluster.start(Path(name) / "broker", full_jit=True) as cluster,
    ):
        servers = tuple(cluster.bootstrap.split(","))
        asyncio.run(_run(cases[0], servers, 0))  # the first one warms the broker
        return [
            row
            for number, case in enumerate(cases, 1)
            for row in asyncio.run(_run(case, servers, number))
        ]


def _event_cases(repeats: int) -> list[_Case]:
    config = SyntheticConfig(run=1, lumisections=1)
    detector = SyntheticDetector(config)
    batches = [chunk.batch for chunk in detector.chunks(1)]
    plain = sum(len(_arrow(None)(batch)) for batch in batches) * repeats

    def case(arrow: _Codec | None, kafka: Compression) -> _Case:
        return _Case(
            f"events, Arrow {arrow or 'plain'}, Kafka {kafka}",
            batches * repeats,
            plain,
            _arrow(arrow),
            _read_arrow,
            kafka,
            _EVENTS_AT_ONCE,
        )

    plain_cases = [case(None, kafka) for kafka in ("none", "snappy", "zstd", "gzip")]
    return [*plain_cases, case("lz4", "none"), case("zstd", "none")]


def _arrow(codec: _Codec | None) -> Callable[[pa.RecordBatch], bytes]:
    options = pa.ipc.IpcWriteOptions(compression=codec)

    def encode(batch: pa.RecordBatch) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
            writer.write_batch(batch)
        return sink.getvalue().to_pybytes()

    return encode


def _read_arrow(body: bytes) -> object:
    with pa.ipc.open_stream(pa.py_buffer(body)) as stream:
        return stream.read_all()


def _cell_cases(repeats: int) -> list[_Case]:
    cells = _published()
    plain = sum(block.nbytes for block in cells) * repeats

    def as_block(block: np.ndarray[Any, Any]) -> bytes:
        return zstandard.ZstdCompressor(level=_BLOCK_LEVEL).compress(block.data)

    def as_is(block: np.ndarray[Any, Any]) -> bytes:
        return block.tobytes()

    def from_block(value: bytes) -> object:
        return np.frombuffer(zstandard.ZstdDecompressor().decompress(value), dtype="<i8")

    def from_plain(value: bytes) -> object:
        return np.frombuffer(value, dtype="<i8")

    return [
        _Case(
            f"cells, block {block}, Kafka {kafka}",
            cells * repeats,
            plain,
            *functions,
            kafka,
            _CELLS_AT_ONCE,
        )
        for block, functions in (("plain", (as_is, from_plain)), ("zstd", (as_block, from_block)))
        for kafka in _BOTH
    ]


_BOTH: Final[tuple[Compression, ...]] = ("none", "zstd")


def _published() -> list[np.ndarray[Any, Any]]:
    """Cells of every workspace as they grow in an LS of the synthetic detector."""
    detector = SyntheticDetector(SyntheticConfig(run=1, lumisections=1))
    columns = [_columns(chunk.batch) for chunk in detector.chunks(1)]
    published = []
    for name in _WORKSPACES:
        layout = Layout(import_module(f"dqmstream.workspaces.{name}").workspace)
        contents, filler = Contents.empty(layout), WorkspaceFiller(layout)
        for number, batch in enumerate(columns):
            filler.fill(contents, batch, source="bench", number=number)
            if number % _PUBLISHED_AFTER == _PUBLISHED_AFTER - 1:
                published.append(contents.cells.copy())
    return published


def _columns(batch: pa.RecordBatch) -> Columns:
    return decode_batch(_arrow(None)(batch), selected=batch.num_rows)


async def _run(case: _Case, servers: tuple[str, ...], number: int) -> list[Row]:
    settings = KafkaSettings(
        servers=servers, prefix=f"compression-{number}-", compression=case.compression
    )
    async with KafkaLog.open(settings) as log:
        await log.ensure_topics([TopicSpec(name=_TOPIC, partitions=1)])
        wall, cpu = time.perf_counter(), time.process_time()
        await _send(log, case)
        sent, sending = time.perf_counter() - wall, time.process_time() - cpu
        wall, cpu = time.perf_counter(), time.process_time()
        await _read(log, case)
        read, reading = time.perf_counter() - wall, time.process_time() - cpu
    size = _wire_bytes(case) / case.plain_bytes
    megabytes = case.plain_bytes / 1e6
    kilobytes = case.plain_bytes / len(case.things) / 1e3
    return [
        Row(name=f"{case.name}: plain message", value=kilobytes, unit="kB"),
        Row(name=f"{case.name}: size", value=100 * size, unit="%", higher_is_better=False),
        _cpu(f"{case.name}: CPU to encode and send", sending / megabytes),
        _cpu(f"{case.name}: CPU to read and decode", reading / megabytes),
        Row(name=f"{case.name}: encode and send", value=megabytes / sent, unit="MB/s"),
        Row(name=f"{case.name}: read and decode", value=megabytes / read, unit="MB/s"),
    ]


def _cpu(name: str, seconds: float) -> Row:
    return Row(name=name, value=seconds * 1e3, unit="ms/MB", higher_is_better=False)


async def _send(log: KafkaLog, case: _Case) -> None:
    """Encode and send, several calls at a time, as services do."""
    waiting = iter(case.things)

    async def one() -> None:
        for thing in waiting:
            await log.send([Outgoing(topic=_TOPIC, partition=0, value=case.encode(thing))])

    async with asyncio.TaskGroup() as tasks:
        for _ in range(case.at_once):
            tasks.create_task(one())


async def _read(log: KafkaLog, case: _Case) -> None:
    left = len(case.things)
    async with log.reader({(_TOPIC, 0): 0}) as reader:
        while left > 0:
            records: list[Record] = await reader.read(timeout=10.0)
            if not records:
                msg = f"{case.name}: {left} records did not come back"
                raise LogError(msg)
            for record in records:
                case.decode(record.value or b"")
            left -= len(records)


def _wire_bytes(case: _Case) -> int:
    """Bytes of the batches that are sent, with what is sent at once in each, if it fits."""
    total, batch = 0, Batch(_BATCH_BYTES, case.compression)
    for thing in case.things:
        message = Outgoing(topic=_TOPIC, partition=0, value=case.encode(thing))
        if batch.record_count() == case.at_once or not batch.take(message):
            total += batch.wire_bytes()
            batch = Batch(_BATCH_BYTES, case.compression)
            batch.take(message)
    return total + batch.wire_bytes()
