"""What a shifter sees of an alarm: of all that holds, what has the highest precedence."""

from typing import Final, get_args

from dqmstream.messages.alarms import AlarmLevel, AlarmSeverity, AlarmState, Displayed

__all__ = [
    "HIDDEN",
    "PRECEDENCE",
    "RANK",
    "SEVERITIES",
    "displayed",
    "flags",
    "shown_severity",
    "unacknowledged",
]

PRECEDENCE: Final[tuple[Displayed, ...]] = (
    "normal",
    "acknowledged",
    "raised",
    "returning",
    "raising",
    "returned",
    "shelved",
    "masked",
    "suppressed",
    "out_of_service",
)
"""From low to high, after JAWS (activation, off-delay, latch, shelve, mask, filter, disable). There
an on-delay hides a latched alarm; here what nobody has acknowledged stays in sight."""

HIDDEN: Final[frozenset[Displayed]] = frozenset(PRECEDENCE[-4:])
"""States in which nobody is called."""

RANK: Final[dict[AlarmLevel, int]] = {"OK": 0, "WARNING": 1, "BAD": 2}

SEVERITIES: Final[tuple[AlarmSeverity, ...]] = get_args(AlarmSeverity)
"""From low to high."""


def displayed(state: AlarmState, *, leaning: bool = False) -> Displayed:
    """What is shown of an alarm.

    Parameters
    ----------
    leaning
        Whether LSs speak for a change, but not yet enough of them.
    """
    if state.out_of_service:
        return "out_of_service"
    if state.suppressed:
        return "suppressed"
    if state.masked_by:
        return "masked"
    if state.shelf is not None:
        return "shelved"
    if state.life == "returned":
        return "returned"
    if state.life == "normal":
        return "raising" if leaning or state.pending is not None else "normal"
    if leaning or state.clearing is not None:
        return "returning"
    return state.life


def shown_severity(state: AlarmState) -> AlarmSeverity:
    """The declared severity, raised by each escalation."""
    place = SEVERITIES.index(state.severity) + state.escalations
    return SEVERITIES[min(place, len(SEVERITIES) - 1)]


def unacknowledged(state: AlarmState) -> bool:
    """Whether somebody should acknowledge it."""
    return state.life in {"raised", "returned"} and state.state not in HIDDEN


def flags(state: AlarmState, *, latch: bool) -> tuple[str, ...]:
    """What holds beside the state, in order of the alphabet."""
    held = {
        "escalated": state.escalations > 0,
        "flood": state.flood,
        "latched": latch and state.life != "normal",
        "stale": state.stale,
    }
    return tuple(name for name, holds in held.items() if holds)
