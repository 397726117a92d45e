"""Floods: more alarms than anybody can look at, after ISA-18.2."""

from collections.abc import Iterable
from typing import Final

from dqmstream.alarms.rules import AlarmRules
from dqmstream.messages.alarms import AlarmState

__all__ = ["FLOOD", "flooded", "new_alarms"]

FLOOD: Final = "flood:alarms"
"""The alarm that says that there is a flood."""

_SECOND: Final = 10**9


def new_alarms(states: Iterable[AlarmState], *, when: int, rules: AlarmRules) -> int:
    """How many alarms were raised in the last `flood_seconds`; one raised twice counts twice."""
    oldest = when - round(rules.flood_seconds * _SECOND)
    return sum(
        sum(oldest < one <= when for one in state.raises)
        for state in states
        if state.raises and state.alarm != FLOOD
    )


def flooded(count: int, *, before: bool, rules: AlarmRules) -> bool:
    """Whether there is a flood: it begins above one number and ends below another."""
    return count >= rules.flood_ends if before else count > rules.flood_begins
