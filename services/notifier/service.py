"""The notifier: steps of alarms on `dqm.alarms` to whoever subscribes, at least once.

What to tell whom, and when again, is decided by `dqmstream.notifications`; here bytes are moved.
Of several notifiers the one that has the partition of `dqm.alarms` tells; another takes over from
the ledger, `dqm.deliveries`. What is to be told is written there before it is told, and again when
it was: whoever dies between is followed by one that tells it again, under the same key.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

import structlog

from dqmstream.clock import Clock
from dqmstream.errors import MessageError, OffsetExpiredError
from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.notifications import Delivery
from dqmstream.messages.topics import ALARMS, COMMANDS
from dqmstream.messages.wire import CODEC
from dqmstream.notifications.attempt import Attempt
from dqmstream.notifications.declaration import Declared
from dqmstream.transport.by_time import offset_since
from dqmstream.transport.log import GroupReader, Log, Reader, Record, TopicPartition
from services.dead_letters import dead_letter
from services.notifier.active import Active
from services.notifier.kept import Kept, command_in, tombstones
from services.notifier.progress import NotifierProgress
from services.notifier.sender import Failure, Sender

__all__ = ["NotifierProgress", "NotifierSettings", "run_notifier"]

_PLACE: Final[TopicPartition] = (ALARMS, 0)
_READ_RECORDS: Final = 200
_PATIENCE: Final = 1.0
_LONGEST_WAIT: Final = 30.0
"""Seconds after which a sender looks again, whatever the clock has done meanwhile."""
_HOUR: Final = 3600 * 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifierSettings:
    """Settings of a notifier.

    Parameters
    ----------
    member
        Its name among notifiers of one log.
    group
        Consumer group of those of which one tells.
    look
        Seconds between two looks at receivers that fail, and at what may be forgotten.
    """

    member: str = "notifier"
    group: str = "notifier"
    look: float = 2.0


async def run_notifier(
    log: Log,
    declared: Declared,
    senders: Mapping[str, Sender],
    *,
    clock: Clock,
    random: Callable[[], float],
    ready: Callable[[], None],
    settings: NotifierSettings | None = None,
    progress: NotifierProgress | None = None,
) -> None:
    """Tell until cancelled.

    Parameters
    ----------
    log
        A patient one: while it is away nothing is told, for nothing could be noted.
    senders
        One for each receiver that is declared.
    random
        Draws from [0, 1), for the waits between tries.
    ready
        Called once it reads; whether it tells, its group says.

    Raises
    ------
    LogError
        If the log refuses for good.
    """
    notifier = _Notifier(
        log,
        declared,
        senders,
        clock=clock,
        random=random,
        settings=settings or NotifierSettings(),
        progress=progress or NotifierProgress(),
    )
    # What was commanded before is read by whoever begins to tell, which is after this.
    end = (await log.bounds(COMMANDS, 0)).end
    async with (
        log.reader({(COMMANDS, 0): end}) as commands,
        notifier.joined() as reader,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(notifier.read_alarms(reader), name="notifier reads alarms")
        tasks.create_task(notifier.read_commands(commands), name="notifier reads commands")
        tasks.create_task(notifier.look_after(), name="notifier looks after receivers")
        for name in senders:
            tasks.create_task(notifier.serve(name), name=f"notifier tells {name}")
        ready()


class _Notifier:
    """Moves records through an `Active`, which there is while this one tells."""

    def __init__(
        self,
        log: Log,
        declared: Declared,
        senders: Mapping[str, Sender],
        *,
        clock: Clock,
        random: Callable[[], float],
        settings: NotifierSettings,
        progress: NotifierProgress,
    ) -> None:
        self._log = log
        self._declared = declared
        self._senders = senders
        self._clock = clock
        self._random = random
        self._settings = settings
        self._progress = progress
        self._active: Active | None = None
        self._not_before = 0
        # Held from a change of the ledger until it is written: nobody tells what is not.
        self._turn = asyncio.Lock()
        self._wakes = {name: asyncio.Event() for name in senders}
        self._logger = structlog.get_logger().bind(service="notifier")

    def joined(self) -> AbstractAsyncContextManager[GroupReader]:
        """A member of the group, for the length of the block."""
        return self._log.group(
            self._settings.group,
            [ALARMS],
            member=self._settings.member,
            on_revoked=self._stop_telling,
            on_assigned=self._begin_telling,
        )

    async def read_alarms(self, reader: GroupReader) -> None:
        """Take steps of alarms in, for ever."""
        while True:
            try:
                records = await reader.read(max_records=_READ_RECORDS, timeout=_PATIENCE)
            except OffsetExpiredError as expired:
                self._logger.error("records expired unread", error=str(expired))
                reader.seek(expired.topic, expired.partition, expired.start)
                continue
            if _PLACE in reader.assignment and self._active is not None:
                await self._take(records, reader.position(*_PLACE))

    async def read_commands(self, reader: Reader) -> None:
        """Follow what people decide about subscriptions, for ever."""
        while True:
            try:
                records = await reader.read(timeout=_PATIENCE)
            except OffsetExpiredError as expired:
                reader.seek(expired.topic, expired.partition, expired.start)
                continue
            async with self._turn:
                await self._follow(records)

    async def serve(self, name: str) -> None:
        """Tell one receiver what waits for it, for ever."""
        while True:
            await self._wait_for(name)
            async with self._turn:
                active = self._active
                attempt = active.ledger.begin(name, self._clock.wall()) if active else None
            if active is None or attempt is None:
                continue
            failure = await self._try(name, attempt)
            async with self._turn:
                # Else another tells meanwhile, and will tell this again.
                if active is self._active:
                    await self._conclude(active, attempt, failure)

    async def look_after(self) -> None:
        """Say which receivers fail, forget what is long over, look how far it is; for ever."""
        while True:
            await asyncio.sleep(self._settings.look)
            async with self._turn:
                active = self._active
                if active is None:
                    continue
                now = self._clock.wall()
                says = active.conditions(now)
                gone = tombstones(active.ledger.forget(now))
                if says or gone:
                    await self._log.send([*says, *gone, *active.written((), now)])
                self._note(active)
                end = (await self._log.bounds(*_PLACE)).end
                self._progress.lag = {_PLACE: max(0, end - active.alarms)}

    async def _begin_telling(self, reader: GroupReader, places: frozenset[TopicPartition]) -> None:
        if _PLACE not in places:
            return
        now = self._clock.wall()
        kept = await Kept.read(self._log)
        active = Active(
            self._declared,
            kept,
            addresses={name: sender.address for name, sender in self._senders.items()},
            random=self._random,
            process=self._settings.member,
        )
        if kept.standing is not None:
            active.alarms = kept.standing.alarms
            self._not_before = 0
        else:
            # The first ever: what is long past is no news.
            self._not_before = now - _HOUR
            active.alarms = await offset_since(self._log, *_PLACE, self._not_before)
        reader.seek(*_PLACE, active.alarms)
        async with self._turn:
            await self._log.send(active.written(active.begin(now), now))
            self._active = active
            self._note(active)
        self._logger.info("telling", position=active.alarms, count=len(kept.deliveries))
        self._wake()

    async def _stop_telling(self, _: GroupReader, places: frozenset[TopicPartition]) -> None:
        if _PLACE in places:
            self._active = None

    async def _take(self, records: Sequence[Record], position: int) -> None:
        async with self._turn:
            active = self._active
            if active is None or position == active.alarms:
                return
            now = self._clock.wall()
            deliveries: list[Delivery] = []
            for record in records:
                self._progress.records += 1
                if record.offset < active.alarms or record.timestamp < self._not_before:
                    continue
                deliveries += await self._taken(active, record, now)
            active.alarms = position
            await self._log.send(active.written(deliveries, now))
            self._count_dead(active, deliveries)
            self._note(active)
        self._wake()

    async def _taken(self, active: Active, record: Record, now: int) -> list[Delivery]:
        try:
            message = CODEC.decode(record.headers, record.value)
        except MessageError as error:
            self._progress.refuse(error.reason)
            await self._log.send([dead_letter(record, error.reason, error.detail)])
            return []
        if not isinstance(message, AlarmTransition):
            return []
        if message.run:
            self._progress.run, self._progress.lumisection = message.run, message.lumisection
        return active.ledger.take(message, record.offset, now)

    async def _follow(self, records: Sequence[Record]) -> None:
        active = self._active
        if active is None:
            return  # all are read again when this one tells
        new = [record for record in records if record.offset >= active.commands]
        if not new:
            return
        now = self._clock.wall()
        deliveries: list[Delivery] = []
        for record in new:
            command = command_in(record)
            if command is not None:
                deliveries += active.follow(command, record.offset, now)
        active.commands = new[-1].offset + 1
        await self._log.send(active.written(deliveries, now))
        self._count_dead(active, deliveries)
        self._note(active)
        self._wake()

    async def _conclude(self, active: Active, attempt: Attempt, failure: Failure | None) -> None:
        now, ledger = self._clock.wall(), active.ledger
        self._progress.tried(attempt, now, delivered=failure is None)
        if failure is None:
            records = ledger.succeed(attempt, now)
        else:
            self._logger.warning(
                "notification not delivered",
                receiver=attempt.receiver,
                count=len(attempt.deliveries),
                error=failure.problem,
                failures=ledger.receivers[attempt.receiver].failures + 1,
            )
            records = ledger.fail(
                attempt, failure.problem, now, refused=failure.refused, wait=failure.wait
            )
        self._count_dead(active, records)
        await self._log.send(active.written(records, now))
        self._note(active)

    async def _wait_for(self, name: str) -> None:
        """Until something may be due for a receiver."""
        wake = self._wakes[name]
        wake.clear()
        now = self._clock.wall()
        due = self._active.ledger.due(name, now) if self._active else None
        wait = _LONGEST_WAIT if due is None else min(_LONGEST_WAIT, (due - now) / 1e9)
        if wait <= 0:
            return
        try:
            async with asyncio.timeout(wait):
                await wake.wait()
        except TimeoutError:
            return

    async def _try(self, name: str, attempt: Attempt) -> Failure | None:
        try:
            return await self._senders[name].send(attempt)
        except Exception as error:  # whatever a library does, the others are told
            problem = f"the sender crashed: {type(error).__name__}"
            self._logger.error(problem, receiver=name)
            return Failure(problem)

    def _wake(self) -> None:
        for wake in self._wakes.values():
            wake.set()

    def _count_dead(self, active: Active, records: Sequence[Delivery]) -> None:
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

    def _note(self, active: Active) -> None:
        progress = self._progress
        progress.positions = {_PLACE: active.alarms, (COMMANDS, 0): active.commands}
        progress.pending = {name: active.ledger.pending(name) for name in self._senders}
        progress.failing = len(active.ledger.failing(self._clock.wall()))
