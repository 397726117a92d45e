"""What alarms go by: the rules in force, and the policies of the quality tests in force."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from dqmstream.alarms.rules import AlarmRules, read_rules
from dqmstream.configuration.history import ALARM_RULES
from dqmstream.quality.alarm_policy import AlarmPolicy
from dqmstream.quality.algorithm import Algorithm
from dqmstream.quality.declaration import QualityTest
from dqmstream.transport.log import Log
from services.configuration.in_force import ConfigurationInForce
from services.configuration.tests_in_force import TestsInForce

__all__ = ["AlarmsInForce"]


class AlarmsInForce:
    """Rules and policies: those activated last, else those it was started with.

    Parameters
    ----------
    log
        Where versions are published.
    rules, tests
        In force as long as none were activated.
    algorithms
        Those that quality tests can use.
    """

    def __init__(
        self,
        log: Log,
        rules: AlarmRules,
        tests: Sequence[QualityTest],
        algorithms: Mapping[str, Algorithm[Any]],
    ) -> None:
        self._rules = ConfigurationInForce(log, ALARM_RULES, rules, read_rules, "alarms")
        self._tests = TestsInForce(log, tests, algorithms, "alarms")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """What is in force now is known; `news` has what comes after."""
        async with self._rules.reading(), self._tests.reading():
            yield self

    async def news(self) -> bool:
        """Take in what has come, without waiting; whether anything else is in force now."""
        rules, tests = await self._rules.news(), await self._tests.news()
        return rules or tests

    @property
    def rules(self) -> AlarmRules:
        """What holds for all alarms."""
        return self._rules.value

    @property
    def number(self) -> int:
        """Of the version by which the rules are in force; 0 if there is none."""
        return self._rules.number

    @property
    def said(self) -> str:
        """Which rules are in force, in words."""
        return self._rules.said

    @property
    def policies(self) -> Mapping[str, AlarmPolicy]:
        """Of all quality tests, by name."""
        return {test.name: test.alarm for test in self._tests.tests}
