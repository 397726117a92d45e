"""What a step of an alarm says: how the alarm stands after it, and what led to it."""

from typing import Final

from dqmstream.alarms.displayed import shown_severity
from dqmstream.messages.alarms import (
    AlarmEvent,
    AlarmKind,
    AlarmState,
    AlarmTransition,
    Displayed,
)

__all__ = ["step_to"]

_FOR_SHIFTERS: Final[frozenset[AlarmKind]] = frozenset({"quality", "flood"})


def step_to(
    state: AlarmState,
    *,
    event: AlarmEvent,
    before: Displayed,
    who: str,
    why: str,
    when: int,
    cause: str = "",
) -> AlarmTransition:
    """The step by which an alarm came to stand as `state` says.

    Parameters
    ----------
    before
        What was displayed until then.
    who, why, when
        Did it; `when` in nanoseconds since 1970.
    cause
        The record that led to it.
    """
    return AlarmTransition(
        alarm=state.alarm,
        before=before,
        after=state.state,
        who=who,
        why=why,
        when=when,
        run=state.run,
        lumisection=state.lumisection,
        number=state.number,
        event=event,
        kind=state.kind,
        life=state.life,
        level=state.level,
        severity=shown_severity(state),
        workspace=state.workspace,
        path=state.path,
        qtname=state.qtname,
        run_type=state.run_type,
        audience="shifter" if state.kind in _FOR_SHIFTERS else "expert",
        flags=state.flags,
        cause=cause,
        meaning=state.meaning,
        action=state.action,
        contact=state.contact,
    )
