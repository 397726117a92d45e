"""Started by the tests of groups: a member in a process of its own, which they freeze.

Usage: kafka_member.py SERVERS PREFIX TOPIC. Each line on standard output is a JSON list: `revoked`
or `assigned` with the partitions, `commit` with `done` or the refusal, `read` with the values.
"""

import asyncio
import json
import os
import sys

import structlog

from dqmstream.errors import LogError
from dqmstream.transport.kafka import KafkaLog, KafkaSettings

GROUP = "fillers"
STALE = 1


def say(*what):
    os.write(1, json.dumps(what).encode() + b"\n")


async def revoked(reader, partitions):
    say("revoked", sorted(partitions))
    try:
        await reader.commit(dict.fromkeys(partitions, STALE))
    except LogError as error:
        say("commit", str(error))
    else:
        say("commit", "done")


async def assigned(reader, partitions):
    say("assigned", sorted(partitions))


async def main(servers, prefix, topic):
    settings = KafkaSettings(servers=tuple(servers.split(",")), prefix=prefix)
    async with (
        KafkaLog.open(settings) as log,
        log.group(
            GROUP, [topic], member="process", on_revoked=revoked, on_assigned=assigned
        ) as reader,
    ):
        while True:
            records = await reader.read(timeout=1.0)
            if records:
                say("read", [record.value.decode() for record in records])


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main(*sys.argv[1:]))
