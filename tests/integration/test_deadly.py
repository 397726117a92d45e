"""Fillers as processes that die: of a record, which is skipped, or of a kill, of which none is."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from dqmstream.clock import SystemClock
from dqmstream.fold.merge import Merged, Merger, SetKey
from dqmstream.fold.testing.toy import LAYOUTS, ToyChunk, batch_fill, toy_body
from dqmstream.identity import event_partition
from dqmstream.messages.checkpoints import FillerCheckpoint
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import CHECKPOINTS, EVENTS, HISTOGRAMS, TOPICS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.embedded import EmbeddedLog
from dqmstream.transport.log import TopicSpec
from dqmstream.transport.outgoing import outgoing
from tests.deadly import DEADLY, PARTITIONS

_KILLED = -9
_SPEAKER = {
    "run": 1,
    "source": "a",
    "incarnation": "i",
    "rereadable": True,
    "partitions": PARTITIONS,
}
_COUNTS = {"seen": 0, "selected": 0, "dropped": 0}


async def _written(folder: Path, lumisections: Sequence[Sequence[Sequence[int]]]) -> None:
    """A run in a new log: chunks of events by LS."""
    messages: list[Message] = [RunStart(first_lumisection=1, **_SPEAKER)]
    for lumisection, chunks in enumerate(lumisections, 1):
        for number, events in enumerate(chunks):
            body = toy_body(events)
            said = {"lumisection": lumisection, "number": number, "checksum": body_checksum(body)}
            counts = {"seen": len(events), "selected": len(events), "dropped": 0}
            messages.append(EventBatch(chunk=Chunk(**_SPEAKER, **counts, **said), body=body))
        end = {"lumisection": lumisection, "chunks": len(chunks)}
        messages.append(LumisectionEnd(**_SPEAKER, **_COUNTS, **end))
    async with EmbeddedLog.open(folder, clock=SystemClock()) as log:
        await log.ensure_topics(
            [
                TopicSpec(
                    name=topic.name,
                    partitions=PARTITIONS if topic.wide else 1,
                    compacted=topic.compacted,
                )
                for topic in TOPICS.values()
            ]
        )
        for message in messages:
            homes = range(PARTITIONS)
            if isinstance(message, EventBatch):
                home = event_partition("a", message.chunk.number, PARTITIONS)
                homes = range(home, home + 1)
            await log.send([outgoing(EVENTS, home, message) for home in homes])


async def _read(folder: Path) -> tuple[dict[int, Merged], set[int]]:
    """What readers make of the workspace Toy, by LS; and offsets that are skipped."""
    merger = Merger({layout.hash: layout for layout in LAYOUTS}.get)
    skipped: set[int] = set()
    async with EmbeddedLog.open(folder, clock=SystemClock()) as log:
        async for record in read_to_end(log, HISTOGRAMS):
            piece = CODEC.decode(record.headers, record.value)
            assert isinstance(piece, HistogramSet)
            merger.apply(piece)
        async for record in read_to_end(log, CHECKPOINTS):
            checkpoint = CODEC.decode(record.headers, record.value)
            if isinstance(checkpoint, FillerCheckpoint):
                skipped.update(checkpoint.skip)
    keys: list[SetKey] = [key for key in sorted(merger.keys()) if key.workspace == "Toy"]
    return {key.lumisection: merger.merged(key) for key in keys}, skipped


def _filler(folder: Path, lumisection: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.deadly_process", str(folder), str(lumisection)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)


@pytest.mark.integration
@pytest.mark.timeout(600)
async def test_a_record_that_kills_process_after_process_is_skipped(tmp_path: Path) -> None:
    await _written(tmp_path, [[[1], [2]], [[3], [DEADLY], [4], [5]], [[6], [7]]])
    statuses = []
    while not statuses or statuses[-1] != 0:
        process = _filler(tmp_path, 3)
        process.communicate(timeout=240)
        statuses.append(process.returncode)
        assert len(statuses) < 12, statuses
    # Each life but the last gets no further than the record. Of the first ones one may have
    # written a checkpoint on the way to it: that was progress, and is not held against it.
    assert set(statuses[:-1]) == {_KILLED}
    assert len(statuses) >= 3
    known, skipped = await _read(tmp_path)
    assert len(skipped) == 1
    assert known[2].account.refused == {"killed_filler": 1}
    assert known[2].account.lacking == ("a: 3 of 4 chunks",)
    assert known[1].complete
    assert known[3].complete


@pytest.mark.integration
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2))
async def test_killing_processes_at_random_skips_nothing(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    run = [[[rng.randint(0, 9) for _ in range(40)] for _ in range(30)] for _ in range(4)]
    await _written(tmp_path, run)
    for _ in range(8):
        process = _filler(tmp_path, 99)
        assert process.stdout is not None
        process.stdout.readline()
        await asyncio.sleep(rng.uniform(0, 0.3))
        process.kill()
        process.communicate()
    process = _filler(tmp_path, 4)
    process.communicate(timeout=240)
    assert process.returncode == 0
    known, skipped = await _read(tmp_path)
    assert not skipped
    for lumisection, chunks in enumerate(run, 1):
        toys = [ToyChunk("a", number, events) for number, events in enumerate(chunks)]
        assert known[lumisection].contents.equals(batch_fill(LAYOUTS[0], toys))
        assert known[lumisection].complete
