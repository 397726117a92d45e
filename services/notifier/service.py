"""The notifier: steps of alarms on `dqm.alarms` to whoever subscribes, at least once.

What to tell whom, and when again, is decided by `dqmstream.notifications`; here bytes are moved.
Of several notifiers the one that has the partition of `dqm.alarms` tells; another takes over from
the ledger, `dqm.deliveries`. What is to be told is written there before it is told, and again when
it was: whoever dies between is followed by one that tells it again, under the same key.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

import structlog

from dqmstream.clock import Clock
from dqmstream.errors import MessageError, OffsetExpiredError
from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.notifications import Delivery
from dqmstream.messages.topics import ALARMS, COMMANDS
from dqmstream.messages.wire import CODEC
from dqmstream.notifications.declaration import Declared
from dqmstream.transport.by_time import offset_since
from dqmstream.transport.log import GroupReader, Log, Reader, Record, TopicPartition
from services.dead_letters import dead_letter
from services.notifier.active import Active
from services.notifier.kept import Kept, command_in, tombstones
from services.notifier.progress import NotifierProgress
from services.notifier.routes_in_force import FindAddresses, RoutesInForce, no_addresses
from services.notifier.sender import Sender
from services.notifier.served import ServedReceivers
from services.notifier.settings import NotifierSettings
from services.notifier.telling import PLACE, Telling

__all__ = ["NotifierProgress", "NotifierSettings", "run_notifier"]

_READ_RECORDS: Final = 200
_PATIENCE: Final = 1.0
_HOUR: Final = 3600 * 1_000_000_000


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
    find: FindAddresses = no_addresses,
) -> None:
    """Tell until cancelled.

    Parameters
    ----------
    log
        A patient one: while it is away nothing is told, for nothing could be noted.
    declared
        Of the file: in force as long as nothing else was activated.
    senders
        One for each receiver that is declared.
    random
        Draws from [0, 1), for the waits between tries.
    ready
        Called once it reads; whether it tells, its group says.
    find
        Where receivers are that are activated later.

    Raises
    ------
    LogError
        If the log refuses for good.
    """
    # What was commanded before is read by whoever begins to tell, which is after this.
    end = (await log.bounds(COMMANDS, 0)).end
    async with (
        RoutesInForce(log, declared, find).reading() as routes,
        log.reader({(COMMANDS, 0): end}) as commands,
        asyncio.TaskGroup() as tasks,
    ):
        progress = progress or NotifierProgress()
        telling = Telling(log, clock, progress)
        notifier = _Notifier(
            log,
            routes,
            telling,
            clock=clock,
            random=random,
            settings=settings or NotifierSettings(),
            progress=progress,
        )
        telling.served = ServedReceivers(senders, clock, telling.serve, tasks)
        async with notifier.joined() as reader, asyncio.TaskGroup() as reading:
            reading.create_task(notifier.read_alarms(reader), name="notifier reads alarms")
            reading.create_task(notifier.read_commands(commands), name="notifier reads commands")
            reading.create_task(notifier.look_after(), name="notifier looks after receivers")
            ready()


class _Notifier:
    """Moves records through an `Active`, which there is while this one tells."""

    def __init__(
        self,
        log: Log,
        routes: RoutesInForce,
        telling: Telling,
        *,
        clock: Clock,
        random: Callable[[], float],
        settings: NotifierSettings,
        progress: NotifierProgress,
    ) -> None:
        self._log = log
        self._routes = routes
        self._telling = telling
        self._clock = clock
        self._random = random
        self._settings = settings
        self._progress = progress
        self._not_before = 0
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
            if PLACE in reader.assignment and self._telling.active is not None:
                await self._take(records, reader.position(*PLACE))

    async def read_commands(self, reader: Reader) -> None:
        """Follow what people decide about subscriptions, for ever."""
        followed: Active | None = None
        while True:
            try:
                records = await reader.read(timeout=_PATIENCE)
            except OffsetExpiredError as expired:
                reader.seek(expired.topic, expired.partition, expired.start)
                continue
            async with self._telling.turn:
                active = self._telling.active
                if active is not None and active is not followed:
                    # What came while it took over is read again.
                    reader.seek(COMMANDS, 0, active.commands)
                    followed = active
                    continue
                await self._follow(records)
                await self._follow_routes()

    async def look_after(self) -> None:
        """Say which receivers fail, forget what is long over, look how far it is; for ever."""
        while True:
            await asyncio.sleep(self._settings.look)
            async with self._telling.turn:
                active = self._telling.active
                if active is None:
                    continue
                now = self._clock.wall()
                says = active.conditions(now)
                gone = tombstones(active.ledger.forget(now))
                if says or gone:
                    await self._log.send([*says, *gone, *active.written((), now)])
                self._telling.note(active)
                end = (await self._log.bounds(*PLACE)).end
                self._progress.lag = {PLACE: max(0, end - active.alarms)}

    async def _begin_telling(self, reader: GroupReader, places: frozenset[TopicPartition]) -> None:
        if PLACE not in places:
            return
        now = self._clock.wall()
        kept = await Kept.read(self._log)
        await self._routes.news()
        routed = self._routes.value
        self._telling.served.follow(routed)
        active = Active(
            routed.declared,
            kept,
            version=self._routes.version,
            addresses=self._telling.served.shown,
            random=self._random,
            process=self._settings.member,
        )
        active.problem = self._routes.problem
        if kept.standing is not None:
            active.alarms = kept.standing.alarms
            self._not_before = 0
        else:
            # The first ever: what is long past is no news.
            self._not_before = now - _HOUR
            active.alarms = await offset_since(self._log, *PLACE, self._not_before)
        reader.seek(*PLACE, active.alarms)
        async with self._telling.turn:
            await self._log.send(active.written(active.begin(now), now))
            self._telling.active = active
            self._telling.note(active)
        self._logger.info("telling", position=active.alarms, count=len(kept.deliveries))
        self._telling.served.wake()

    async def _stop_telling(self, _: GroupReader, places: frozenset[TopicPartition]) -> None:
        if PLACE in places:
            self._telling.active = None

    async def _take(self, records: Sequence[Record], position: int) -> None:
        async with self._telling.turn:
            active = self._telling.active
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
            self._telling.count_dead(active, deliveries)
            self._telling.note(active)
        self._telling.served.wake()

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
        active = self._telling.active
        if active is None:
            return  # they are read again when this one tells
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
        self._telling.count_dead(active, deliveries)
        self._telling.note(active)
        self._telling.served.wake()

    async def _follow_routes(self) -> None:
        """Go by other receivers and subscriptions, if others are in force now."""
        active = self._telling.active
        if active is None:
            return  # whoever begins to tell looks what is in force
        await self._routes.news()
        if active is not self._telling.active:
            return
        problem, now = self._routes.problem, self._clock.wall()
        if problem != active.problem:
            active.problem = problem
            await self._log.send(active.written((), now))
        version, routed = self._routes.version, self._routes.value
        if active is not self._telling.active or version == active.version:
            return
        self._telling.served.follow(routed)
        records = active.change(
            routed.declared, version, addresses=self._telling.served.shown, now=now
        )
        await self._log.send(active.written(records, now))
        self._telling.count_dead(active, records)
        self._telling.note(active)
        self._telling.served.wake()
