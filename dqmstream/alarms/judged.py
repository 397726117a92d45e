"""What the last lumisections say: m of n to raise an alarm, some good ones in a row to end it."""

from collections.abc import Sequence
from typing import NamedTuple

from dqmstream.messages.alarms import AlarmLevel, JudgedLumisection
from dqmstream.quality.alarm_policy import AlarmPolicy

__all__ = ["Evidence", "weigh"]


class Evidence(NamedTuple):
    """The LSs an alarm remembers, what they amount to, and whether some say otherwise."""

    judged: tuple[JudgedLumisection, ...]
    level: AlarmLevel
    leaning: bool
    """Some bad LSs but too few to raise it, or some good ones but too few to end it."""


def weigh(
    judged: Sequence[JudgedLumisection],
    verdict: JudgedLumisection,
    *,
    before: AlarmLevel,
    policy: AlarmPolicy,
) -> Evidence:
    """Take one more verdict on an LS into account.

    A verdict on an LS that is remembered replaces the one before; one on an earlier LS than those
    remembered is not used. Nothing is remembered while all is good, so that an alarm at rest takes
    good verdicts without change.

    Parameters
    ----------
    judged
        What is remembered, the oldest first; at most max(`policy.of`, `policy.good`) LSs.
    before
        What they amounted to.
    """
    known = _with(judged, verdict)
    if known is None:
        return Evidence(tuple(judged), before, _leaning(judged, before, policy))
    known = known[-max(policy.of, policy.good) :]
    level = _level(known, before, policy)
    recent = [_counted(one, policy) for one in known[-policy.of :]]
    if level == "OK" and (before != "OK" or all(one == "OK" for one in recent)):
        # What ended an alarm must not raise it again: the past is behind it.
        return Evidence((), "OK", leaning=False)
    return Evidence(known, level, _leaning(known, level, policy))


def _with(
    judged: Sequence[JudgedLumisection], verdict: JudgedLumisection
) -> tuple[JudgedLumisection, ...] | None:
    """With the verdict in its place; None if it has none."""
    place = verdict.run, verdict.lumisection
    for position, one in enumerate(judged):
        if (one.run, one.lumisection) == place:
            return (*judged[:position], verdict, *judged[position + 1 :])
    if judged and judged[-1].run == verdict.run and judged[-1].lumisection > verdict.lumisection:
        return None
    return (*judged, verdict)


def _level(
    judged: Sequence[JudgedLumisection], before: AlarmLevel, policy: AlarmPolicy
) -> AlarmLevel:
    if before != "OK" and _trailing_good(judged, policy) >= policy.good:
        return "OK"
    recent = [_counted(one, policy) for one in judged[-policy.of :]]
    if recent.count("BAD") >= policy.bad:
        return "BAD"
    if len(recent) - recent.count("OK") >= policy.bad:
        return "WARNING"
    return before


def _counted(one: JudgedLumisection, policy: AlarmPolicy) -> AlarmLevel:
    """What an LS counts as."""
    return "OK" if one.level == "WARNING" and policy.on == "BAD" else one.level


def _trailing_good(judged: Sequence[JudgedLumisection], policy: AlarmPolicy) -> int:
    count = 0
    for one in reversed(judged):
        if _counted(one, policy) != "OK":
            break
        count += 1
    return count


def _leaning(judged: Sequence[JudgedLumisection], level: AlarmLevel, policy: AlarmPolicy) -> bool:
    if level == "OK":
        return any(_counted(one, policy) != "OK" for one in judged[-policy.of :])
    return _trailing_good(judged, policy) > 0
