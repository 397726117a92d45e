"""What the notifier says of itself, followed on the log; and what people decide about it."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import structlog

from dqmstream.clock import Clock
from dqmstream.errors import MessageError
from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.notifications import Delivery, DeliveryState, NotifierStanding
from dqmstream.messages.operations import Command
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import ALARMS, DELIVERIES
from dqmstream.messages.wire import CODEC
from dqmstream.transport.followed import FollowedTopic
from dqmstream.transport.log import Log, Record
from services.gateway.alarm_steps import step_row
from services.gateway.patience import log_within, write_down
from services.gateway.problems import not_found

__all__ = ["NotificationDesk"]

_PATIENCE: Final = 10.0
_READ_SECONDS: Final = 1.0


class NotificationDesk:
    """The ledger of notifications in memory.

    Parameters
    ----------
    log
        Where it is, and where decisions go.
    clock
        Dates decisions.
    most
        Deliveries in memory; of those that were delivered the oldest go first.
    """

    def __init__(self, log: Log, clock: Clock, most: int = 10_000) -> None:
        self._log = log
        self._most = most
        self._deliveries: dict[bytes, Delivery] = {}
        self._standing: NotifierStanding | None = None
        self._read = asyncio.Event()
        self.clock = clock

    async def run(self) -> None:
        """Follow the ledger, for ever."""
        followed = FollowedTopic(self._log, DELIVERIES)
        async with followed.reading(self._take):
            self._read.set()
            while True:
                async for record in followed.news(_READ_SECONDS):
                    self._take(record)

    async def last_standing(self) -> NotifierStanding | None:
        """What is in force; None if no notifier ever ran. ProblemError 503 if it is not read."""
        await self._ready()
        return self._standing

    async def standing(self) -> NotifierStanding:
        """What is in force; ProblemError 404 if no notifier ever ran, 503 if it is not read yet."""
        found = await self.last_standing()
        if found is None:
            raise not_found("no notifier has run: nobody is told of alarms")
        return found

    async def deliveries(
        self, *, state: DeliveryState | None, subscription: str | None, key: str | None
    ) -> list[Delivery]:
        """Deliveries that are remembered, the newest first."""
        await self._ready()

        def chosen() -> Iterator[Delivery]:
            for each in self._deliveries.values():
                if (
                    state in {None, each.state}
                    and subscription in {None, each.subscription}
                    and key in {None, each.key}
                ):
                    yield each

        return sorted(chosen(), key=lambda one: one.when, reverse=True)

    async def steps(self, after: int, limit: int) -> tuple[list[dict[str, Any]], int]:
        """Steps of alarms whose sequence is above `after`, the oldest first, and where they end.

        The end is the sequence to ask on after: above that of the last step if records between
        are no steps.
        """
        async with log_within(_PATIENCE):
            start, end = await self._log.bounds(ALARMS, 0)
        found: list[dict[str, Any]] = []
        reached = max(after + 1, start)
        async with self._log.reader({(ALARMS, 0): reached}) as reader:
            while reached < end and len(found) < limit:
                async with log_within(_PATIENCE):
                    records = await reader.read(
                        max_records=limit - len(found), timeout=_READ_SECONDS
                    )
                reached = reader.position(ALARMS, 0)
                for record in records:
                    message = _message(record)
                    if isinstance(message, AlarmTransition):
                        found.append(step_row(record.offset, message))
        return found, max(after, reached - 1)

    async def decide(self, command: Command) -> int:
        """Write a decision down; its offset on `dqm.commands`. ProblemError 503 without a log."""
        return await write_down(self._log, command, _PATIENCE)

    async def _ready(self) -> None:
        async with log_within(_PATIENCE):
            await self._read.wait()

    def _take(self, record: Record) -> None:
        if record.key is None:
            return
        if record.value is None:
            self._deliveries.pop(record.key, None)
            return
        match message := _message(record):
            case NotifierStanding():
                self._standing = message
            case Delivery():
                self._deliveries.pop(record.key, None)
                self._deliveries[record.key] = message
                if len(self._deliveries) > self._most:
                    self._let_go()

    def _let_go(self) -> None:
        over = (key for key, each in self._deliveries.items() if each.state == "delivered")
        del self._deliveries[next(over, next(iter(self._deliveries)))]


def _message(record: Record) -> Message | None:
    try:
        return CODEC.decode(record.headers, record.value)
    except MessageError as error:
        structlog.get_logger().warning(
            "record refused", topic=record.topic, offset=record.offset, error=str(error)
        )
        return None
