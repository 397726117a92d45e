"""How an alarm follows its condition, after its delays, and says each step."""

from typing import Any, Final

from msgspec.structs import replace

from dqmstream.alarms.displayed import HIDDEN, RANK, displayed, flags, shown_severity
from dqmstream.alarms.judged import weigh
from dqmstream.alarms.rule import SERVICE, AlarmRule
from dqmstream.alarms.steps import step_to
from dqmstream.messages.alarms import AlarmEvent, AlarmState, AlarmTransition, Displayed
from dqmstream.quality.alarm_policy import AlarmPolicy

__all__ = ["Life"]

_SECOND: Final = 10**9
_MINUTES: Final = 120
"""Seconds from which on times are told in minutes."""
_MOST_RAISES: Final = 64
_OF_DELAYS: Final[dict[Displayed, AlarmEvent]] = {
    "raising": "pending",
    "normal": "settled",
    "returning": "returning",
    "raised": "again",
    "acknowledged": "again",
}


class Life:
    """A state while it changes, and the transitions made meanwhile.

    Parameters
    ----------
    state, rule
        The alarm before, and what it goes by.
    when, cause
        Of the input that changes it.
    flood
        Whether there is a flood of alarms.
    """

    def __init__(
        self, state: AlarmState, rule: AlarmRule, when: int, cause: str, flood: bool
    ) -> None:
        self.made: list[AlarmTransition] = []
        self.state = state
        self.rule = rule
        self.when = when
        self._cause = cause
        self._flood = flood
        self.leaning = _leans(state, rule.policy)
        self._why = ""

    # -------------------------------------------------------------------- life

    def live(self, why: str) -> None:
        """Let the alarm follow its condition, after its delays."""
        self._why = why
        if self.state.now == "OK":
            self._condition_gone(why)
        else:
            self._condition_holds(why)

    def _condition_holds(self, why: str) -> None:
        state = self.state
        if state.clearing is not None:
            self.change(clearing=None)
        if state.life in {"raised", "acknowledged"}:
            self._follow_level(why)
            return
        delay = round(self.rule.policy.on_delay * _SECOND)
        since = self.when if state.pending is None else state.pending
        if self.when - since >= delay:
            self._raise(why)
        elif state.pending is None:
            self.change(pending=since)

    def _condition_gone(self, why: str) -> None:
        state = self.state
        if state.pending is not None:
            self.change(pending=None)
        if state.life not in {"raised", "acknowledged"}:
            return
        delay = round(self.rule.policy.off_delay * _SECOND)
        since = self.when if state.clearing is None else state.clearing
        if self.when - since >= delay:
            self._return(why)
        elif state.clearing is None:
            self.change(clearing=since)

    def _raise(self, why: str) -> None:
        state = self.state
        latched = state.life == "returned"
        level = max(state.level, state.now, key=RANK.__getitem__) if latched else state.now
        # One that waits to be acknowledged waits since it was first raised.
        raised = state.raised if latched and state.raised is not None else self.when
        self.change(
            life="raised",
            level=level,
            pending=None,
            raised=raised,
            escalations=state.escalations if latched else 0,
            flood=self._flood,
        )
        self._note_raise()
        self.say("raised", self.state.why or why)

    def _follow_level(self, why: str) -> None:
        state = self.state
        new, old = RANK[state.now], RANK[state.level]
        if new > old and state.life == "acknowledged":
            # Nobody has seen that it is worse.
            self.change(life="raised", level=state.now, raised=self.when, escalations=0)
            self._note_raise()
            self.say("raised", why)
        elif new > old:
            self.change(level=state.now)
            self.say("worsened", why)
        elif new < old and not self.rule.policy.latch:
            self.change(level=state.now)
            self.say("eased", why)

    def _return(self, why: str) -> None:
        state = self.state
        self.change(clearing=None)
        if state.life == "raised" and self.rule.policy.latch:
            self.change(life="returned")
            self.say("returned", why)
        else:
            self.rest()
            self.say("normal", why)
        shelf = self.state.shelf
        if shelf is not None and shelf.one_shot:
            self.unshelve(SERVICE, "it was shelved until it is gone")

    def rest(self) -> None:
        """Nothing is left to be acknowledged."""
        self.change(life="normal", level="OK", raised=None, escalations=0, flood=False)

    def _note_raise(self) -> None:
        """Remember when people were called; nobody is while it is hidden."""
        if displayed(self.state, leaning=self.leaning) in HIDDEN:
            return
        oldest = self.when - round(self.rule.remember * _SECOND)
        kept = [one for one in self.state.raises if one > oldest]
        self.change(raises=(*kept, self.when)[-_MOST_RAISES:])

    def _escalate(self) -> None:
        state, after = self.state, self.rule.escalate_after
        if not after or state.raised is None or state.life not in {"raised", "returned"}:
            return
        if displayed(state, leaning=self.leaning) in HIDDEN:
            return
        due = state.raised + round((state.escalations + 1) * after * _SECOND)
        if self.when < due or shown_severity(state) == "high":
            return
        self.change(escalations=state.escalations + 1)
        seconds = (self.when - state.raised) / _SECOND
        long = f"{seconds:.0f} s" if seconds < _MINUTES else f"{seconds / 60:.0f} minutes"
        self.say("escalated", f"nobody acknowledged it for {long}")

    # ------------------------------------------------------------------- words

    def change(self, **changes: Any) -> None:
        """Fields of the state."""
        self.state = replace(self.state, **changes)

    def _say_delays(self) -> None:
        """Say what changes what is shown without changing where the alarm stands."""
        shown = displayed(self.state, leaning=self.leaning)
        if shown == self.state.state:
            return
        event = _OF_DELAYS.get(shown)
        if event is not None:
            self.say(event, self._why)

    def say(self, event: AlarmEvent, why: str, who: str = SERVICE) -> None:
        """Make a transition to what the state is now."""
        before = self.state.state
        after = displayed(self.state, leaning=self.leaning)
        held = flags(self.state, latch=self.rule.policy.latch)
        since = self.when if after != before else self.state.since
        self.change(number=self.state.number + 1, state=after, flags=held, since=since)
        self.made.append(
            step_to(
                self.state,
                event=event,
                before=before,
                who=who,
                why=why,
                when=self.when,
                cause=self._cause,
            )
        )

    def finished(self) -> AlarmState:
        """The state; what is displayed is what follows from it."""
        self._say_delays()
        return self.state

    def pass_time(self) -> None:
        """Let time do what it does: shelves end, delays are over, alarms escalate."""
        shelf = self.state.shelf
        if shelf is not None and self.when >= shelf.until:
            self.unshelve(SERVICE, "its time on the shelf is over")
        self.live("it has been so for long enough")
        self._escalate()

    def unshelve(self, who: str, why: str) -> str:
        """Take it off the shelf; why not, if it is on none."""
        if self.state.shelf is None:
            return "it is not shelved"
        self.change(shelf=None)
        self.wait_anew()
        self.say("unshelved", why, who)
        return ""

    def wait_anew(self) -> None:
        """Whoever has to acknowledge what was hidden has as much time as if it were raised now."""
        if self.state.raised is not None:
            self.change(raised=self.when)


def _leans(state: AlarmState, policy: AlarmPolicy) -> bool:
    """Whether the LSs remembered speak for a change, as `weigh` says."""
    if not state.judged:
        return False
    last = state.judged[-1]
    return weigh(state.judged, last, before=state.now, policy=policy).leaning
