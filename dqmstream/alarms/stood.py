"""How alarms stood at a moment of the past: their steps up to then, folded."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dqmstream.alarms.displayed import HIDDEN
from dqmstream.messages.alarms import AlarmTransition

__all__ = ["Stood", "stood_at"]


class Stood(NamedTuple):
    """How an alarm stood: its last step, and since when what was displayed then had been so."""

    step: AlarmTransition
    since: int
    """Nanoseconds since 1970."""

    @property
    def is_normal(self) -> bool:
        """Whether nothing was wrong, and nothing was put aside."""
        return self.step.after == "normal" and self.step.life == "normal"

    @property
    def unacknowledged(self) -> bool:
        """Whether somebody should have acknowledged it."""
        return self.step.life in {"raised", "returned"} and self.step.after not in HIDDEN


def stood_at(
    steps: Iterable[AlarmTransition], moment: int, known: Mapping[str, Stood] | None = None
) -> dict[str, Stood]:
    """How each alarm stood that had made a step by a moment, by name.

    Parameters
    ----------
    steps
        In the order of the log; what comes twice is one step.
    moment
        Nanoseconds since 1970; a step of just then counts.
    known
        What the steps before these came to: folding in parts is folding at once.
    """
    found = dict(known or {})
    for step in steps:
        held = found.get(step.alarm)
        # Records of version 1 have no numbers: the later record is the later step.
        if step.when > moment or (held and step.number < held.step.number):
            continue
        same = held is not None and held.step.after == step.after
        found[step.alarm] = Stood(step, held.since if held and same else step.when)
    return found
