"""Who is told of which steps of which alarms."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal, get_args

import msgspec

from dqmstream.alarms.displayed import HIDDEN, SEVERITIES
from dqmstream.messages.alarms import AlarmEvent, AlarmKind, AlarmSeverity, AlarmTransition
from dqmstream.messages.struct import Value
from dqmstream.notifications.quiet_hours import QuietHours
from dqmstream.quality.pattern import compile_pattern, matches

__all__ = ["TOLD", "Subscription", "event_of", "takers"]

TOLD: Final[tuple[AlarmEvent, ...]] = ("raised", "worsened", "escalated", "returned", "stale")
"""Events that are told where a subscription names none."""

_UNHIDING: Final = frozenset({"unshelved", "unmasked", "unsuppressed", "in_service"})
_OF_HIDING: Final[frozenset[str]] = HIDDEN | _UNHIDING
_DISPLAYED_AS_RAISED: Final = "raised"

_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$")]
_Patterns = tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=500)], ...]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class Subscription(Value, frozen=True, kw_only=True):
    """A table `[[subscription]]`: what is told to one receiver.

    A step is told if it matches all that is given; what is left empty matches everything.

    Parameters
    ----------
    name, receiver
        Its own name, and that of the receiver.
    alarms, workspaces, paths, tests
        Patterns: globs, or `regex:...`; one of each has to match.
    severity
        The least.
    kinds
        What alarms are of: `quality`, `process`, ...
    audience
        `shifter` or `expert`, empty for both.
    run_types
        Patterns. Where the run type is not known it matches: rather one too many.
    events
        What happened. An alarm that is unhidden (unshelved, unmasked, ...) and still stands counts
        as raised; what happens to a hidden one is not told.
    hidden
        Tell also what happens to alarms that are shelved, masked, suppressed or out of service.
    floods
        Tell the single alarms of a flood, too; the alarm that says there is one is told anyway.
    wait
        Seconds to wait for further steps, to tell them together.
    interval
        Seconds between two notifications.
    quiet
        Hours in which nothing is told.
    last
        Subscriptions after it are not asked where this one takes a step.
    enabled
        Whether it takes any.
    """

    name: _Name
    receiver: str
    alarms: _Patterns = ()
    workspaces: _Patterns = ()
    paths: _Patterns = ()
    tests: _Patterns = ()
    severity: AlarmSeverity = "low"
    kinds: tuple[AlarmKind, ...] = ()
    audience: Literal["", "shifter", "expert"] = ""
    run_types: _Patterns = ()
    events: tuple[AlarmEvent, ...] = TOLD
    hidden: bool = False
    floods: bool = True
    wait: _Seconds = 1.0
    interval: _Seconds = 0.0
    quiet: QuietHours | None = None
    last: bool = False
    enabled: bool = True

    def __post_init__(self) -> None:
        if not self.events:
            msg = f"events is empty, expected some of {', '.join(get_args(AlarmEvent))}"
            raise ValueError(msg)
        for pattern in (
            *self.alarms,
            *self.workspaces,
            *self.paths,
            *self.tests,
            *self.run_types,
        ):
            compile_pattern(pattern)

    def takes(self, step: AlarmTransition) -> bool:
        """Whether a step is told."""
        return (
            self.enabled
            and self._takes_event(step)
            and at_least(step.severity, self.severity)
            and (not self.kinds or step.kind in self.kinds)
            and self.audience in {"", step.audience}
            and (self.floods or step.kind == "flood" or "flood" not in step.flags)
            and _any(self.alarms, step.alarm)
            and _any(self.workspaces, step.workspace)
            and _any(self.paths, step.path)
            and _any(self.tests, step.qtname)
            and (not step.run_type or _any(self.run_types, step.run_type))
        )

    def is_loud(self, step: AlarmTransition) -> bool:
        """Whether a step is told in quiet hours, too."""
        quiet = self.quiet
        return quiet is None or (quiet.but != "nothing" and at_least(step.severity, quiet.but))

    def quiet_end(self, now: int) -> int | None:
        """When the quiet time ends in which `now` is; nanoseconds since 1970."""
        return None if self.quiet is None else self.quiet.end(now)

    def declared(self) -> dict[str, str]:
        """What differs from the defaults, as text."""
        words = {}
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            if field.name in {"name", "receiver", "enabled"} or value == field.default:
                continue
            words[field.name] = (
                ", ".join(value)
                if isinstance(value, tuple)
                else value.text()
                if isinstance(value, QuietHours)
                else str(value)
            )
        return words

    def _takes_event(self, step: AlarmTransition) -> bool:
        event = event_of(step)
        if event in _UNHIDING and step.after == _DISPLAYED_AS_RAISED:
            return event in self.events or "raised" in self.events
        if step.after in HIDDEN and event not in _OF_HIDING and not self.hidden:
            return False
        return event in self.events


def takers(subscriptions: Iterable[Subscription], step: AlarmTransition) -> list[Subscription]:
    """Subscriptions that are told of a step, in their order, until one that is the `last`."""
    found: list[Subscription] = []
    for each in subscriptions:
        if each.takes(step):
            found.append(each)
            if each.last:
                break
    return found


def event_of(step: AlarmTransition) -> str:
    """What happened; of records of the first version the state it came to."""
    return step.event or step.after


def at_least(severity: AlarmSeverity, least: AlarmSeverity) -> bool:
    """Whether one severity is as high as another."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)


def _any(patterns: Sequence[str], text: str) -> bool:
    return not patterns or any(matches(pattern, text) for pattern in patterns)
