"""Dead letters: records nobody can use, whole, with the reason, on the dead topic."""

from collections.abc import Iterable
from typing import Final

from dqmstream.errors import MessageError
from dqmstream.messages.operations import Dead
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import dead_topic
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Outgoing, Record
from dqmstream.transport.outgoing import outgoing

__all__ = ["dead_letter", "decoded"]

_LARGEST: Final = 7 << 20
"""Bytes of a record that are kept: the letter must be a message that the log takes."""


def decoded(records: Iterable[Record]) -> tuple[list[tuple[Record, Message]], list[Outgoing]]:
    """Records with their messages, and letters for those that have none; tombstones are passed."""
    taken, dead = [], []
    for record in records:
        if record.value is None:
            continue
        try:
            taken.append((record, CODEC.decode(record.headers, record.value)))
        except MessageError as error:
            dead.append(dead_letter(record, error.reason, error.detail))
    return taken, dead


def dead_letter(record: Record, reason: str, detail: str) -> Outgoing:
    """The letter for a record; of a very large one only the beginning of the value is kept."""
    value = record.value
    if value is not None and len(value) > _LARGEST:
        detail = f"{detail}; the value had {len(value)} bytes, the first {_LARGEST} are kept"
        value = value[:_LARGEST]
    letter = Dead(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=reason,
        detail=detail,
        headers=record.headers,
        key=record.key,
        value=value,
    )
    key = f"{record.topic}/{record.partition}/{record.offset}".encode()
    return outgoing(dead_topic(record.topic), 0, letter, key)
