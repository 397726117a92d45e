"""The service of alarms: bytes in, bytes out; what they mean is decided by `dqmstream.alarms`.

One process works, whoever else is started stands by: the work is that of the member of the group
which has the partition of `dqm.commands`. Where it goes on reading is in its own checkpoint on
`dqm.alarm-state`, not in the group's commits: states and positions belong together.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from dqmstream.alarms.board import AlarmBoard
from dqmstream.alarms.register import From
from dqmstream.alarms.rules import AlarmRules
from dqmstream.clock import Clock
from dqmstream.errors import LogError, MessageError, OffsetExpiredError
from dqmstream.messages.alarms import AlarmState, AlarmTransition
from dqmstream.messages.booking import Activation
from dqmstream.messages.topics import (
    ALARM_STATE,
    ALARMS,
    BOOKINGS,
    COMMANDS,
    CONDITIONS,
    HEARTBEATS,
    QUALITY,
)
from dqmstream.messages.wire import CODEC
from dqmstream.quality.alarm_policy import AlarmPolicy
from dqmstream.quality.algorithm import Algorithm
from dqmstream.quality.declaration import QualityTest
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.transport.by_time import offset_since
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import GroupReader, Log, Outgoing, Reader, Record, TopicPartition
from dqmstream.transport.outgoing import outgoing
from services.alarms.kept import checkpoint_key, read_kept
from services.alarms.progress import AlarmsProgress
from services.configuration.tests_in_force import TestsInForce

__all__ = ["AlarmsSettings", "run_alarms"]

_INPUTS: Final = (QUALITY, CONDITIONS, HEARTBEATS, BOOKINGS)
_SECOND: Final = 10**9
_LOOK_BACK: Final = 3600 * _SECOND
"""How far back a service that never ran before begins to read."""
_READ_RECORDS: Final = 256
_READ_BYTES: Final = 16 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmsSettings:
    """Settings of a service of alarms; times in seconds.

    Parameters
    ----------
    group
        Consumer group whose one working member it is.
    patience
        How long it waits for records before it looks at the clock.
    checkpoint_interval
        Between two checkpoints: what a restart reads again.
    look_interval
        Between two looks at how far readers are behind.
    """

    group: str = "alarms"
    patience: float = 0.2
    checkpoint_interval: float = 2.0
    look_interval: float = 5.0


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
        As `AlarmBoard` takes them.
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
    async with TestsInForce(log, tests, algorithms, "alarms").reading() as in_force:
        service = _Alarms(
            log,
            rules,
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


class _Work:
    """What the working member holds: the board, and where it reads."""

    def __init__(self, board: AlarmBoard, step: int, told: int) -> None:
        self.board = board
        self.step = step
        self.told = told
        self.positions: dict[TopicPartition, int] = {}
        self.ends: dict[TopicPartition, int] = {}
        """Where partitions ended when it took over: until they are read, time stands still."""
        self.settled = False

    def named_positions(self) -> dict[str, int]:
        """Positions by the names that messages have of partitions."""
        return {f"{topic}/{n}": at for (topic, n), at in self.positions.items()}


class _Alarms:
    """Moves records through the board of the working member."""

    def __init__(
        self,
        log: Log,
        rules: AlarmRules,
        in_force: TestsInForce,
        *,
        clock: Clock,
        settings: AlarmsSettings,
        progress: AlarmsProgress,
    ) -> None:
        self._log = log
        self._rules = rules
        self._in_force = in_force
        self._clock = clock
        self._settings = settings
        self._progress = progress
        self._work: _Work | None = None
        self._next_checkpoint = 0.0
        self._next_look = 0.0
        self._logger = structlog.get_logger().bind(service="alarms")

    # --------------------------------------------------------------- rebalance

    async def assigned(self, commands: GroupReader, _: frozenset[TopicPartition]) -> None:
        """Take over from whoever worked before."""
        kept = await read_kept(self._log, self._settings.group)
        board = AlarmBoard(
            self._rules,
            _policies(self._in_force.tests),
            states=kept.states,
            before=kept.checkpoint,
        )
        work = _Work(board, kept.step, (await self._log.bounds(ALARMS, 0)).end)
        await self._show_sets(board)
        known = kept.checkpoint.positions if kept.checkpoint is not None else {}
        now = self._clock.wall()
        for topic in (*_INPUTS, COMMANDS):
            for partition in range(self._log.partitions(topic)):
                start, end = await self._log.bounds(topic, partition)
                at = known.get(f"{topic}/{partition}")
                if at is None and topic in {CONDITIONS, BOOKINGS}:
                    at = start
                elif at is None:
                    at = await offset_since(self._log, topic, partition, now - _LOOK_BACK)
                work.positions[topic, partition] = max(at, start)
                work.ends[topic, partition] = end
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

    async def _show_sets(self, board: AlarmBoard) -> None:
        for record in (await latest_by_key(self._log, BOOKINGS)).values():
            try:
                message = CODEC.decode(record.headers, record.value)
            except MessageError:
                continue
            if isinstance(message, Activation):
                board.take(message, From(record.timestamp))

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
        self, work: _Work, inputs: Reader, commands: GroupReader, records: Sequence[Record]
    ) -> None:
        for place in work.positions:
            reader = commands if place[0] == COMMANDS else inputs
            work.positions[place] = reader.position(*place)
        caught_up = all(
            work.positions[place] >= end for place, end in work.ends.items() if place[0] != COMMANDS
        )
        if caught_up and not work.settled:
            commands.resume(COMMANDS, 0)
        await self._look(work)
        now = self._clock.wall()
        if work.settled and await self._in_force.news():
            work.board.register.follow(_policies(self._in_force.tests), now)
        kept, made = await asyncio.to_thread(
            self._reduce, work, records, now if caught_up else None
        )
        if kept:
            await self._log.send([_state(one) for one in kept])
        if made:
            await self._tell(work, made)
        await self._keep_place(work, now)
        self._note(work, records, made)

    def _reduce(
        self, work: _Work, records: Sequence[Record], now: int | None
    ) -> tuple[list[AlarmState], list[AlarmTransition]]:
        """Changed states and their transitions; `now` is None while the past is read."""
        board = work.board
        for record in records:
            try:
                message = CODEC.decode(record.headers, record.value)
            except MessageError as error:
                # Whoever the topic is for has put it on the dead topic.
                self._progress.refused[error.reason] += 1
                continue
            place = f"{record.topic}/{record.partition}"
            board.take(message, From(record.timestamp, place, record.offset))
        if now is not None:
            if not work.settled:
                board.register.retire(now)
                work.settled = True
            board.settle(now)
        kept = board.register.kept(step=work.step + 1, positions=work.named_positions())
        work.step += bool(kept)
        made = [each for one in kept for each in one.made]
        made.sort(key=lambda one: (one.when, one.alarm, one.number))
        return kept, made

    async def _tell(self, work: _Work, made: Sequence[AlarmTransition]) -> None:
        offsets = await self._log.send(
            [outgoing(ALARMS, 0, one, one.alarm.encode()) for one in made]
        )
        work.told = max(work.told, *(offset + 1 for offset in offsets))

    async def _keep_place(self, work: _Work, now: int) -> None:
        if self._clock.monotonic() < self._next_checkpoint:
            return
        self._next_checkpoint = self._clock.monotonic() + self._settings.checkpoint_interval
        checkpoint = work.board.checkpoint(
            group=self._settings.group,
            log=self._log.identity,
            step=work.step,
            positions=work.named_positions(),
            told=work.told,
            now=now,
        )
        key = checkpoint_key(self._settings.group)
        await self._log.send([outgoing(ALARM_STATE, 0, checkpoint, key)])

    async def _look(self, work: _Work) -> None:
        """Where partitions end that processes say they read."""
        if not work.settled or self._clock.monotonic() < self._next_look:
            return
        self._next_look = self._clock.monotonic() + self._settings.look_interval
        ends = {}
        for place in work.board.watch.places():
            topic, _, partition = place.rpartition("/")
            try:
                ends[place] = (await self._log.bounds(topic, int(partition))).end
            except (LogError, ValueError):
                continue  # a topic of somebody else
        work.board.watch.ends(ends, self._clock.wall())

    def _note(
        self, work: _Work, records: Sequence[Record], made: Sequence[AlarmTransition]
    ) -> None:
        progress, board = self._progress, work.board
        progress.records += len(records)
        progress.turns += 1
        progress.steps = work.step
        progress.transitions.update(one.event for one in made)
        progress.states = Counter(one.state for one in board.states.values())
        progress.positions = dict(work.positions)
        progress.run = board.watch.run
        for refusal in board.refusals:
            progress.disobeyed += 1
            self._logger.warning(
                "command not followed",
                alarm=refusal.command.subject,
                problem=refusal.command.action,
                client=refusal.command.who,
                reason=refusal.why,
            )
        board.refusals.clear()


def _policies(tests: Sequence[QualityTest]) -> Mapping[str, AlarmPolicy]:
    return {test.name: test.alarm for test in tests}


def _state(state: AlarmState) -> Outgoing:
    return outgoing(ALARM_STATE, 0, state, state.alarm.encode())
