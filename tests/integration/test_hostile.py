"""After any one hostile body, good data still come out, and the rejection is counted by name."""

import asyncio
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dqmstream.booking import Workspace, regular, scalar
from dqmstream.booking import histogram as booked
from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking.columns import encode_batch
from dqmstream.booking_set import BookingSet, LayoutShelf
from dqmstream.clock import SystemClock
from dqmstream.fold.merge import Merged, Merger
from dqmstream.fold.state import FoldSettings
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, RunEnd, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Dead
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import EVENTS, HISTOGRAMS, TOPICS, dead_topic
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.embedded import EmbeddedLog
from dqmstream.transport.log import Log, Outgoing, TopicSpec
from dqmstream.transport.outgoing import outgoing
from services.filler.progress import FillerProgress
from services.filler.service import run_filler
from services.filler.settings import FillerSettings

CORPUS = Path(__file__).parents[1] / "resources" / "hostile" / "arrow"
BOOKING = Workspace(
    "hostile",
    "",
    [booked("Hostile/x", regular(10, 0, 1), fill="x"), scalar("Hostile/n", "1", combine="sum")],
)


def _hostile() -> list[tuple[str, bytes, int, str]]:
    """(name, body, events the headers announce, expected reason) of each file of the corpus."""
    cases = []
    for path in sorted(CORPUS.glob("*.bin")):
        lines = path.with_suffix(".expected").read_text().splitlines()
        said = {name: rest for name, _, rest in (line.partition(" ") for line in lines)}
        if "refused" in said:
            cases.append((path.stem, path.read_bytes(), int(said["selected"]), said["refused"]))
    return cases


def _good(events: int) -> bytes:
    schema = pa.schema([pa.field("x", pa.float64(), nullable=False)])
    values = pa.array(np.linspace(0.05, 0.95, events))
    return encode_batch(pa.RecordBatch.from_arrays([values], schema=schema))


def _chunk(number: int, body: bytes, events: int) -> Message:
    chunk = Chunk(
        run=1,
        lumisection=1,
        source="mixed",
        incarnation="live",
        rereadable=False,
        number=number,
        partitions=1,
        seen=events,
        selected=events,
        dropped=0,
        checksum=body_checksum(body),
    )
    return EventBatch(chunk=chunk, body=body)


def _messages(cases: list[tuple[str, bytes, int, str]]) -> list[Outgoing]:
    """Hostile, good, hostile, good, ... in one LS, with its start and end."""
    speaker = {
        "run": 1,
        "source": "mixed",
        "incarnation": "live",
        "rereadable": False,
        "partitions": 1,
    }
    messages: list[Message] = [RunStart(**speaker, first_lumisection=1)]
    for index, (_, body, events, _) in enumerate(cases):
        messages.append(_chunk(2 * index, body, events))
        messages.append(_chunk(2 * index + 1, _good(3), 3))
    count = 2 * len(cases)
    messages.append(
        LumisectionEnd(**speaker, lumisection=1, chunks=count, seen=0, selected=0, dropped=0)
    )
    messages.append(RunEnd(**speaker, last_lumisection=1))
    return [outgoing(EVENTS, 0, message) for message in messages]


async def _closed(log: Log) -> Merged | None:
    shelf = LayoutShelf()
    shelf.add(BOOKING)
    merger = Merger(shelf)
    async for record in read_to_end(log, HISTOGRAMS):
        message = CODEC.decode(record.headers, record.value)
        assert isinstance(message, HistogramSet)
        merger.apply(message)
    merged = [merger.merged(key) for key in sorted(merger.keys())]
    return next((one for one in merged if one.closed), None)


@pytest.mark.integration
async def test_good_chunks_fill_between_hostile_ones_and_each_is_counted_by_name(
    tmp_path: Path,
) -> None:
    """The whole corpus of bodies through a filler, each followed by a good chunk."""
    cases = _hostile()
    assert len(cases) >= 30
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=1))
    async with EmbeddedLog.open(tmp_path / "log", clock=SystemClock()) as log:
        await log.ensure_topics(
            [TopicSpec(name=t.name, partitions=1, compacted=t.compacted) for t in TOPICS.values()]
        )
        await log.send(_messages(cases))
        async with asyncio.TaskGroup() as tasks:
            filling = tasks.create_task(
                run_filler(
                    log,
                    booking_set,
                    [WorkspaceFiller(layout) for layout in booking_set.layouts],
                    decode_chunk,
                    member="filler",
                    settings=FillerSettings(),
                    clock=SystemClock(),
                    progress=FillerProgress(),
                    ready=lambda: None,
                )
            )
            merged = await _closed(log)
            while merged is None:
                await asyncio.sleep(0.02)
                merged = await _closed(log)
            filling.cancel()
        dead: dict[int, str] = {}
        async for record in read_to_end(log, dead_topic(EVENTS)):
            message = CODEC.decode(record.headers, record.value)
            assert isinstance(message, Dead)
            dead[message.offset] = message.reason

    # Offset 0 is the RunStart; hostile and good chunks alternate after it.
    assert {cases[(offset - 1) // 2][0]: reason for offset, reason in dead.items()} == {
        name: reason for name, _, _, reason in cases
    }
    assert merged.account.refused == Counter(reason for _, _, _, reason in cases)
    assert merged.contents.scalars[1].value == 3 * len(cases)
    assert not merged.contents.invalid
    assert not merged.complete
