"""Started by the kill tests: writes as fast as it can, says what was acknowledged, and dies.

Usage: doomed_writer.py FOLDER SEED, then on standard input one line of JSON: how many records each
partition of `dqm.kept` holds. Each line on standard output is one acknowledgement.
"""

import asyncio
import json
import os
import random
import sys
from pathlib import Path

from dqmstream.clock import SystemClock
from dqmstream.transport.embedded import EmbeddedLog, EmbeddedSettings
from dqmstream.transport.log import Outgoing, TopicSpec

SETTINGS = EmbeddedSettings(segment_bytes=20_000, tail_bytes=50_000)
TOPICS = [
    TopicSpec(name="dqm.kept", partitions=3),
    TopicSpec(name="dqm.table", partitions=1, compacted=True),
    TopicSpec(name="dqm.short", partitions=1, retention_bytes=50_000),
]


def acknowledge(**what):
    os.write(1, json.dumps(what).encode() + b"\n")


async def write_kept(log, rng, partition, counters):
    """Several of these run per partition; numbers follow the order of the calls."""
    while True:
        first = counters[partition]
        count = rng.choice([1, 1, 3, 20])
        counters[partition] += count
        numbers = range(first, first + count)
        padding = b" " * rng.choice([0, 100, 3000])
        offsets = await log.send(
            [
                Outgoing(topic="dqm.kept", partition=partition, value=b"%d" % n + padding)
                for n in numbers
            ]
        )
        acknowledge(kept=partition, numbers=list(numbers), offsets=offsets)


async def write_table(log, rng):
    number = 0
    while True:
        key, number = rng.choice("abcde"), number + 1
        (offset,) = await log.send(
            [Outgoing(topic="dqm.table", partition=0, key=key.encode(), value=b"%d" % number)]
        )
        acknowledge(table=key, offset=offset)


async def write_short(log):
    while True:
        (offset,) = await log.send([Outgoing(topic="dqm.short", partition=0, value=b"x" * 900)])
        acknowledge(short=offset)


async def commit(log):
    async with log.group("readers", ["dqm.kept"], member="a") as reader:
        while True:
            await reader.read(timeout=1.0)
            offsets = {where: reader.position(*where) for where in reader.assignment}
            await reader.commit(offsets)
            acknowledge(committed={partition: at for (_, partition), at in offsets.items()})


async def maintain(log):
    while True:
        await log.maintain(force=True)
        await asyncio.sleep(0.01)


async def main(folder, seed):
    rng = random.Random(seed)
    counters = json.loads(sys.stdin.readline())
    async with (
        EmbeddedLog.open(folder, clock=SystemClock(), settings=SETTINGS) as log,
        asyncio.TaskGroup() as tasks,
    ):
        await log.ensure_topics(TOPICS)
        for partition in range(3):
            for _ in range(2):
                tasks.create_task(write_kept(log, rng, partition, counters))
        tasks.create_task(write_table(log, rng))
        tasks.create_task(write_short(log))
        tasks.create_task(commit(log))
        tasks.create_task(maintain(log))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
