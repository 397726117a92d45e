"""Alarms: each step of each alarm, where each stands, and what services say is wrong."""

from typing import ClassVar, Literal

from dqmstream.messages.struct import Message, Value

__all__ = [
    "AlarmCheckpoint",
    "AlarmCondition",
    "AlarmEvent",
    "AlarmKind",
    "AlarmLevel",
    "AlarmSeverity",
    "AlarmState",
    "AlarmTransition",
    "Displayed",
    "JudgedLumisection",
    "JudgedWorkspace",
    "ProcessSeen",
    "Shelf",
]

AlarmSeverity = Literal["low", "medium", "high"]
"""How soon somebody has to act."""

AlarmKind = Literal[
    "quality", "error", "process", "lag", "source", "stream", "reports", "flood", "condition"
]
"""What an alarm is of: a quality test's verdicts, its crashes, a process that is silent, one that
lags, a missing source, a starving stream, reports that stopped, too many alarms, or what a service
says of itself. All but the first are for experts."""

AlarmLevel = Literal["OK", "WARNING", "BAD"]

Displayed = Literal[
    "normal",
    "raised",
    "acknowledged",
    "returning",
    "returned",
    "raising",
    "shelved",
    "masked",
    "suppressed",
    "out_of_service",
]
"""What a shifter sees, the one of highest precedence that holds; see docs/alarms.md."""

AlarmEvent = Literal[
    "pending",
    "settled",
    "raised",
    "worsened",
    "eased",
    "returning",
    "again",
    "returned",
    "normal",
    "acknowledged",
    "escalated",
    "shelved",
    "unshelved",
    "suppressed",
    "unsuppressed",
    "masked",
    "unmasked",
    "out_of_service",
    "in_service",
    "stale",
    "fresh",
]
"""What happened: `pending` begins an on-delay and `settled` ends it without an alarm, `returning`
begins an off-delay and `again` ends it with the alarm still there."""


class AlarmTransition(Message, frozen=True, kw_only=True, tag=True):
    """One step of an alarm: from where to where, who, why, when (nanoseconds since 1970).

    `alarm` and `number` together name it: what comes twice is the same. `before` and `after` are
    what is displayed, and may be equal: a shelved alarm is still evaluated, and its steps are said.
    """

    version: ClassVar[int] = 2

    alarm: str
    before: str
    after: str
    who: str
    why: str
    when: int
    run: int
    lumisection: int
    number: int = 0
    """Steps of this alarm so far, this one included; 0 in records of version 1."""
    event: AlarmEvent | Literal[""] = ""
    kind: AlarmKind = "quality"
    life: Literal["normal", "raised", "acknowledged", "returned"] = "normal"
    """Where the alarm stands beneath what hides it."""
    level: AlarmLevel = "OK"
    """The worst since the alarm was raised, if it latches; else that of now."""
    severity: AlarmSeverity = "medium"
    workspace: str = ""
    path: str = ""
    """Of the element; empty if the alarm is of more or of none."""
    qtname: str = ""
    run_type: str = ""
    audience: Literal["shifter", "expert"] = "shifter"
    flags: tuple[str, ...] = ()
    """Of `escalated`, `flood`, `latched`, `stale`."""
    cause: str = ""
    """Record that led to it, as `topic/partition@offset`; empty if time did."""
    meaning: str = ""
    action: str = ""
    contact: str = ""


class JudgedLumisection(Value, frozen=True, kw_only=True):
    """The verdict on one LS that an alarm remembers."""

    run: int
    lumisection: int
    level: AlarmLevel


class Shelf(Value, frozen=True, kw_only=True):
    """An alarm put aside: until when (nanoseconds since 1970), why, by whom.

    A one-shot shelf ends as well once the alarm's condition is gone.
    """

    until: int
    who: str
    why: str
    when: int
    one_shot: bool = False


class AlarmState(Message, frozen=True, kw_only=True, tag=True):
    """Where an alarm stands: one per (workspace or path, qtname), across runs and LSs.

    Holds all that its next step depends on. `made` are the transitions that led to it in the last
    step: a process that died between keeping this and telling those finds them here.
    """

    version: ClassVar[int] = 2

    alarm: str
    state: Displayed
    flags: tuple[str, ...] = ()
    since: int
    """When what is displayed began, nanoseconds since 1970."""
    run: int
    lumisection: int
    number: int = 0
    """Steps so far."""
    step: int = 0
    """Of the service: with which of its steps this was kept."""
    kind: AlarmKind = "quality"
    workspace: str = ""
    path: str = ""
    qtname: str = ""
    scope: str = ""
    run_type: str = ""
    life: Literal["normal", "raised", "acknowledged", "returned"] = "normal"
    level: AlarmLevel = "OK"
    now: AlarmLevel = "OK"
    """What its condition is without delays and latches."""
    judged: tuple[JudgedLumisection, ...] = ()
    """The last LSs judged, the oldest first; empty if all of them were good."""
    pending: int | None = None
    """Since when its condition holds that has an on-delay to sit out."""
    clearing: int | None = None
    """Since when its condition is gone that has an off-delay to sit out."""
    raises: tuple[int, ...] = ()
    """When it was raised, within the time in which floods are counted."""
    raised: int | None = None
    """Since when nobody has acknowledged it."""
    severity: AlarmSeverity = "medium"
    """As declared; `escalations` raise what is shown."""
    escalations: int = 0
    shelf: Shelf | None = None
    suppressed: str = ""
    """Why it is suppressed by design; empty if it is not."""
    masked_by: str = ""
    out_of_service: str = ""
    stale: bool = False
    flood: bool = False
    """It was raised in a flood."""
    why: str = ""
    """What its condition was last said to be."""
    meaning: str = ""
    action: str = ""
    contact: str = ""
    through: dict[str, int] = {}
    """`topic/partition` to the offset before which it has taken all records."""
    made: tuple[AlarmTransition, ...] = ()


class AlarmCondition(Message, frozen=True, kw_only=True, tag=True):
    """A service says that something of its own is wrong, or is not any more.

    It says so when that changes, and again at least every minute while it is `active`: what is
    not said for longer is stale.
    """

    subject: str
    """Stable, such as `channel/mattermost`: the alarm is `condition:` and this."""
    active: bool
    why: str
    process: str
    service: str
    when: int
    """Wall clock, nanoseconds since 1970."""
    severity: AlarmSeverity = "medium"
    meaning: str = ""
    action: str = ""
    contact: str = ""


class ProcessSeen(Value, frozen=True, kw_only=True):
    """What is known of one service of one process by its heartbeats; times as they say."""

    process: str
    service: str
    first: int
    last: int
    state: Literal["starting", "ready", "stopping"] = "ready"
    missing: tuple[str, ...] = ()
    positions: dict[str, int] = {}
    events: int = 0
    replaces: bool = False
    """Another process of the service had fallen silent, and this one is there for it."""


class JudgedWorkspace(Value, frozen=True, kw_only=True):
    """How far the reports of a workspace are over one scope."""

    workspace: str
    scope: str
    run: int
    lumisection: int
    when: int
    """When its last reports came, nanoseconds since 1970."""
    runs: tuple[int, ...] = ()
    """The last runs that it had reports of, in the order they came."""


class AlarmCheckpoint(Message, frozen=True, kw_only=True, tag=True):
    """Where the service of alarms goes on reading, and what it knows besides alarms."""

    version: ClassVar[int] = 2

    group: str
    log: str
    """Identity of the log that the positions are of."""
    step: int
    positions: dict[str, int]
    """`topic/partition` to the next offset."""
    told: int
    """Offset of `dqm.alarms` before which all transitions are of kept steps."""
    when: int
    """Wall clock, nanoseconds since 1970."""
    processes: tuple[ProcessSeen, ...] = ()
    workspaces: tuple[JudgedWorkspace, ...] = ()
    run: int | None = None
    """The run that goes on."""
    run_type: str = ""
    sources: tuple[str, ...] = ()
    """Sources of it that have not ended."""
    ends: dict[str, tuple[int, int]] = {}
    """`service topic/partition` to an end of the partition and when it was there."""
    events: tuple[int, int] = (0, 0)
    """Events that fillers had filled, and when that number last changed."""
    rules: int = 0
    """Number of the version of alarm rules that alarms go by; 0 if there is none."""
