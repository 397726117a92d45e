"""The service of alarms: bytes in, bytes out; what they mean is decided by `dqmstream.alarms`.

One process works, whoever else is started stands by: the work is that of the member of the group
which has the partition of `dqm.commands`. Where it goes on reading is in its own checkpoint on
`dqm.alarm-state`, not in the group's commits: states and positions belong together.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog

from dqmstream.alarms.rules import AlarmRules
from dqmstream.clock import Clock
from dqmstream.errors import OffsetExpiredError
from dqmstream.messages.alarms import AlarmState, AlarmTransition
from dqmstream.messages.topics import ALARM_STATE, ALARMS, COMMANDS
from dqmstream.quality.algorithm import Algorithm
from dqmstream.quality.declaration import QualityTest
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.transport.log import GroupReader, Log, Outgoing, Reader, Record, TopicPartition
from dqmstream.transport.outgoing import outgoing
from services.alarms.in_force import AlarmsInForce
from services.alarms.kept import checkpoint_key, read_kept
from services.alarms.progress import AlarmsProgress
from services.alarms.settings import AlarmsSettings
from services.alarms.work import Work

__all__ = ["AlarmsSettings", "run_alarms"]

_READ_RECORDS: Final = 256
_READ_BYTES: Final = 16 << 20


async def run_alarms(
    log: Log,
    rules: AlarmRules,
    tests: Sequence[QualityTest],
    *,
    clock: Clock,
    ready: Callable[[], None],
    member: str = "alarms",
    settings: AlarmsSettings | None = None,
    progress: AlarmsProgress | None = None,
    algorithms: Mapping[str, Algorithm[Any]] = ALGORITHMS,
) -> None:
    """Raise and end alarms, until cancelled.

    Parameters
    ----------
    rules
        What holds for all alarms as long as no others were activated.
    tests
        Quality tests, whose policies alarms go by as long as no others were activated.
    ready
        Called once the group is joined.
    member
        Name of this member, unique in the group.
    progress
        Counts to keep up to date.
    algorithms
        Those that quality tests can use.
    """
    settings = settings or AlarmsSettings()
    async with AlarmsInForce(log, rules, tests, algorithms).reading() as in_force:
        service = _Alarms(
            log,
            in_force,
            clock=clock,
            settings=settings,
            progress=progress or AlarmsProgress(),
        )
        async with log.group(
            settings.group,
            [COMMANDS],
            member=member,
            on_assigned=service.assigned,
            on_revoked=service.revoked,
        ) as commands:
            ready()
            await service.loop(commands)


class _Alarms:
    """Moves records through the board of the working member."""

    def __init__(
        self,
        log: Log,
        in_force: AlarmsInForce,
        *,
        clock: Clock,
        settings: AlarmsSettings,
        progress: AlarmsProgress,
    ) -> None:
        self._log = log
        self._in_force = in_force
        self._clock = clock
        self._settings = settings
        self._progress = progress
        self._work: Work | None = None
        self._next_checkpoint = 0.0
        self._next_look = 0.0
        self._logger = structlog.get_logger().bind(service="alarms")

    # --------------------------------------------------------------- rebalance

    async def assigned(self, commands: GroupReader, _: frozenset[TopicPartition]) -> None:
        """Take over from whoever worked before."""
        kept = await read_kept(self._log, self._settings.group)
        # Who stood by has not followed what was activated meanwhile.
        await self._in_force.news()
        work = await Work.take_over(self._log, self._in_force, kept, self._clock.wall())
        if kept.untold:
            await self._tell(work, kept.untold)
            self._progress.repeated += len(kept.untold)
        commands.seek(COMMANDS, 0, work.positions[COMMANDS, 0])
        # What people said is taken once all is known that was there when they said it.
        commands.pause(COMMANDS, 0)
        self._work = work
        self._progress.leads = 1
        self._logger.info("alarms taken over", count=len(kept.states))

    async def revoked(self, _: GroupReader, __: frozenset[TopicPartition]) -> None:
        """Stand by."""
        self._work = None
        self._progress.leads = 0
        self._progress.lag = {}

    # -------------------------------------------------------------------- loop

    async def loop(self, commands: GroupReader) -> None:
        """Read, reduce, keep, tell; for ever."""
        patience = self._settings.patience
        while True:
            said = await commands.read(max_records=_READ_RECORDS, timeout=patience)
            work = self._work
            if work is None:
                continue
            positions = {place: at for place, at in work.positions.items() if place[0] != COMMANDS}
            async with self._log.reader(positions) as inputs:
                while self._work is work:
                    records = await self._read(inputs)
                    await self._take(work, inputs, commands, [*records, *said])
                    said = await commands.read(max_records=_READ_RECORDS, timeout=patience)

    async def _read(self, inputs: Reader) -> list[Record]:
        try:
            return await inputs.read(
                max_records=_READ_RECORDS, max_bytes=_READ_BYTES, timeout=self._settings.patience
            )
        except OffsetExpiredError as expired:
            self._logger.warning(
                "records expired unread", topic=expired.topic, partition=expired.partition
            )
            inputs.seek(expired.topic, expired.partition, expired.start)
            return []

    async def _take(
        self, work: Work, inputs: Reader, commands: GroupReader, records: Sequence[Record]
    ) -> None:
        for place in work.positions:
            reader = commands if place[0] == COMMANDS else inputs
            work.positions[place] = reader.position(*place)
        if work.caught_up and not work.settled:
            commands.resume(COMMANDS, 0)
        await self._look(work)
        now, changed = self._clock.wall(), work.settled and await self._in_force.news()
        kept, made = await asyncio.to_thread(
            work.reduce, records, now, changed=changed, refused=self._progress.refused
        )
        if kept:
            await self._log.send([_state(one) for one in kept])
        if made:
            await self._tell(work, made)
        await self._keep_place(work, now)
        work.note(self._progress, records, made)

    async def _tell(self, work: Work, made: Sequence[AlarmTransition]) -> None:
        offsets = await self._log.send(
            [outgoing(ALARMS, 0, one, one.alarm.encode()) for one in made]
        )
        work.told = max(work.told, *(offset + 1 for offset in offsets))

    async def _keep_place(self, work: Work, now: int) -> None:
        if self._clock.monotonic() < self._next_checkpoint:
            return
        self._next_checkpoint = self._clock.monotonic() + self._settings.checkpoint_interval
        checkpoint = work.checkpoint(self._settings.group, self._log.identity, now)
        key = checkpoint_key(self._settings.group)
        await self._log.send([outgoing(ALARM_STATE, 0, checkpoint, key)])

    async def _look(self, work: Work) -> None:
        """Where partitions end that processes say they read."""
        if not work.settled or self._clock.monotonic() < self._next_look:
            return
        self._next_look = self._clock.monotonic() + self._settings.look_interval
        self._progress.lag = await work.look(self._log, self._clock.wall())


def _state(state: AlarmState) -> Outgoing:
    return outgoing(ALARM_STATE, 0, state, state.alarm.encode())
