"""Small recordings and what they are made of."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from dqmstream.booking.columns import encode_batch
from dqmstream.clock import SettableClock
from dqmstream.messages.operations import Conditions
from dqmstream.sources.source import SourceChunk, SourceLumisection
from dqmstream.transport.memory import MemoryLog
from tests.filled import make_topics

CONDITIONS = tuple(
    Conditions(run=7, lumisection=number, pileup=30.0 + number, beam_mode="STABLE BEAMS")
    for number in range(1, 6)
)
PARTITIONS = 3


def body(run: int, lumisection: int, chunk: int, events: int) -> bytes:
    """A chunk of events that nobody else has."""
    first = ((run * 1000 + lumisection) * 100 + chunk) * 100
    numbers = pa.array(range(first, first + events), pa.int64())
    schema = pa.schema([pa.field("event", pa.int64(), nullable=False)])
    return encode_batch(pa.RecordBatch.from_arrays([numbers], schema=schema))


class SmallRun:
    """A run of five LSs; the third is a hole, others have up to four chunks."""

    run_type = "pp_run"
    marks = ("simulated",)
    labels: Mapping[str, tuple[str, ...]] = {"event": ("even", "odd")}
    first_lumisection = 1

    def __init__(self, run: int = 7, name: str = "small", *, live_as: str = "") -> None:
        self.run = run
        self.name = name
        self.rereadable = not live_as
        self.incarnation = live_as or "as-it-is"

    def lumisections(self, after: int) -> Iterator[SourceLumisection]:
        return (_Lumisection(self.run, number) for number in range(after + 1, 6))


class _Lumisection:
    seconds = 20.0

    def __init__(self, run: int, lumisection: int) -> None:
        self.run = run
        self.lumisection = lumisection

    def chunks(self) -> Iterator[SourceChunk]:
        for chunk in range(0 if self.lumisection == 3 else 1 + self.lumisection % 4):
            events = 1 + (chunk + self.lumisection) % 3
            yield SourceChunk(
                body=body(self.run, self.lumisection, chunk, events),
                seen=events + chunk,
                selected=events,
                dropped=chunk,
                at=4.0 * (chunk + 1),
            )

    def notes(self) -> Mapping[str, int]:
        return {"no_file": 1} if self.lumisection == 3 else {}


def digest_of(folder: Path) -> dict[str, str]:
    """Checksum of each file of a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


async def small_log(clock: SettableClock, stride: int = 1) -> MemoryLog:
    """A log in memory with all topics, events in `PARTITIONS`."""
    log = MemoryLog(clock, stride=stride)
    await make_topics(log, PARTITIONS)
    return log
