"""The alarms there are: each told what concerns it; what has changed is kept apart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace

from dqmstream.alarms.alarm import Reduced, new_alarm, reduce
from dqmstream.alarms.flood import FLOOD
from dqmstream.alarms.inputs import Circumstances, Condition, Input, Verdict
from dqmstream.alarms.masking import Masking
from dqmstream.alarms.rule import AlarmRule
from dqmstream.alarms.rules import AlarmRules
from dqmstream.alarms.texts import text_of
from dqmstream.messages.alarms import AlarmKind, AlarmSeverity, AlarmState, AlarmTransition
from dqmstream.quality.alarm_policy import AlarmPolicy

__all__ = ["AlarmRegister", "From"]

_AT_ONCE: Final = AlarmPolicy(bad=1, of=1, good=1)


@dataclass(frozen=True, slots=True)
class From:
    """Where an input comes from: a record of the log and when that took it; or time, at no place.

    `when` is in nanoseconds since 1970.
    """

    when: int
    place: str = ""
    offset: int = 0

    @property
    def cause(self) -> str:
        """For the transition."""
        return f"{self.place}@{self.offset}" if self.place else ""


class AlarmRegister:
    """All alarms that ever were, by name.

    Parameters
    ----------
    rules
        What holds for all of them.
    policies
        Name of a quality test to its policy; another test's alarms go by the default policy.
    states
        What was kept before.
    """

    def __init__(
        self,
        rules: AlarmRules,
        policies: Mapping[str, AlarmPolicy],
        states: Iterable[AlarmState] = (),
    ) -> None:
        self._rules = rules
        self._policies = policies
        self.states: dict[str, AlarmState] = {one.alarm: one for one in states}
        self.masking = Masking(rules, self._parent_of)
        self.masking.settle(self.states.values())
        self._made: dict[str, list[AlarmTransition]] = {}
        self._changed: set[str] = set()
        self.run_type = ""
        """Of the run that goes on."""

    def tell(self, state: AlarmState, told: Input, source: From) -> str:
        """Reduce one alarm; why not, if a command is refused.

        What the alarm has taken before, as it remembers itself, it does not take again.
        """
        if source.place and source.offset < state.through.get(source.place, 0):
            return ""
        if not _is_good(told) and state.run_type != self.run_type and state.alarm != FLOOD:
            state = replace(state, run_type=self.run_type)
        before, state = state, self._behind_its_mask(state, told, source)
        reduced = reduce(
            state,
            told,
            rule=self._rule(state),
            when=source.when,
            cause=source.cause,
            flood=self.in_flood,
        )
        self._note(before, reduced)
        if reduced.state.life != "normal" and state.life == "normal":
            self.masking.add(reduced.state)
        return reduced.refused

    def _behind_its_mask(self, state: AlarmState, told: Input, source: From) -> AlarmState:
        """The alarm with what hides it, before anything is told that may raise it."""
        if state.life != "normal" or isinstance(told, Circumstances) or _is_good(told):
            return state
        around = self.around(state, self.masking.masker(state), stale=state.stale)
        if (around.suppressed, around.masked_by) == (state.suppressed, state.masked_by):
            return state
        reduced = reduce(state, around, rule=self._rule(state), when=source.when)
        self._note(state, reduced)
        return reduced.state

    def around(self, state: AlarmState, masked_by: str, *, stale: bool) -> Circumstances:
        """What is around an alarm, in the run that goes on."""
        suppressed = self._rules.suppressed(state.alarm, self.run_type)
        return Circumstances(suppressed, masked_by, stale)

    def _note(self, before: AlarmState, reduced: Reduced) -> None:
        alarm = reduced.state.alarm
        known = self.states.get(alarm)
        if reduced.state == known or (known is None and reduced.state == before):
            return
        if not reduced.made and known is not None and _same_but_run_type(reduced.state, known):
            return
        self.states[alarm] = reduced.state
        self._changed.add(alarm)
        if reduced.made:
            self._made.setdefault(alarm, []).extend(reduced.made)

    @property
    def in_flood(self) -> bool:
        """Whether there are more alarms than anybody can look at."""
        return FLOOD in self.states and self.states[FLOOD].now != "OK"

    def new(
        self, alarm: str, kind: AlarmKind, when: int, policy: AlarmPolicy | None = None, **what: Any
    ) -> AlarmState:
        """An alarm of which nothing is known; it is there once something happens to it."""
        text = text_of(kind, policy)
        return new_alarm(
            alarm,
            kind,
            when=when,
            run_type=self.run_type,
            severity=policy.severity if policy is not None else _severity(kind),
            meaning=text.meaning,
            action=text.action,
            contact=text.contact,
            **what,
        )

    def policy(self, qtname: str) -> AlarmPolicy:
        """The policy of a quality test."""
        return self._policies.get(qtname, _DEFAULT)

    def kept(self, *, step: int, positions: Mapping[str, int]) -> list[AlarmState]:
        """States that have changed since the last call, with what led to them, in order of name."""
        for alarm in self._changed:
            self.states[alarm] = replace(
                self.states[alarm],
                step=step,
                through=dict(positions),
                made=tuple(self._made.get(alarm, ())),
            )
        kept = [self.states[alarm] for alarm in sorted(self._changed)]
        self._changed, self._made = set(), {}
        return kept

    def follow(self, rules: AlarmRules, policies: Mapping[str, AlarmPolicy], when: int) -> None:
        """Go by others from here on; alarms of quality tests that have none now end."""
        self._rules, self._policies = rules, policies
        self.masking.follow(rules)
        self.retire(when)

    def retire(self, when: int) -> None:
        """End alarms of quality tests that are no longer declared, or have no alarm any more."""
        for state in list(self.states.values()):
            if state.kind not in {"quality", "error"} or (state.now == "OK" and not state.judged):
                continue
            policy = self._policies.get(state.qtname)
            if policy is None:
                why = f"quality test {state.qtname!r} is no longer declared"
            elif state.kind == "quality" and not policy.enabled:
                why = f"quality test {state.qtname!r} has no alarm any more"
            else:
                continue
            self.tell(state, Condition("OK", why), From(when))

    def _parent_of(self, state: AlarmState) -> str:
        return self.policy(state.qtname).parent if state.kind == "quality" else ""

    def _rule(self, state: AlarmState) -> AlarmRule:
        policy = self.policy(state.qtname) if state.kind == "quality" else _AT_ONCE
        return AlarmRule(
            # What nobody judges any more has nothing to wait for: no delay, no latch.
            policy=policy if policy.enabled else _DEFAULT,
            escalate_after=self._rules.escalate_after,
            remember=self._rules.flood_seconds,
        )


_DEFAULT: Final = AlarmPolicy()


def _severity(kind: AlarmKind) -> AlarmSeverity:
    return "high" if kind in {"stream", "flood", "process"} else "medium"


def _same_but_run_type(one: AlarmState, other: AlarmState) -> bool:
    return replace(one, run_type=other.run_type) == other


def _is_good(told: Input) -> bool:
    match told:
        case Verdict():
            return told.judged.level == "OK"
        case Condition():
            return told.level == "OK"
    return False
