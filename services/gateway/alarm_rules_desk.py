"""The desk of alarm rules: versions of them, and what others would make of alarms."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from dqmstream.alarms.dry_run import Moved, Replay, moved
from dqmstream.alarms.rules import AlarmRules, default_rules, read_rules
from dqmstream.clock import Clock
from dqmstream.configuration.history import ALARM_RULES
from dqmstream.errors import MessageError
from dqmstream.messages.booking import Activation
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.topics import BOOKINGS, COMMANDS, CONDITIONS, HEARTBEATS, QUALITY
from dqmstream.messages.wire import CODEC
from dqmstream.quality.alarm_policy import AlarmPolicy
from dqmstream.transport.by_time import offset_since
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log, Record
from services.gateway.alarm_desk import AlarmDesk
from services.gateway.patience import log_within
from services.gateway.problems import ProblemError
from services.gateway.version_desk import VersionDesk

__all__ = ["AlarmRulesDesk", "RulesTried"]

_PATIENCE: Final = 30.0
_MINUTE: Final = 60 * 10**9
_MOST_BYTES: Final = 64 << 20
"""Of records that are told again; a thousand LSs of a hundred reports are a tenth of it."""

Policies = Callable[[], Awaitable[Mapping[str, AlarmPolicy]]]


class RulesTried(NamedTuple):
    """What other rules would change: alarms that stand, and steps of the last minutes.

    `standing` is None if no service of alarms ever kept any; `records` were told again.
    """

    standing: Sequence[Moved] | None
    replay: Replay
    records: int


class AlarmRulesDesk(VersionDesk[AlarmRules]):
    """Versions of alarm rules.

    Parameters
    ----------
    alarms
        As they stand.
    policies
        Of the quality tests in force, by name.
    started_with
        Rules that the service of alarms is started with; by default the shipped ones.
    """

    def __init__(
        self,
        log: Log,
        clock: Clock,
        alarms: AlarmDesk,
        policies: Policies,
        started_with: AlarmRules | None = None,
    ) -> None:
        super().__init__(log, ALARM_RULES, read_rules, clock)
        self._alarms = alarms
        self._policies = policies
        self._started_with = started_with
        self._trying = asyncio.Lock()

    async def followed(self) -> int | None:
        """The version that the service of alarms goes by; None if there never was one."""
        checkpoint = await self._alarms.checkpoint()
        return None if checkpoint is None else checkpoint.rules

    async def dry_run(self, text: str, minutes: int) -> RulesTried:
        """What a text would change.

        Raises
        ------
        ProblemError
            422 if the text cannot be read, or too much was logged; 503 if another is tried, or
            without a log.
        """
        after = await self.check(text)
        if self._trying.locked():
            detail = "other rules are being tried: ask again"
            raise ProblemError(503, detail, {"retry-after": "2"})
        async with self._trying:
            before = await self.in_force(await asyncio.to_thread(self._rules_at_start))
            policies, states = await self._policies(), await self._alarms.states()
            checkpoint = await self._alarms.checkpoint()
            begins = self._clock.wall() - minutes * _MINUTE
            records = await self._logged_since(begins)

            def tried() -> RulesTried:
                records.sort(key=lambda one: one.timestamp)
                standing = None
                if checkpoint is not None:
                    standing = moved(before, after, policies, states, checkpoint)
                replay = Replay(before, after, policies, begins)
                told = _tell(replay, records)
                return RulesTried(standing, replay, told)

            return await asyncio.to_thread(tried)

    def _rules_at_start(self) -> AlarmRules:
        return default_rules() if self._started_with is None else self._started_with

    async def _logged_since(self, begins: int) -> list[Record]:
        """What was logged since then, and which run goes on, topic by topic."""
        found: list[Record] = []
        size = 0
        async with log_within(_PATIENCE):
            for topic in (BOOKINGS, CONDITIONS, QUALITY, HEARTBEATS, COMMANDS):
                is_of_runs = topic in {BOOKINGS, CONDITIONS}
                places: dict[int, int] = {}
                for partition in range(self._log.partitions(topic)):
                    bounds = await self._log.bounds(topic, partition)
                    places[partition] = bounds.start
                    if not is_of_runs:
                        at = await offset_since(self._log, topic, partition, begins)
                        places[partition] = max(at, bounds.start)
                async for record in read_to_end(self._log, topic, places):
                    if not (_tells_of_runs(record) if is_of_runs else record.timestamp >= begins):
                        continue
                    size += len(record.value or b"")
                    if size > _MOST_BYTES:
                        detail = (
                            f"more than {_MOST_BYTES >> 20} MiB were logged since then: ask for "
                            "fewer minutes"
                        )
                        raise ProblemError(422, detail)
                    found.append(record)
        return found


def _tells_of_runs(record: Record) -> bool:
    try:
        return CODEC.type_of(record.headers) in {Activation, RunStart, RunEnd}
    except MessageError:
        return False


def _tell(replay: Replay, records: Iterable[Record]) -> int:
    told, last = 0, 0
    for record in records:
        try:
            message: Any = CODEC.decode(record.headers, record.value)
        except MessageError:
            continue
        replay.take(message, record.timestamp)
        told, last = told + 1, record.timestamp
    replay.pass_time(last + 10**9)
    return told
