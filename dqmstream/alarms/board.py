"""The board of alarms: messages in, changed states and steps out.

Holds no clock and no log: the same messages at the same times give the same steps. Each alarm skips
what it has taken before (`AlarmState.through`), so that after a restart the log may be read again
from any earlier position.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from dqmstream.alarms.commanding import Refusal, input_of, subjects_of
from dqmstream.alarms.displayed import HIDDEN
from dqmstream.alarms.flood import FLOOD, flooded, new_alarms
from dqmstream.alarms.inputs import Condition, Tick
from dqmstream.alarms.processes import Watch
from dqmstream.alarms.register import AlarmRegister, From
from dqmstream.alarms.rules import AlarmRules
from dqmstream.alarms.subjects import (
    alarm_kind,
    condition_alarm,
    process_alarm,
    reports_alarm,
)
from dqmstream.alarms.verdicts import Verdicts
from dqmstream.messages.alarms import AlarmCheckpoint, AlarmCondition, AlarmKind, AlarmState
from dqmstream.messages.booking import Activation
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.operations import Command, Heartbeat
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.struct import Message
from dqmstream.quality.alarm_policy import AlarmPolicy

__all__ = ["AlarmBoard"]

_SECOND: Final = 10**9
_OVER: Final = "it is over"
_WATCHED: Final[frozenset[AlarmKind]] = frozenset({"process", "lag", "source", "stream", "reports"})


class AlarmBoard:
    """The alarms of a system.

    Parameters
    ----------
    rules
        What holds for all of them.
    policies
        Name of a quality test to its policy; another test's alarms go by the default policy.
    states, before
        What was kept of the board before.
    """

    def __init__(
        self,
        rules: AlarmRules,
        policies: Mapping[str, AlarmPolicy],
        *,
        states: Iterable[AlarmState] = (),
        before: AlarmCheckpoint | None = None,
    ) -> None:
        self._rules = rules
        self.register = AlarmRegister(rules, policies, states)
        self.watch = Watch(rules.process, before)
        self.register.run_type = self.watch.run_type
        self._verdicts = Verdicts(self.register, before.workspaces if before is not None else ())
        self._said: dict[str, int] = {}
        self.refusals: list[Refusal] = []
        """Commands that were not followed, since somebody cleared the list."""

    @property
    def states(self) -> dict[str, AlarmState]:
        """All alarms that ever were, by name."""
        return self.register.states

    def follow(
        self, rules: AlarmRules, policies: Mapping[str, AlarmPolicy], now: int, said: str
    ) -> None:
        """Go by other rules and policies from here on; only once the log was read to its end.

        Alarms stand as they stood, acknowledged ones acknowledged; those of which the rules know
        nothing any more end.

        Parameters
        ----------
        said
            What is in force now, in words: why an alarm ends that its condition would not end.
        """
        # What is over by the rules of before is over by itself.
        self.settle(now)
        self._rules = rules
        self.watch.follow(rules.process)
        self.register.follow(rules, policies, now)
        self.settle(now, gone=f"it is none by the rules in force, {said}")

    def begin(self, now: int, said: str = "") -> None:
        """The log was read to its end for the first time.

        Parameters
        ----------
        said
            As `follow` takes it, if other rules are in force than those it was kept by; else empty.
        """
        self.register.retire(now)
        self.settle(
            now, gone=f"it is over, or none by the rules in force, {said}" if said else _OVER
        )

    # ---------------------------------------------------------------- messages

    def take(self, message: Message, source: From) -> None:
        """One record."""
        match message:
            case QualityReports():
                self._verdicts.take(message, source)
            case Command():
                self._take_command(message, source)
            case Heartbeat():
                self.watch.beat(message, source.when)
            case AlarmCondition():
                self._take_condition(message, source)
            case RunStart():
                self.watch.run_start(message, source.when)
                self.register.run_type = self.watch.run_type
            case RunEnd():
                self.watch.run_end(message)
            case Activation():
                self._verdicts.shown.take(message)
            case _:
                pass  # of no interest to alarms

    def _take_command(self, command: Command, source: From) -> None:
        try:
            told = input_of(command)
        except ValueError as error:
            self.refusals.append(Refusal(command, str(error)))
            return
        if told is None:
            return  # not about alarms
        found = subjects_of(command, self.states)
        refused = [self.register.tell(self.states[alarm], told, source) for alarm in found]
        if all(refused):
            self.refusals.append(Refusal(command, (*refused, "there is no such alarm")[0]))

    def _take_condition(self, message: AlarmCondition, source: From) -> None:
        alarm = condition_alarm(message.subject)
        self._said[alarm] = source.when
        state = self.states.get(alarm)
        if state is None and not message.active:
            return
        if state is None:
            state = self.register.new(alarm, "condition", source.when)
        texts = {"meaning": message.meaning, "action": message.action, "contact": message.contact}
        said = {name: text for name, text in texts.items() if text}
        state = replace(state, severity=message.severity, **said)
        told = Condition("BAD" if message.active else "OK", message.why)
        self.register.tell(state, told, source)

    # -------------------------------------------------------------------- time

    def settle(self, now: int, *, gone: str = _OVER) -> None:
        """Let alarms follow from each other and from time; only once the log was read to its end.

        Before that all that was said meanwhile would look unsaid.

        Parameters
        ----------
        gone
            Why what is watched is no alarm any more, if it is none.
        """
        source = From(now)
        self._follow_watch(source, gone)
        for state in [one for one in self.states.values() if _waits(one)]:
            self.register.tell(state, Tick(), source)
        self._follow_flood(source)
        masks = self.register.masking.settle(self.states.values())
        for state in [one for one in self.states.values() if _at_work(one)]:
            stale = self._is_stale(state, now)
            around = self.register.around(state, masks.get(state.alarm, ""), stale=stale)
            self.register.tell(state, around, source)

    def _follow_watch(self, source: From, why_gone: str) -> None:
        found = self.watch.conditions(source.when) | self._silent_workspaces(source.when)
        # Processes before what they are the cause of, which they mask.
        for alarm in sorted(found, key=lambda one: (not one.startswith("process:"), one)):
            state = self.states.get(alarm)
            if state is None:
                workspace = alarm.partition(":")[2] if alarm.startswith("reports:") else ""
                kind = alarm_kind(alarm) or "condition"
                state = self.register.new(
                    alarm, kind, source.when, workspace=workspace, run=0, lumisection=0
                )
            self.register.tell(state, found[alarm], source)
        gone = [
            one
            for one in self.states.values()
            if one.kind in _WATCHED and one.now != "OK" and one.alarm not in found
        ]
        for state in gone:
            self.register.tell(state, Condition("OK", why_gone), source)

    def _silent_workspaces(self, now: int) -> dict[str, Condition]:
        found: dict[str, Condition] = {}
        limit = self._rules.process.no_reports
        if not self.watch.goes_on or not limit:
            return found
        for workspace, (run, last) in self._verdicts.heads.newest().items():
            age = (now - last) / _SECOND
            if run == self.watch.run and age > limit:
                why = f"no report of {workspace} for {age:.0f} s, and run {run} goes on"
                found[reports_alarm(workspace)] = Condition("BAD", why, run)
        return found

    def _follow_flood(self, source: From) -> None:
        before = self.register.in_flood
        count = new_alarms(self.states.values(), when=source.when, rules=self._rules)
        if flooded(count, before=before, rules=self._rules) == before:
            return
        state = self.states.get(FLOOD)
        if state is None:
            state = self.register.new(FLOOD, "flood", source.when, run=0, lumisection=0)
        why = f"{count} new alarms in {self._rules.flood_seconds / 60:g} minutes"
        self.register.tell(state, Condition("OK" if before else "BAD", why), source)

    def _is_stale(self, state: AlarmState, now: int) -> bool:
        """Whether nothing has been heard for long of what the alarm is of."""
        if state.kind == "condition":
            said, limit = self._said.setdefault(state.alarm, now), self._rules.process.condition
            return state.now != "OK" and 0 < limit * _SECOND < now - said
        if state.kind not in {"quality", "error"} or not self.watch.goes_on:
            return False
        alarms = (reports_alarm(state.workspace), process_alarm("comparator"))
        return any(alarm in self.states and self.states[alarm].now != "OK" for alarm in alarms)

    # ----------------------------------------------------------------- keeping

    def checkpoint(
        self,
        *,
        group: str,
        log: str,
        step: int,
        positions: Mapping[str, int],
        told: int,
        now: int,
        rules: int = 0,
    ) -> AlarmCheckpoint:
        """What is known besides alarms; `rules` is the number of the version they go by."""
        return AlarmCheckpoint(
            group=group,
            log=log,
            step=step,
            positions=dict(positions),
            told=told,
            when=now,
            rules=rules,
            workspaces=self._verdicts.heads.kept(),
            **self.watch.kept(),
        )


def _waits(state: AlarmState) -> bool:
    """Whether time can change it."""
    return (
        state.pending is not None
        or state.clearing is not None
        or state.shelf is not None
        or (state.raised is not None and state.state not in HIDDEN)
    )


def _at_work(state: AlarmState) -> bool:
    """Whether what is around it matters."""
    return (
        state.life != "normal"
        or state.state != "normal"
        or state.stale
        or bool(state.suppressed or state.masked_by)
    )
