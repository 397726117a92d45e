"""`dqmstream bench recordings`: recordings against plain Arrow files, and the pace of replays.

The peer writes and reads the same columns with pyarrow alone: one Arrow file for each LS, one
record batch for each chunk, once as they are and once waited for until they are on the disk, as a
recording is. A figure counts only if both sides give all events back, with equal sums of columns.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from dqmstream.booking.columns import encode_batch
from dqmstream.clock import SystemClock
from dqmstream.messages.events import LumisectionEnd
from dqmstream.messages.topics import EVENTS, TOPICS
from dqmstream.messages.wire import CODEC
from dqmstream.producing import ProducerProgress, produce
from dqmstream.producing.pace import Pace
from dqmstream.sources.source import SourceChunk
from dqmstream.sources.synthetic.bench import bench_batch
from dqmstream.transport.log import TopicSpec
from dqmstream.transport.memory import MemoryLog
from playback.bench.program import BenchError
from playback.bench.row import Row
from playback.recordings import Recording, record_lumisections
from playback.replaying import ChangedRun, Changes

__all__ = ["bench_recordings", "measure"]

_EVENTS: Final = 2_000
_CHUNK: Final = 100
_SECONDS: Final = 23.31
_SPEEDS: Final = (10.0, 100.0, 400.0)
_REPEATS: Final = 3
_PERCENT: Final = 1.0


class _Lumisection:
    """One LS that is in memory."""

    seconds = _SECONDS

    def __init__(self, number: int, batches: Sequence[pa.RecordBatch]) -> None:
        self.lumisection = number
        self.batches = batches
        self._bodies = [encode_batch(batch) for batch in batches]

    def chunks(self) -> Iterator[SourceChunk]:
        for number, body in enumerate(self._bodies, start=1):
            at = self.seconds * number / len(self._bodies)
            yield SourceChunk(body=body, seen=_CHUNK, selected=_CHUNK, at=at)

    def notes(self) -> Mapping[str, int]:
        return {}


def measure(*, quick: bool = False) -> list[Row]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="dqmstream-bench-") as folder:
        return bench_recordings(Path(folder), lumisections=20 if quick else 100, quick=quick)


def bench_recordings(folder: Path, *, lumisections: int, quick: bool = False) -> list[Row]:
    """Figures of recordings of so many LSs of 2000 events, written below `folder`."""
    made = [
        _Lumisection(
            number,
            [
                bench_batch(seed=number, number=chunk, events=_CHUNK, variant="500B")
                for chunk in range(_EVENTS // _CHUNK)
            ],
        )
        for number in range(1, lumisections + 1)
    ]
    rows = _files(folder, made)
    recording = Recording(folder / "ours-0")
    for speed in _SPEEDS[1:] if quick else _SPEEDS:
        rows += asyncio.run(_pace(recording, speed, 5.0 if quick else 15.0))
    return rows


def _files(folder: Path, made: Sequence[_Lumisection]) -> list[Row]:
    """Writing and reading, in turn with the peer; the best of some, for others share the disk."""
    expected = _answer(batch for one in made for batch in one.batches)
    names = ("ours", "plain", "synced")
    writing: dict[str, list[float]] = {name: [] for name in names}
    reading: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(_REPEATS):
        places = {name: folder / f"{name}-{turn}" for name in names}
        writing["ours"].append(_timed(lambda: record_lumisections(made, places["ours"])))  # noqa: B023 called at once
        writing["plain"].append(_timed(lambda: _write(made, places["plain"], sync=False)))  # noqa: B023 called at once
        writing["synced"].append(_timed(lambda: _write(made, places["synced"], sync=True)))  # noqa: B023 called at once
        for name, read in (("ours", _read_ours), ("plain", _read)):
            found: list[pa.RecordBatch] = []
            seconds = _timed(lambda: found.extend(read(places[name])))  # noqa: B023 called at once
            reading[name].append(seconds)
            if _answer(found) != expected:
                msg = f"{name}: {_answer(found)} came back, expected {expected}"
                raise BenchError(msg)
    size = sum(chunk.body.__len__() for one in made for chunk in one.chunks()) / 1e6
    best = {name: min(times) for name, times in writing.items()}
    read_best = {name: min(times) for name, times in reading.items() if times}
    return [
        Row(name="recording", value=size / best["ours"], unit="MB/s"),
        Row(name="recording: plain Arrow files", value=size / best["plain"], unit="MB/s"),
        Row(name="recording: plain, on the disk", value=size / best["synced"], unit="MB/s"),
        Row(name="recording: ratio", value=best["plain"] / best["ours"], unit="of plain"),
        Row(name="recording: ratio on the disk", value=best["synced"] / best["ours"], unit="of it"),
        Row(name="reading, checked", value=size / read_best["ours"], unit="MB/s"),
        Row(name="reading: plain Arrow files", value=size / read_best["plain"], unit="MB/s"),
        Row(name="reading: ratio", value=read_best["plain"] / read_best["ours"], unit="of plain"),
    ]


def _timed(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def _write(made: Sequence[_Lumisection], folder: Path, *, sync: bool) -> None:
    folder.mkdir()
    for one in made:
        with (folder / f"{one.lumisection:06}.arrow").open("wb") as stream:
            with pa.ipc.new_file(stream, one.batches[0].schema) as writer:
                for batch in one.batches:
                    writer.write_batch(batch)
            if sync:
                stream.flush()
                os.fsync(stream.fileno())


def _read(folder: Path) -> Iterator[pa.RecordBatch]:
    for path in sorted(folder.iterdir()):
        with path.open("rb") as stream:
            reader = pa.ipc.open_file(stream.read())
            yield from (reader.get_batch(n) for n in range(reader.num_record_batches))


def _read_ours(folder: Path) -> Iterator[pa.RecordBatch]:
    (source,) = Recording(folder).sources
    for one in source.lumisections(0):
        for chunk in one.chunks():
            with pa.ipc.open_stream(chunk.body) as stream:
                yield stream.read_next_batch()


def _answer(batches: Iterable[pa.RecordBatch]) -> tuple[int, float]:
    """Events, and the sum of all numbers of their columns that are no lists."""
    events, total = 0, 0.0
    compute: Any = pc
    for batch in batches:
        events += batch.num_rows
        for column in batch.columns:
            if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
                total += compute.sum(column).as_py()
    return events, total


async def _pace(recording: Recording, speed: float, seconds: float) -> list[Row]:
    """A replay of about so many seconds: when each LS ends in the log, against its event time."""
    clock = SystemClock()
    log = MemoryLog(clock)
    await log.ensure_topics(
        [TopicSpec(name=one.name, partitions=1, compacted=one.compacted) for one in TOPICS.values()]
    )
    (source,) = recording.sources
    last = max(3, min(source.last_lumisection, round(seconds * speed / _SECONDS)))
    holes = ((last + 1, None),) if last < source.last_lumisection else ()
    played = ChangedRun(source, Changes(holes=holes), run=2)
    pace, progress = Pace(clock, speed), ProducerProgress()
    await produce(log, played, clock=clock, pace=pace, progress=progress)
    ended: dict[int, int] = {}
    async with log.reader({(EVENTS, 0): 0}) as reader:
        while records := await reader.read(timeout=0):
            for record in records:
                message = CODEC.decode(record.headers, record.value)
                if isinstance(message, LumisectionEnd):
                    ended[message.lumisection] = record.timestamp
    if sorted(ended) != list(range(1, last + 1)) or progress.selected != last * _EVENTS:
        msg = f"{len(ended)} LSs with {progress.selected} events were played, expected {last}"
        raise BenchError(msg)
    taken = (ended[last] - ended[1]) / 1e9
    wanted = (last - 1) * _SECONDS / speed
    late = [(ended[number] - ended[1]) / 1e9 - (number - 1) * _SECONDS / speed for number in ended]
    return [
        Row(
            name=f"replay at {speed:g} times: off its pace in {wanted:.3g} s",
            value=100 * abs(taken / wanted - 1),
            unit="%",
            goal=_PERCENT,
            higher_is_better=False,
        ),
        Row(
            name=f"replay at {speed:g} times: median of |LS end - event time|",
            value=statistics.median(map(abs, late)) * 1e3,
            unit="ms",
            higher_is_better=False,
        ),
        Row(
            name=f"replay at {speed:g} times: latest",
            value=pace.latest * 1e3,
            unit="ms",
            higher_is_better=False,
        ),
    ]
