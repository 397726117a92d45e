"""The ledger on its topic: what is read when a notifier takes over, and what it writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from dqmstream.errors import MessageError
from dqmstream.messages.notifications import Delivery, NotifierStanding
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import COMMANDS, DELIVERIES
from dqmstream.messages.wire import CODEC
from dqmstream.notifications.commands import is_ours
from dqmstream.transport.compacted import latest_by_key, read_to_end
from dqmstream.transport.log import Log, Outgoing, Record
from dqmstream.transport.outgoing import outgoing

__all__ = ["Kept", "command_in", "records_of", "standing_record", "tombstones"]

_STANDING: Final = b"standing"
_DELIVERY: Final = "delivery/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What the last notifier left, and what was commanded since the beginning: (offset, command).

    `commands_end` is the offset behind the last of them.
    """

    deliveries: Sequence[Delivery]
    standing: NotifierStanding | None
    commands: Sequence[tuple[int, Command]]
    commands_end: int

    @classmethod
    async def read(cls, log: Log) -> "Kept":
        """All of it, as it is in the log now."""
        deliveries: list[Delivery] = []
        standing = None
        for record in (await latest_by_key(log, DELIVERIES)).values():
            match _message(record):
                case Delivery() as delivery:
                    deliveries.append(delivery)
                case NotifierStanding() as found:
                    standing = found
        end = (await log.bounds(COMMANDS, 0)).end
        commands = [
            (record.offset, command)
            async for record in read_to_end(log, COMMANDS)
            if record.offset < end and (command := command_in(record)) is not None
        ]
        return cls(deliveries=deliveries, standing=standing, commands=commands, commands_end=end)


def command_in(record: Record) -> Command | None:
    """The command about a subscription in a record, None if it holds another, or none."""
    message = _message(record)
    return message if isinstance(message, Command) and is_ours(message) else None


def records_of(deliveries: Iterable[Delivery]) -> list[Outgoing]:
    """Deliveries as they are kept."""
    return [outgoing(DELIVERIES, 0, each, _key(each.key)) for each in deliveries]


def standing_record(standing: NotifierStanding) -> Outgoing:
    """The standing as it is kept; after the deliveries that it speaks of."""
    return outgoing(DELIVERIES, 0, standing, _STANDING)


def tombstones(keys: Iterable[str]) -> list[Outgoing]:
    """What takes deliveries off the topic."""
    return [Outgoing(topic=DELIVERIES, partition=0, key=_key(key), value=None) for key in keys]


def _key(key: str) -> bytes:
    return f"{_DELIVERY}{key}".encode()


def _message(record: Record) -> object:
    if record.value is None:
        return None
    try:
        return CODEC.decode(record.headers, record.value)
    except MessageError as error:
        # Of commands others count and bury what is none; the ledger is written here alone.
        structlog.get_logger().warning(
            "record refused", topic=record.topic, offset=record.offset, error=str(error)
        )
        return None
