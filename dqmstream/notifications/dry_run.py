"""What other subscriptions would tell whom: of steps that alarms made, and of alarms that stand."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from dqmstream.alarms.displayed import HIDDEN
from dqmstream.alarms.rule import SERVICE
from dqmstream.alarms.steps import step_to
from dqmstream.messages.alarms import AlarmState, AlarmTransition
from dqmstream.notifications.subscription import Subscription, takers

__all__ = ["Rerouted", "rerouted", "step_of"]


class Rerouted(NamedTuple):
    """What changes.

    `before` and `after` count the steps that each subscription takes; `steps` are those that other
    receivers would be told of: the step, who is told no longer, and who newly is, by name.
    `untold` counts steps that somebody is told of now and nobody would be.
    """

    before: Counter[str]
    after: Counter[str]
    steps: list[tuple[AlarmTransition, tuple[str, ...], tuple[str, ...]]]
    untold: int


def rerouted(
    before: Sequence[Subscription],
    after: Sequence[Subscription],
    steps: Iterable[AlarmTransition],
) -> Rerouted:
    """Steps by the subscriptions in force, and by those that are tried.

    When they would be told is no part of it: quiet hours and intervals put off, they do not
    reroute.
    """
    found = Rerouted(Counter(), Counter(), [], 0)
    untold = 0
    for step in steps:
        taking = [takers(each, step) for each in (before, after)]
        for counter, taken in zip((found.before, found.after), taking, strict=True):
            counter.update(each.name for each in taken)
        now, then = ({each.receiver for each in taken} for taken in taking)
        untold += bool(now and not then)
        if now != then:
            found.steps.append((step, tuple(sorted(now - then)), tuple(sorted(then - now))))
    return found._replace(untold=untold)


def step_of(state: AlarmState) -> AlarmTransition | None:
    """The step that an alarm would make if it were raised now as it stands; None if it is normal,
    or hidden."""
    if state.life == "normal" or state.state in HIDDEN:
        return None
    raised = replace(state, state="raised", life="raised")
    return step_to(
        raised, event="raised", before="normal", who=SERVICE, why=state.why, when=state.since
    )
