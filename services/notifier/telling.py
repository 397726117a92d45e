"""Telling receivers what waits for them, each in its own time."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from dqmstream.clock import Clock
from dqmstream.messages.notifications import Delivery
from dqmstream.messages.topics import ALARMS, COMMANDS
from dqmstream.notifications.attempt import Attempt
from dqmstream.transport.log import Log
from dqmstream.transport.record import TopicPartition
from services.notifier.active import Active
from services.notifier.progress import NotifierProgress
from services.notifier.sender import Failure
from services.notifier.served import Served, ServedReceivers

__all__ = ["PLACE", "Telling"]

PLACE: Final[TopicPartition] = (ALARMS, 0)
"""Where steps of alarms are read."""
_LONGEST_WAIT: Final = 30.0
"""Seconds after which a sender looks again, whatever the clock has done meanwhile."""


class Telling:
    """Tells receivers by an `Active`, which there is while this notifier is the one that tells."""

    def __init__(self, log: Log, clock: Clock, progress: NotifierProgress) -> None:
        self._log = log
        self._clock = clock
        self._progress = progress
        self._logger = structlog.get_logger().bind(service="notifier")
        self.active: Active | None = None
        self.turn = asyncio.Lock()
        """Held from a change of the ledger until it is written: nobody tells what is not."""
        self.served: ServedReceivers

    async def serve(self, served: Served) -> None:
        """Tell one receiver what waits for it, until it is gone."""
        name = served.name
        while not served.is_gone():
            await self._wait_for(served)
            async with self.turn:
                active = None if served.is_gone() else self.active
                attempt = active.ledger.begin(name, self._clock.wall()) if active else None
            if active is None or attempt is None:
                continue
            failure = await self._try(served, attempt)
            async with self.turn:
                # Else another tells meanwhile, and will tell this again.
                if active is self.active:
                    await self._conclude(active, attempt, failure)
            if served.is_gone():
                self.served.wake()  # whoever is in its place may begin now

    async def _conclude(self, active: Active, attempt: Attempt, failure: Failure | None) -> None:
        now, ledger = self._clock.wall(), active.ledger
        self._progress.tried(attempt, now, delivered=failure is None)
        if failure is None:
            records = ledger.succeed(attempt, now)
        else:
            # It may be gone meanwhile.
            standing = ledger.receivers.get(attempt.receiver)
            before = 0 if standing is None else standing.failures
            self._logger.warning(
                "notification not delivered",
                receiver=attempt.receiver,
                count=len(attempt.deliveries),
                error=failure.problem,
                failures=before + 1,
            )
            records = ledger.fail(
                attempt, failure.problem, now, refused=failure.refused, wait=failure.wait
            )
        self.count_dead(active, records)
        await self._log.send(active.written(records, now))
        self.note(active)

    async def _wait_for(self, served: Served) -> None:
        """Until something may be due for a receiver, or it is gone."""
        wake = served.wake
        wake.clear()
        now = self._clock.wall()
        due = self.active.ledger.due(served.name, now) if self.active else None
        wait = _LONGEST_WAIT if due is None else min(_LONGEST_WAIT, (due - now) / 1e9)
        if wait <= 0 or served.is_gone():
            return
        try:
            async with asyncio.timeout(wait):
                await wake.wait()
        except TimeoutError:
            return

    async def _try(self, served: Served, attempt: Attempt) -> Failure | None:
        try:
            return await served.sender.send(attempt)
        except Exception as error:  # whatever a library does, the others are told
            problem = f"the sender crashed: {type(error).__name__}"
            self._logger.error(problem, receiver=served.name)
            return Failure(problem)

    def count_dead(self, active: Active, records: Sequence[Delivery]) -> None:
        """Count what was given up, and say so."""
        receivers = {each.name: each.receiver for each in active.ledger.subscriptions}
        for each in records:
            if each.state == "dead":
                name = receivers.get(each.subscription, "none")
                self._progress.died(name)
                self._logger.error(
                    "notification given up",
                    receiver=name,
                    subscription=each.subscription,
                    alarm=each.step.alarm,
                    attempts=each.attempts,
                    error=each.problem,
                )

    def note(self, active: Active) -> None:
        """Note how far it is."""
        progress = self._progress
        progress.positions = {PLACE: active.alarms, (COMMANDS, 0): active.commands}
        progress.pending = {one.name: active.ledger.pending(one.name) for one in self.served}
        progress.routes = active.number
        progress.failing = len(active.ledger.failing(self._clock.wall()))
