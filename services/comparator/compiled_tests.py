"""Quality tests compiled for the bookings that have been announced, looked up when they come."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog

from dqmstream.booking.check import check
from dqmstream.clock import Clock
from dqmstream.errors import BookingError, MessageError
from dqmstream.messages.booking import Booking
from dqmstream.messages.topics import BOOKINGS
from dqmstream.messages.wire import CODEC
from dqmstream.quality.algorithm import Algorithm
from dqmstream.quality.compiled import CompiledWorkspace, compile_tests
from dqmstream.quality.declaration import QualityTest
from dqmstream.quality.pattern import compile_pattern
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log, Record

__all__ = ["CompiledShelf"]

_RETRY: Final = 10.0
"""Seconds after which a booking that was not there is looked for again."""
_REMEMBERED: Final = 1000


class CompiledShelf:
    """Compiled workspaces by booking hash.

    Parameters
    ----------
    log
        Where bookings are announced.
    tests
        As read with the same `algorithms`.
    """

    def __init__(
        self,
        log: Log,
        tests: Sequence[QualityTest],
        algorithms: Mapping[str, Algorithm[Any]],
        clock: Clock,
    ) -> None:
        self._log = log
        self._tests = tests
        self._algorithms = algorithms
        self._clock = clock
        self._compiled: dict[str, CompiledWorkspace] = {}
        self._missed: dict[str, float] = {}
        self._unmatched: list[str] = []
        self._logger = structlog.get_logger().bind(service="comparator")

    def __call__(self, booking: str) -> CompiledWorkspace | None:
        """The workspace of a booking hash, if its booking is known."""
        return self._compiled.get(booking)

    def worth_a_look(self, booking: str) -> bool:
        """Whether this booking is not known, and was not looked for in vain just now."""
        missed = self._missed.get(booking)
        recently = missed is not None and self._clock.monotonic() < missed + _RETRY
        return booking not in self._compiled and not recently

    async def look_up(self, booking: str) -> None:
        """Read the bookings again because of this one."""
        await self.refresh()
        if booking not in self._compiled:
            self._missed.pop(booking, None)
            self._missed[booking] = self._clock.monotonic()
            if len(self._missed) > _REMEMBERED:
                del self._missed[next(iter(self._missed))]

    async def change(self, tests: Sequence[QualityTest]) -> None:
        """Judge by other tests from here on, read with the same algorithms."""
        self._tests = tests
        await self.refresh()

    async def refresh(self) -> None:
        """Compile the tests for every booking there is now."""
        records = await latest_by_key(self._log, BOOKINGS)
        await asyncio.to_thread(self._compile, list(records.values()))

    def _compile(self, records: Sequence[Record]) -> None:
        bookings = [booking for record in records if (booking := self._booking(record))]
        compiled = compile_tests(self._tests, bookings, self._algorithms)
        self._compiled = dict(compiled.workspaces)
        unmatched = self._of_booked(compiled.unmatched, {one.workspace for one in bookings})
        if unmatched != self._unmatched:
            self._logger.warning("quality tests match nothing", tests=unmatched)
            self._unmatched = unmatched

    def _of_booked(self, tests: Sequence[str], workspaces: set[str]) -> list[str]:
        """Those of these tests that should match: what nobody fills has nothing to match."""
        patterns = {test.name: compile_pattern(test.workspace) for test in self._tests}
        return [name for name in tests if any(map(patterns[name].fullmatch, workspaces))]

    def _booking(self, record: Record) -> Booking | None:
        try:
            message = CODEC.decode(record.headers, record.value)
            return check(message, imported=True) if isinstance(message, Booking) else None
        except (MessageError, BookingError) as error:
            self._logger.error(
                "booking refused", topic=BOOKINGS, offset=record.offset, error=str(error)
            )
            return None
