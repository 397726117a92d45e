"""When a quality test's outcomes become an alarm, and what a shifter is told then: declared."""

from typing import Annotated, Literal

import msgspec

from dqmstream.messages.struct import Value

__all__ = ["AlarmPolicy", "Severity"]

Severity = Literal["high", "medium", "low"]

_Times = Annotated[int, msgspec.Meta(ge=1, le=1000)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
_Text = Annotated[str, msgspec.Meta(max_length=2000)]


class AlarmPolicy(Value, frozen=True, kw_only=True):
    """The table `[quality_test.alarm]`: one alarm for each element the test judges.

    An LS counts as bad if its outcome is `on` or worse, as good if it is better; an LS that was
    not judged counts as neither. The alarm is raised by `bad` bad ones among the last `of` judged,
    and returns after `good` good ones in a row.

    Parameters
    ----------
    enabled
        Whether there is an alarm at all.
    severity
        How soon somebody has to act.
    on
        The least bad outcome that counts as bad.
    bad, of, good
        In LSs; `bad` is at most `of`.
    latch
        The alarm stays, though its cause is gone, until somebody acknowledges it.
    on_delay, off_delay
        Seconds for which the alarm's condition must hold before it is raised, or be gone before it
        returns.
    parent
        Pattern of alarms that mask this one while they are raised; empty for none.
    meaning, action, contact
        For the shifter: what it means, what to do, whom to call.
    """

    enabled: bool = True
    severity: Severity = "medium"
    on: Literal["BAD", "WARNING"] = "BAD"
    bad: _Times = 2
    of: _Times = 3
    good: _Times = 3
    latch: bool = False
    on_delay: _Seconds = 0.0
    off_delay: _Seconds = 0.0
    parent: _Text = ""
    meaning: _Text = ""
    action: _Text = ""
    contact: _Text = ""

    def __post_init__(self) -> None:
        if self.bad > self.of:
            msg = f"bad = {self.bad} of = {self.of}: expected at most as many bad LSs as it is of"
            raise ValueError(msg)
