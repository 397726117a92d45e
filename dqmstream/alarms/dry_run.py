"""What other rules would make of alarms: of those that stand, and of what was in the log lately.

Nothing is changed by it. What stands is moved by the same board that the service of alarms has,
from the state it kept; what was in the log is told to two boards side by side, from alarms at rest.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from dqmstream.alarms.board import AlarmBoard
from dqmstream.alarms.displayed import HIDDEN, shown_severity
from dqmstream.alarms.register import From
from dqmstream.alarms.rules import AlarmRules
from dqmstream.messages.alarms import AlarmCheckpoint, AlarmState, AlarmTransition, Displayed
from dqmstream.messages.struct import Message
from dqmstream.quality.alarm_policy import AlarmPolicy

__all__ = ["Moved", "Replay", "moved"]

_CALLS: Final = frozenset({"raised", "worsened", "escalated"})
"""Events by which somebody is called, if the alarm is not hidden."""
_SECOND: Final = 10**9
_SAID: Final = "the rules that are tried"


class Moved(NamedTuple):
    """An alarm that would stand otherwise; severities are as shown, `why` is of the last step."""

    alarm: str
    before: Displayed
    after: Displayed
    severity_before: str
    severity_after: str
    why: str


def moved(
    before: AlarmRules,
    after: AlarmRules,
    policies: Mapping[str, AlarmPolicy],
    states: Iterable[AlarmState],
    checkpoint: AlarmCheckpoint,
) -> list[Moved]:
    """Alarms that would stand otherwise if rules were changed now, by name.

    Parameters
    ----------
    before, after
        The rules in force, and those that are tried.
    policies
        Of the quality tests in force, by name.
    states, checkpoint
        As the service of alarms has kept them. Now is when it has.
    """
    board = AlarmBoard(before, policies, states=states, before=checkpoint)
    board.settle(checkpoint.when)
    board.register.kept(step=1, positions={})
    stood = dict(board.states)
    board.follow(after, policies, checkpoint.when, _SAID)
    board.register.kept(step=2, positions={})
    found = []
    for name, state in sorted(board.states.items()):
        was = stood.get(name)
        stand = "normal" if was is None else was.state
        severity = "" if was is None else shown_severity(was)
        if (stand, severity) != (state.state, shown_severity(state)):
            why = state.made[-1].why if state.made else ""
            found.append(Moved(name, stand, state.state, severity, shown_severity(state), why))
    return found


class Replay:
    """Two boards that are told the same, one by the rules in force, one by those that are tried.

    Time passes between records as they were logged. How far readers are behind is not in the log:
    alarms of lag do not occur.

    Parameters
    ----------
    before, after
        The rules in force, and those that are tried.
    policies
        Of the quality tests in force, by name.
    begins
        When the time begins that is looked at, nanoseconds since 1970: what was logged earlier
        says only which run goes on and which sets are shown.
    """

    def __init__(
        self,
        before: AlarmRules,
        after: AlarmRules,
        policies: Mapping[str, AlarmPolicy],
        begins: int,
    ) -> None:
        self._boards = tuple(AlarmBoard(rules, policies) for rules in (before, after))
        self._steps: tuple[list[AlarmTransition], ...] = ([], [])
        self._begins = self._now = begins

    def take(self, message: Message, when: int) -> None:
        """A record, in the order of time."""
        self.pass_time(when)
        for board in self._boards:
            board.take(message, From(max(when, self._begins)))

    def pass_time(self, until: int) -> None:
        """Look at the clock each second until then."""
        while self._now + _SECOND <= until:
            self._now += _SECOND
            for board, steps in zip(self._boards, self._steps, strict=True):
                board.settle(self._now)
                board.refusals.clear()
                for state in board.register.kept(step=1, positions={}):
                    steps.extend(state.made)

    @property
    def steps(self) -> tuple[list[AlarmTransition], list[AlarmTransition]]:
        """The steps of all alarms by either rules, in the order of time."""
        before, after = (sorted(each, key=lambda one: one.when) for each in self._steps)
        return before, after

    def calls(self) -> tuple[int, int]:
        """Steps by which somebody is called."""
        before, after = (sum(map(_calls, each)) for each in self._steps)
        return before, after

    def differences(self) -> dict[str, tuple[Counter[str], Counter[str]]]:
        """By alarm: events that there were, and would not be; and the other way round."""
        before, after = (Counter((one.alarm, _event(one)) for one in each) for each in self._steps)
        found: dict[str, tuple[Counter[str], Counter[str]]] = {}
        for side, counts in enumerate((before - after, after - before)):
            for (alarm, event), count in counts.items():
                found.setdefault(alarm, (Counter(), Counter()))[side][event] += count
        return dict(sorted(found.items()))


def _calls(step: AlarmTransition) -> bool:
    return step.event in _CALLS and step.after not in HIDDEN


def _event(step: AlarmTransition) -> str:
    """What happened; that it happened unseen is another thing."""
    return f"{step.event} while {step.after}" if step.after in HIDDEN - {step.event} else step.event
