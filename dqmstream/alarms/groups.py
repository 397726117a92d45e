"""What a list of alarms collapses to: one line for each workspace and LS."""

from collections.abc import Iterable
from dataclasses import dataclass

from dqmstream.alarms.displayed import HIDDEN, RANK, SEVERITIES, shown_severity, unacknowledged
from dqmstream.messages.alarms import AlarmLevel, AlarmSeverity, AlarmState

__all__ = ["AlarmGroup", "grouped"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmGroup:
    """Alarms of one workspace that were last told apart at the same LS."""

    workspace: str
    run: int
    lumisection: int
    alarms: tuple[str, ...]
    """The most urgent first."""
    unacknowledged: int
    level: AlarmLevel
    severity: AlarmSeverity


def grouped(states: Iterable[AlarmState]) -> list[AlarmGroup]:
    """Groups of the alarms in sight that are not normal, the most urgent first."""
    found: dict[tuple[str, int, int], list[AlarmState]] = {}
    for state in states:
        if state.life == "normal" or state.state in HIDDEN:
            continue
        found.setdefault((state.workspace, state.run, state.lumisection), []).append(state)
    groups = [_group(place, members) for place, members in found.items()]
    return sorted(
        groups,
        key=lambda one: (
            -SEVERITIES.index(one.severity),
            -RANK[one.level],
            -one.unacknowledged,
            -one.run,
            -one.lumisection,
            one.workspace,
        ),
    )


def _group(place: tuple[str, int, int], members: list[AlarmState]) -> AlarmGroup:
    urgent = sorted(
        members,
        key=lambda one: (
            not unacknowledged(one),
            -SEVERITIES.index(shown_severity(one)),
            -RANK[one.level],
            one.alarm,
        ),
    )
    workspace, run, lumisection = place
    return AlarmGroup(
        workspace=workspace,
        run=run,
        lumisection=lumisection,
        alarms=tuple(one.alarm for one in urgent),
        unacknowledged=sum(map(unacknowledged, members)),
        level=max((one.level for one in members), key=RANK.__getitem__),
        severity=max((shown_severity(one) for one in members), key=SEVERITIES.index),
    )
