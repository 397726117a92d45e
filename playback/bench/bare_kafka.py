"""The limit of `dqmstream bench kafka`: bare aiokafka, as fast as it produces and consumes.

Run as a program (`python -m playback.bench.bare_kafka produce|consume BOOTSTRAP TOPIC PARTITIONS
RECORDING COUNT`), so that producer and consumer have a process each, as producer and filler do.
Both use the settings that our own producer and filler use; nothing is numbered, decoded, filled or
acknowledged by a checkpoint. Each prints the wall clock at its start and end, as JSON.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from playback.bench.program import BenchError
from playback.recordings import Recording

__all__ = ["BareRate", "bare_rate"]

_LARGEST: Final = 8 << 20
_AHEAD: Final = 64
"""Messages sent and not acknowledged yet: as many bytes as our producer has in flight."""


class BareRate(msgspec.Struct, frozen=True, kw_only=True):
    """What one of the two processes did: wall clock in seconds since 1970."""

    began: float
    ended: float
    messages: int
    bytes: int


def bare_rate(
    bootstrap: str, recording: Path, messages: int, partitions: int
) -> tuple[BareRate, BareRate]:
    """Produce the recording's bodies over and over until `messages` are sent, and consume them.

    Returns
    -------
    tuple of BareRate
        Of the producer and of the consumer, which ran at the same time.
    """
    topic = f"bare-{time.time_ns()}"  # noqa: TID251 a name nobody has
    asyncio.run(_create(bootstrap, topic, partitions))
    arguments = [bootstrap, topic, str(partitions), str(recording), str(messages)]
    sides = [
        subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, "-m", "playback.bench.bare_kafka", side, *arguments],
            stdout=subprocess.PIPE,
        )
        for side in ("consume", "produce")
    ]
    outputs = [side.communicate()[0] for side in sides]
    if any(side.returncode for side in sides):
        msg = f"bare aiokafka failed with status {[side.returncode for side in sides]}"
        raise BenchError(msg)
    consumed, produced = (msgspec.json.decode(output, type=BareRate) for output in outputs)
    if (produced.messages, produced.bytes) != (consumed.messages, consumed.bytes):
        msg = f"bare aiokafka produced {produced}, consumed {consumed}"
        raise BenchError(msg)
    return produced, consumed


async def _create(bootstrap: str, topic: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        configs = {"max.message.bytes": str(_LARGEST)}
        await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])
    finally:
        await admin.close()


async def _produce(
    bootstrap: str, topic: str, partitions: int, bodies: Iterator[bytes]
) -> BareRate:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        max_request_size=_LARGEST,
        max_batch_size=1 << 20,
    )
    await producer.start()
    messages = size = 0
    began = time.time()  # noqa: TID251 measured
    waiting: list[Any] = []
    for body in bodies:
        waiting.append(await producer.send(topic, body, partition=messages % partitions))
        messages, size = messages + 1, size + len(body)
        if len(waiting) > _AHEAD:
            await waiting.pop(0)
    await producer.flush()
    ended = time.time()  # noqa: TID251 measured
    await producer.stop()
    return BareRate(began=began, ended=ended, messages=messages, bytes=size)


async def _consume(bootstrap: str, topic: str, partitions: int, count: int) -> BareRate:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        fetch_max_bytes=4 << 20,
        max_partition_fetch_bytes=4 << 20,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, partition) for partition in range(partitions)])
    messages = size = 0
    began = time.time()  # noqa: TID251 measured
    while messages < count:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            messages += len(records)
            size += sum(len(record.value) for record in records)
    ended = time.time()  # noqa: TID251 measured
    await consumer.stop()
    return BareRate(began=began, ended=ended, messages=messages, bytes=size)


def _main() -> None:
    side, bootstrap, topic, partitions, recording, count = sys.argv[1:]
    if side == "produce":
        whole = Recording(Path(recording))
        entries = [entry for _, _, entry in whole.manifest.lumisections()]
        bodies = [body for one in entries for _, body in whole.bodies(one)]
        running = _produce(bootstrap, topic, int(partitions), islice(cycle(bodies), int(count)))
    else:
        running = _consume(bootstrap, topic, int(partitions), int(count))
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(running)))


if __name__ == "__main__":
    _main()
