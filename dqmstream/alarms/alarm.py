"""The life of one alarm: `reduce` takes its state and an input, and gives the next and the steps.

Pure: time is passed in, and all that a next step depends on is in the state, so that a state that
was written and read back goes on as if nothing had happened. States after ISA-18.2: normal, raised,
acknowledged, returned; the last only if the alarm latches. Whatever hides an alarm (a shelf, a
mask, ...) changes what is displayed, never what is evaluated.
"""

from dataclasses import dataclass
from typing import Any, assert_never

from dqmstream.alarms.inputs import (
    Acknowledge,
    Circumstances,
    Condition,
    Input,
    PutBack,
    Shelve,
    TakeOut,
    Tick,
    Unshelve,
    Verdict,
)
from dqmstream.alarms.judged import weigh
from dqmstream.alarms.life import Life
from dqmstream.alarms.rule import AlarmRule
from dqmstream.messages.alarms import AlarmKind, AlarmState, AlarmTransition, Shelf

__all__ = ["Reduced", "new_alarm", "reduce"]


@dataclass(frozen=True, slots=True)
class Reduced:
    """An alarm after an input; `refused` says why a command was not followed."""

    state: AlarmState
    made: tuple[AlarmTransition, ...] = ()
    refused: str = ""


def new_alarm(
    alarm: str, kind: AlarmKind, *, when: int, run: int = 0, lumisection: int = 0, **what: Any
) -> AlarmState:
    """An alarm that has never been raised; `what` are further fields of its state."""
    return AlarmState(
        alarm=alarm,
        state="normal",
        since=when,
        run=run,
        lumisection=lumisection,
        kind=kind,
        **what,
    )


def reduce(
    state: AlarmState,
    told: Input,
    *,
    rule: AlarmRule,
    when: int,
    cause: str = "",
    flood: bool = False,
) -> Reduced:
    """One input.

    Parameters
    ----------
    when
        Wall clock, nanoseconds since 1970.
    cause
        The record the input came with.
    flood
        Whether there is a flood of alarms, which one that is raised now is a part of.
    """
    step = _Step(state, rule, when, cause, flood)
    refused = step.take(told)
    after = step.finished()
    return Reduced(after, tuple(step.made), refused)


class _Step(Life):
    """A state while it follows an input."""

    # ------------------------------------------------------------------ inputs

    def take(self, told: Input) -> str:
        """Follow an input; why not, if it is a command that cannot be followed."""
        if not isinstance(told, Circumstances):
            # So that it does not matter how often anybody looks at the clock.
            self.pass_time()
        match told:
            case Verdict():
                self._judge(told)
            case Condition():
                self._set_condition(told)
            case Tick():
                pass
            case Circumstances():
                self._surround(told)
            case Acknowledge():
                return self._acknowledge(told)
            case Shelve():
                return self._shelve(told)
            case Unshelve():
                return self.unshelve(told.who, told.why)
            case TakeOut():
                return self._take_out(told)
            case PutBack():
                return self._put_back(told)
            case _:
                assert_never(told)
        return ""

    def _judge(self, told: Verdict) -> None:
        state = self.state
        evidence = weigh(state.judged, told.judged, before=state.now, policy=self.rule.policy)
        if evidence.judged == state.judged and evidence.level == state.now:
            return
        place = {"run": told.judged.run, "lumisection": told.judged.lumisection}
        why = told.why if told.judged.level != "OK" else state.why
        self.change(judged=evidence.judged, now=evidence.level, why=why, **place)
        self.leaning = evidence.leaning
        self.live(told.why)

    def _set_condition(self, told: Condition) -> None:
        state = self.state
        if told.level == state.now:
            if told.level != "OK" and told.why != state.why:
                self.change(why=told.why)
            return
        place = {"run": told.run, "lumisection": told.lumisection} if told.run else {}
        why = told.why if told.level != "OK" else state.why
        self.change(judged=(), now=told.level, why=why, **place)
        self.leaning = False
        self.live(told.why)

    def _surround(self, told: Circumstances) -> None:
        state = self.state
        if told.suppressed != state.suppressed:
            began = told.suppressed and not state.suppressed
            self.change(suppressed=told.suppressed)
            if bool(told.suppressed) != bool(state.suppressed):
                why = told.suppressed or "what suppressed it is over"
                self.wait_anew()
                self.say("suppressed" if began else "unsuppressed", why)
        if told.masked_by != state.masked_by:
            self.change(masked_by=told.masked_by)
            if bool(told.masked_by) != bool(state.masked_by):
                why = f"{told.masked_by or state.masked_by} is " + (
                    "raised" if told.masked_by else "not raised any more"
                )
                self.wait_anew()
                self.say("masked" if told.masked_by else "unmasked", why)
        if told.stale != state.stale:
            self.change(stale=told.stale)
            why = "no reports come" if told.stale else "reports come again, or none are due"
            self.say("stale" if told.stale else "fresh", why)

    # ---------------------------------------------------------------- commands

    def _acknowledge(self, told: Acknowledge) -> str:
        match self.state.life:
            case "raised":
                self.change(life="acknowledged", raised=None)
                self.say("acknowledged", told.why, told.who)
            case "returned":
                self.rest()
                self.say("acknowledged", told.why, told.who)
            case life:
                return f"there is nothing to acknowledge: it is {life}"
        return ""

    def _shelve(self, told: Shelve) -> str:
        if not told.why.strip():
            return "a shelf needs a reason"
        if told.until <= self.when:
            return "a shelf needs a time that is still to come"
        shelf = Shelf(
            until=told.until,
            who=told.who,
            why=told.why,
            when=self.when,
            one_shot=told.one_shot,
        )
        self.change(shelf=shelf)
        self.say("shelved", told.why, told.who)
        return ""

    def _take_out(self, told: TakeOut) -> str:
        if not told.why.strip():
            return "taking an alarm out of service needs a reason"
        if self.state.out_of_service:
            return "it is out of service"
        self.change(out_of_service=told.why)
        self.say("out_of_service", told.why, told.who)
        return ""

    def _put_back(self, told: PutBack) -> str:
        if not self.state.out_of_service:
            return "it is in service"
        self.change(out_of_service="")
        self.wait_anew()
        self.say("in_service", told.why, told.who)
        return ""
