"""What the working member holds: the board of alarms, and where it reads."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Self

import structlog

from dqmstream.alarms.board import AlarmBoard
from dqmstream.alarms.register import From
from dqmstream.errors import LogError, MessageError
from dqmstream.messages.alarms import AlarmCheckpoint, AlarmState, AlarmTransition
from dqmstream.messages.booking import Activation
from dqmstream.messages.topics import ALARMS, BOOKINGS, COMMANDS, CONDITIONS, HEARTBEATS, QUALITY
from dqmstream.messages.wire import CODEC
from dqmstream.transport.by_time import offset_since
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log, Record, TopicPartition
from services.alarms.in_force import AlarmsInForce
from services.alarms.kept import Kept
from services.alarms.progress import AlarmsProgress

__all__ = ["Work"]

_INPUTS: Final = (QUALITY, CONDITIONS, HEARTBEATS, BOOKINGS)
_SECOND: Final = 10**9
_LOOK_BACK: Final = 3600 * _SECOND
"""How far back a service that never ran before begins to read."""


class Work:
    """The board of the working member, its positions, and how many steps were kept.

    Parameters
    ----------
    in_force
        What alarms go by.
    kept
        What was kept before.
    told
        Offset of `dqm.alarms` behind all that was told.
    """

    def __init__(self, in_force: AlarmsInForce, kept: Kept, told: int) -> None:
        self.board = AlarmBoard(
            in_force.rules, in_force.policies, states=kept.states, before=kept.checkpoint
        )
        self.in_force = in_force
        self.step = kept.step
        self.told = told
        self.positions: dict[TopicPartition, int] = {}
        self.ends: dict[TopicPartition, int] = {}
        """Where partitions ended when it took over: until they are read, time stands still."""
        self.settled = False
        self._rules_before = 0 if kept.checkpoint is None else kept.checkpoint.rules

    @classmethod
    async def take_over(cls, log: Log, in_force: AlarmsInForce, kept: Kept, now: int) -> Self:
        """Go on from what was kept, at `now` (nanoseconds since 1970)."""
        work = cls(in_force, kept, (await log.bounds(ALARMS, 0)).end)
        await work._show_sets(log)
        known = kept.checkpoint.positions if kept.checkpoint is not None else {}
        for topic in (*_INPUTS, COMMANDS):
            for partition in range(log.partitions(topic)):
                start, end = await log.bounds(topic, partition)
                at = known.get(f"{topic}/{partition}")
                if at is None and topic in {CONDITIONS, BOOKINGS}:
                    at = start
                elif at is None:
                    at = await offset_since(log, topic, partition, now - _LOOK_BACK)
                work.positions[topic, partition] = max(at, start)
                work.ends[topic, partition] = end
        return work

    @property
    def caught_up(self) -> bool:
        """Whether all is read that was there when it took over, but what people said."""
        return all(
            self.positions[place] >= end for place, end in self.ends.items() if place[0] != COMMANDS
        )

    def reduce(
        self, records: Sequence[Record], now: int, *, changed: bool, refused: Counter[str]
    ) -> tuple[list[AlarmState], list[AlarmTransition]]:
        """Changed states and their transitions.

        Parameters
        ----------
        changed
            Whether other rules or policies are in force since the last time, once it is settled.
        refused
            Counts records that could not be used, by reason.
        """
        board = self.board
        for record in records:
            try:
                message = CODEC.decode(record.headers, record.value)
            except MessageError as error:
                # Whoever the topic is for has put it on the dead topic.
                refused[error.reason] += 1
                continue
            place = f"{record.topic}/{record.partition}"
            board.take(message, From(record.timestamp, place, record.offset))
        if changed:
            board.follow(self.in_force.rules, self.in_force.policies, now, self.in_force.said)
        elif self.caught_up:
            self._settle(now)
        kept = board.register.kept(step=self.step + 1, positions=self._named_positions())
        self.step += bool(kept)
        made = [each for one in kept for each in one.made]
        made.sort(key=lambda one: (one.when, one.alarm, one.number))
        return kept, made

    def _settle(self, now: int) -> None:
        if self.settled:
            self.board.settle(now)
            return
        others = self._rules_before != self.in_force.number
        self.board.begin(now, self.in_force.said if others else "")
        self.settled = True

    def checkpoint(self, group: str, log: str, now: int) -> AlarmCheckpoint:
        """What is known besides alarms."""
        return self.board.checkpoint(
            group=group,
            log=log,
            step=self.step,
            positions=self._named_positions(),
            told=self.told,
            now=now,
            rules=self.in_force.number,
        )

    async def look(self, log: Log, now: int) -> dict[TopicPartition, int]:
        """Note where partitions end that processes say they read; how far this one is behind."""
        ends = {}
        for place in self.board.watch.places():
            topic, _, partition = place.rpartition("/")
            try:
                ends[place] = (await log.bounds(topic, int(partition))).end
            except (LogError, ValueError):
                continue  # a topic of somebody else
        self.board.watch.ends(ends, now)
        lag: dict[TopicPartition, int] = {}
        for partition_of, position in self.positions.items():
            lag[partition_of] = max(0, (await log.bounds(*partition_of)).end - position)
        return lag

    def note(
        self, progress: AlarmsProgress, records: Sequence[Record], made: Sequence[AlarmTransition]
    ) -> None:
        """Count what was done, and say which commands were not followed."""
        board = self.board
        progress.records += len(records)
        progress.turns += 1
        progress.steps = self.step
        progress.transitions.update(one.event for one in made)
        progress.states = Counter(one.state for one in board.states.values())
        progress.positions = dict(self.positions)
        progress.run = board.watch.run
        progress.rules = self.in_force.number
        progress.flood = int(board.register.in_flood)
        logger = structlog.get_logger().bind(service="alarms")
        for refusal in board.refusals:
            progress.disobeyed += 1
            logger.warning(
                "command not followed",
                alarm=refusal.command.subject,
                problem=refusal.command.action,
                client=refusal.command.who,
                reason=refusal.why,
            )
        board.refusals.clear()

    async def _show_sets(self, log: Log) -> None:
        for record in (await latest_by_key(log, BOOKINGS)).values():
            try:
                message = CODEC.decode(record.headers, record.value)
            except MessageError:
                continue
            if isinstance(message, Activation):
                self.board.take(message, From(record.timestamp))

    def _named_positions(self) -> dict[str, int]:
        """Positions by the names that messages have of partitions."""
        return {f"{topic}/{n}": at for (topic, n), at in self.positions.items()}
