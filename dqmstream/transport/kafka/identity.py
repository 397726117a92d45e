"""The identity of a log that brokers keep: the first record of a topic of its own.

It goes when the topics are deleted, so topics made anew under the same names are another log.
"""

import uuid
from typing import Final

from dqmstream.errors import LogError, LogUnavailableError
from dqmstream.transport.log import Log
from dqmstream.transport.record import Outgoing
from dqmstream.transport.topic_spec import TopicSpec

__all__ = ["IDENTITY_TOPIC", "establish", "known"]

IDENTITY_TOPIC: Final = "dqm.log"
_SPEC: Final = TopicSpec(name=IDENTITY_TOPIC, partitions=1)  # kept for ever, never compacted
_PATIENCE: Final = 5.0


async def establish(log: Log) -> str:
    """The identity of a log, drawn if it has none; processes that draw at once agree."""
    await log.ensure_topics([_SPEC])
    identity = await _first(log)
    if identity is None:
        drawn = uuid.uuid4().hex.encode()
        await log.send([Outgoing(topic=IDENTITY_TOPIC, partition=0, value=drawn)])
        identity = await _first(log)
    if identity is None:
        msg = f"topic {IDENTITY_TOPIC} is empty, expected the identity that was just written"
        raise LogError(msg)
    return identity


async def known(log: Log) -> str:
    """The identity of a log; LogError if there is none, and nothing is written."""
    try:
        identity = await _first(log) if log.partitions(IDENTITY_TOPIC) else None
    except LogUnavailableError:
        raise
    except LogError:
        identity = None
    if identity is None:
        msg = f"there is no topic {IDENTITY_TOPIC} under this prefix: no log has been made here"
        raise LogError(msg)
    return identity


async def _first(log: Log) -> str | None:
    start, end = await log.bounds(IDENTITY_TOPIC, 0)
    if start == end:
        return None
    async with log.reader({(IDENTITY_TOPIC, 0): start}) as reader:
        while reader.position(IDENTITY_TOPIC, 0) < end:
            for record in await reader.read(max_records=1, timeout=_PATIENCE):
                return (record.value or b"").decode()
    return None
