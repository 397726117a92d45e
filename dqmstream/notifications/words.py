"""What a notification says: JSON for programs, a few lines for people."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.notifications import Delivery
from dqmstream.notifications.attempt import Attempt
from dqmstream.notifications.subscription import event_of

__all__ = ["VERSION", "body_of", "text_of", "title_of", "trial_step"]

VERSION: Final = 1
"""Of the JSON that webhooks are sent: rises when a field goes or changes its meaning."""
_MOST_LINES: Final = 20
_LONGEST: Final = 500


def body_of(attempt: Attempt) -> bytes:
    """The body of a webhook; docs/notifications.md lists its fields."""
    document = {
        "version": VERSION,
        "id": attempt.identity,
        "subscription": attempt.subscription,
        "notifications": [_described(each) for each in attempt.deliveries],
    }
    return msgspec.json.encode(document)


def title_of(attempt: Attempt) -> str:
    """One line: what happened, or how much."""
    deliveries = attempt.deliveries
    if len(deliveries) == 1:
        step = deliveries[0].step
        return f"{_trial(deliveries[0])}DQM alarm {event_of(step)}: {step.alarm}"[:_LONGEST]
    counts: dict[str, int] = {}
    for each in deliveries:
        event = event_of(each.step)
        counts[event] = counts.get(event, 0) + 1
    told = ", ".join(f"{count} {event}" for event, count in counts.items())
    return f"DQM alarms: {told}"


def text_of(attempt: Attempt) -> str:
    """What happened, what it means, what to do, whom to call: of each alarm some lines."""
    deliveries = attempt.deliveries
    parts = ["\n".join(_lines(each)) for each in deliveries[:_MOST_LINES]]
    if len(deliveries) > _MOST_LINES:
        parts.append(f"and {len(deliveries) - _MOST_LINES} more")
    return "\n\n".join(parts)


def trial_step(subscription: str, who: str, when: int) -> AlarmTransition:
    """A step in which nothing happened."""
    return AlarmTransition(
        alarm=f"trial:{subscription}",
        before="normal",
        after="normal",
        who=who,
        why=f"{who} tries whether notifications of {subscription!r} arrive: nothing happened",
        when=when,
        run=0,
        lumisection=0,
        severity="low",
        meaning="Nothing is wrong.",
        action="None.",
    )


def _described(delivery: Delivery) -> dict[str, Any]:
    step = msgspec.to_builtins(delivery.step)
    step.pop("type")
    return {"key": delivery.key, "trial": delivery.trial, "event": event_of(delivery.step)} | {
        name: value for name, value in step.items() if name != "event"
    }


def _lines(delivery: Delivery) -> Sequence[str]:
    step = delivery.step
    where = f"run {step.run} LS {step.lumisection}, " if step.run else ""
    lines = [
        f"{_trial(delivery)}{event_of(step)}: {step.alarm}",
        f"{where}severity {step.severity}, by {step.who}: {step.why}"[:_LONGEST],
    ]
    for name, text in (
        ("It means", step.meaning),
        ("To do", step.action),
        ("Call", step.contact),
    ):
        if text:
            lines.append(f"{name}: {text[:_LONGEST]}")
    return lines


def _trial(delivery: Delivery) -> str:
    return "TRIAL " if delivery.trial else ""
