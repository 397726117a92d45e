"""A message ready for the log."""

from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Outgoing

__all__ = ["outgoing"]


def outgoing(topic: str, partition: int, message: Message, key: bytes | None = None) -> Outgoing:
    """`message` encoded for one partition of a topic."""
    headers, value = CODEC.encode(message)
    return Outgoing(topic=topic, partition=partition, key=key, headers=headers, value=value)
