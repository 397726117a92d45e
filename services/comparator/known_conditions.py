"""What is known of LSs besides their contents: `dqm.conditions` in memory, newest of each LS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

import msgspec
import structlog

from dqmstream.errors import MessageError
from dqmstream.messages.operations import Conditions
from dqmstream.messages.topics import CONDITIONS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.followed import FollowedTopic
from dqmstream.transport.log import Log, Record

__all__ = ["KnownConditions"]

_MOST: Final = 200_000
"""LSs held, about 100 MB: beyond it those of the run heard of first go."""
_LARGEST_READ: Final = 2_000

_Place = tuple[int, int]


class KnownConditions:
    """Conditions by run and LS.

    Parameters
    ----------
    log
        Where they are published.
    most
        LSs to hold.
    """

    def __init__(self, log: Log, most: int = _MOST) -> None:
        self._topic = FollowedTopic(log, CONDITIONS, _LARGEST_READ)
        self._most = most
        self._runs: dict[int, dict[int, Conditions]] = {}
        self._held = 0
        self._voltages: dict[str, bool] = {}
        self._logger = structlog.get_logger().bind(service="comparator")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """All that is in the log now is known; `news` has what comes after."""
        async with self._topic.reading(self._take):
            yield self

    def __call__(self, run: int, lumisection: int) -> Conditions | None:
        """Conditions of an LS, if there are any."""
        return self._runs.get(run, {}).get(lumisection)

    async def news(self) -> list[_Place]:
        """LSs (run, LS) of which other conditions have come; it does not wait for them."""
        taken = [self._take(record) async for record in self._topic.news()]
        return list(dict.fromkeys(place for place in taken if place))

    def _take(self, record: Record) -> _Place | None:
        if dict(record.headers).get("type") in {b"RunStart", b"RunEnd"}:
            return None
        try:
            message = CODEC.decode(record.headers, record.value)
        except MessageError as error:
            # The recorder, which reads all of them too, counts it and keeps it on the dead topic.
            self._logger.warning(
                "record refused", topic=record.topic, offset=record.offset, error=str(error)
            )
            return None
        if not isinstance(message, Conditions):
            return None
        place = message.run, message.lumisection
        rows = self._runs.setdefault(message.run, {})
        self._held += message.lumisection not in rows
        rows[message.lumisection] = self._slim(message)
        while self._held > self._most:
            oldest = next(iter(self._runs))
            self._held -= len(self._runs.pop(oldest))
            self._logger.warning("conditions forgotten", run=oldest, count=self._held)
        return place

    def _slim(self, row: Conditions) -> Conditions:
        """Voltages are mostly those of the LS before: one mapping serves them all."""
        if row.dcs != self._voltages:
            self._voltages = row.dcs
        return msgspec.structs.replace(row, dcs=self._voltages)
