"""What people tell alarms: `Command`s whose subject begins with `alarm/`."""

from collections.abc import Container, Iterable, Mapping
from typing import Final, NamedTuple

from dqmstream.alarms.inputs import Acknowledge, Input, PutBack, Shelve, TakeOut, Unshelve
from dqmstream.messages.operations import Command
from dqmstream.quality.pattern import REGEX_PREFIX, matches

__all__ = ["ACTIONS", "SUBJECT", "Refusal", "input_of", "is_pattern", "subjects_of"]

SUBJECT: Final = "alarm/"
ACTIONS: Final = ("acknowledge", "shelve", "unshelve", "out_of_service", "in_service")
_LONGEST: Final = 200


class Refusal(NamedTuple):
    """A command that was not followed, and why."""

    command: Command
    why: str


def input_of(command: Command) -> Input | None:
    """What a command tells an alarm; None if it is about something else.

    Raises
    ------
    ValueError
        If it is about alarms and cannot be understood.
    """
    if not command.subject.startswith(SUBJECT):
        return None
    who, why = command.who, command.why
    match command.action:
        case "acknowledge":
            return Acknowledge(who, why)
        case "shelve":
            until = command.arguments.get("until", "")
            if not until.isdecimal():
                msg = f"shelve until {until!r}: expected nanoseconds since 1970"
                raise ValueError(msg)
            one_shot = command.arguments.get("one_shot", "") == "true"
            return Shelve(who, why, int(until), one_shot)
        case "unshelve":
            return Unshelve(who, why)
        case "out_of_service":
            return TakeOut(who, why)
        case "in_service":
            return PutBack(who, why)
    msg = f"{command.action!r} is nothing that can be done to an alarm: {', '.join(ACTIONS)}"
    raise ValueError(msg)


def is_pattern(alarm: str) -> bool:
    """Whether a subject names several alarms, as `quality:Muon/**`."""
    # No regular expressions: a glob is seen to be one, and says enough of names.
    return "*" in alarm and len(alarm) <= _LONGEST and not alarm.startswith(REGEX_PREFIX)


def subjects_of(command: Command, alarms: Mapping[str, object]) -> list[str]:
    """Alarms that a command is about, by name, in order."""
    subject = command.subject.removeprefix(SUBJECT)
    return _named(subject, alarms, alarms)


def _named(subject: str, known: Container[str], alarms: Iterable[str]) -> list[str]:
    if subject in known:
        return [subject]
    if not is_pattern(subject):
        return []
    return sorted(one for one in alarms if matches(subject, one))
