"""The identity of a log that brokers keep: the first record of a topic of its own.

It goes when the topics are deleted, so topics made anew under the same names are another log.
"""

import uuid
from typing import Final

from dqmstream.errors import LogError
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log
from dqmstream.transport.record import Outgoing
from dqmstream.transport.topic_spec import TopicSpec

__all__ = ["IDENTITY_TOPIC", "establish", "known"]

IDENTITY_TOPIC: Final = "dqm.log"
_SPEC: Final = TopicSpec(name=IDENTITY_TOPIC, partitions=1)  # kept for ever, never compacted


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
        log.partitions(IDENTITY_TOPIC)
    except LogError:  # nobody made it
        identity = None
    else:
        identity = await _first(log)
    if identity is None:
        msg = f"there is no topic {IDENTITY_TOPIC} under this prefix: no log has been made here"
        raise LogError(msg)
    return identity


async def _first(log: Log) -> str | None:
    # All of them, which are a few at most: leaving in the middle would leave the reader open.
    records = [record async for record in read_to_end(log, IDENTITY_TOPIC)]
    return (records[0].value or b"").decode() if records else None
