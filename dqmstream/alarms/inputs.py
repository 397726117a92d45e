"""What an alarm is told: verdicts, conditions, commands, circumstances, and that time passes."""

from dataclasses import dataclass
from typing import TypeAlias

from dqmstream.messages.alarms import AlarmLevel, JudgedLumisection

__all__ = [
    "Acknowledge",
    "Circumstances",
    "Condition",
    "Input",
    "PutBack",
    "Shelve",
    "TakeOut",
    "Tick",
    "Unshelve",
    "Verdict",
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a quality test says of an LS."""

    judged: JudgedLumisection
    why: str


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether what the alarm is of is so, as known of something that is no LS."""

    level: AlarmLevel
    why: str
    run: int = 0
    lumisection: int = 0


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Somebody has seen it."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Shelve:
    """Put it aside until a time (nanoseconds since 1970); `one_shot`: or until it is gone."""

    who: str
    why: str
    until: int
    one_shot: bool = False


@dataclass(frozen=True, slots=True)
class Unshelve:
    """Take it off the shelf."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class TakeOut:
    """Out of service, until it is put back."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class PutBack:
    """In service again."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What around an alarm hides it, or makes it doubtful; empty texts: nothing does."""

    suppressed: str = ""
    masked_by: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Input: TypeAlias = (
    Verdict | Condition | Acknowledge | Shelve | Unshelve | TakeOut | PutBack | Circumstances | Tick
)
