"""kill -9 at any moment: everything acknowledged is there, in order, once."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import dqmstream
from dqmstream.clock import SystemClock
from dqmstream.errors import LogOwnedError
from dqmstream.transport.embedded import EmbeddedLog

WRITER = Path(__file__).with_name("doomed_writer.py")
ROOT = Path(dqmstream.__file__).parents[1]


def start(folder, seed, counters):
    process = subprocess.Popen(
        [sys.executable, WRITER, folder, str(seed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    process.stdin.write(json.dumps(counters).encode() + b"\n")
    process.stdin.flush()
    return process


def acknowledged_until_killed(process, lines):
    """What the process had acknowledged when it was killed after about so many lines."""
    with process:
        acknowledged = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        acknowledged += process.stdout.readlines()
    assert process.returncode == -9
    return [json.loads(line) for line in acknowledged if line.endswith(b"\n")]


async def read_all(log, topic, partition=0):
    start, end = await log.bounds(topic, partition)
    records = []
    async with log.reader({(topic, partition): start}) as reader:
        while reader.position(topic, partition) < end:
            records += await reader.read(timeout=1.0)
    return records


async def check_kept(log, acknowledged):
    """Numbers without a gap or repeat, each at the offset that was acknowledged."""
    counts = []
    for partition in range(3):
        records = await read_all(log, "dqm.kept", partition)
        numbers = [int(record.value) for record in records]
        assert numbers == list(range(len(numbers)))
        at = {record.offset: number for record, number in zip(records, numbers, strict=True)}
        for said in acknowledged:
            if said.get("kept") == partition:
                assert [at[offset] for offset in said["offsets"]] == said["numbers"]
        counts.append(len(numbers))
    return counts


async def check_table(log, acknowledged):
    """Every key has a value at least as new as the last one acknowledged."""
    found = {record.key.decode(): record.offset for record in await read_all(log, "dqm.table")}
    said = {line["table"]: line["offset"] for line in acknowledged if "table" in line}
    for key, offset in said.items():
        assert found[key] >= offset


async def check_short(log, acknowledged):
    """Retention removed the front only."""
    offsets = [record.offset for record in await read_all(log, "dqm.short")]
    start, end = await log.bounds("dqm.short", 0)
    assert offsets == list(range(start, end))
    assert end > max((line["short"] for line in acknowledged if "short" in line), default=-1)


async def check_commits(log, acknowledged):
    said = [line["committed"] for line in acknowledged if "committed" in line]
    async with log.group("readers", ["dqm.kept"], member="a") as reader:
        for partition, offset in (said[-1] if said else {}).items():
            committed = await reader.committed("dqm.kept", int(partition))
            assert offset <= committed <= (await log.bounds("dqm.kept", int(partition))).end


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_was_acknowledged_survives_being_killed(tmp_path, seed):
    rng = random.Random(seed)
    counts, history = [0, 0, 0], []
    for _ in range(4):
        process = start(tmp_path, rng.randrange(1000), counts)
        latest = acknowledged_until_killed(process, rng.randrange(1, 400))
        history += latest
        async with EmbeddedLog.open(tmp_path, clock=SystemClock()) as log:
            counts = await check_kept(log, history)
            await check_table(log, latest)
            await check_short(log, history)
            await check_commits(log, latest)


async def test_a_folder_in_use_is_refused_and_free_again_after_a_kill(tmp_path):
    process = start(tmp_path, 1, [0, 0, 0])
    with process:
        process.stdout.readline()
        with pytest.raises(LogOwnedError, match=rf"{tmp_path} is owned by process {process.pid}:"):
            await EmbeddedLog.open(tmp_path, clock=SystemClock()).__aenter__()
        process.kill()
        process.communicate()
    async with EmbeddedLog.open(tmp_path, clock=SystemClock()) as log:
        assert log.partitions("dqm.kept") == 3
