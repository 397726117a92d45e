"""What the routes of alarms take and answer."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from dqmstream.messages.alarms import AlarmEvent, AlarmKind, AlarmLevel, AlarmSeverity, Displayed

__all__ = [
    "AlarmAnswer",
    "AlarmHistoryAnswer",
    "AlarmsAnswer",
    "DecideAlarm",
    "DecidedAlarm",
    "ShelveAlarm",
]

Why = Annotated[str, Field(max_length=1_000, description="For who reads the record.")]


class DecideAlarm(BaseModel):
    """A decision about an alarm."""

    model_config = ConfigDict(extra="forbid")

    alarm: str = Field(
        min_length=1,
        max_length=1_000,
        description="Its name; or a glob of names as `quality:Muon/**`, for all that match.",
    )
    why: Why = ""


class ShelveAlarm(DecideAlarm):
    """Put an alarm aside for a while."""

    why: Annotated[str, Field(min_length=1, max_length=1_000, description="A shelf needs one.")]
    seconds: float = Field(gt=0, le=30 * 86_400, description="How long.")
    one_shot: bool = Field(False, description="Also ends when the alarm's condition is gone.")


class ShelfRow(BaseModel):
    """Until when an alarm is put aside, why, and by whom."""

    until: int
    who: str
    why: str
    when: int
    one_shot: bool


class AlarmAnswer(BaseModel):
    """An alarm, and what to do about it. Times are nanoseconds since 1970."""

    alarm: str
    state: Displayed = Field(description="What is shown, by precedence.")
    life: Literal["normal", "raised", "acknowledged", "returned"] = Field(
        description="Where it stands beneath what hides it."
    )
    flags: list[str]
    since: int
    run: int
    lumisection: int
    number: int = Field(description="Steps so far.")
    kind: AlarmKind
    workspace: str
    path: str
    qtname: str
    scope: str
    run_type: str
    level: AlarmLevel
    now: AlarmLevel
    severity: AlarmSeverity
    escalations: int
    unacknowledged: bool
    pending: int | None
    clearing: int | None
    raised: int | None
    shelf: ShelfRow | None
    suppressed: str
    masked_by: str
    out_of_service: str
    stale: bool
    flood: bool
    why: str
    meaning: str
    action: str
    contact: str


class AlarmGroupRow(BaseModel):
    """Alarms of one workspace at one LS."""

    workspace: str
    run: int
    lumisection: int
    alarms: list[str]
    unacknowledged: int
    level: AlarmLevel
    severity: AlarmSeverity


class AlarmSummary(BaseModel):
    """How many there are; with `stale`, how many there were when somebody still watched."""

    raised: int
    unacknowledged: int
    hidden: int
    flood: bool
    stale: bool
    heard: int | None = Field(description="When the service of alarms was last heard.")


class AlarmsAnswer(BaseModel):
    """Alarms, and what the list collapses to."""

    summary: AlarmSummary
    groups: list[AlarmGroupRow]
    alarms: list[AlarmAnswer]
    total: int


class AlarmStepRow(BaseModel):
    """A step of an alarm: all fields of an AlarmTransition."""

    model_config = ConfigDict(extra="allow")

    alarm: str
    number: int
    event: AlarmEvent | Literal[""]
    before: str
    after: str
    who: str
    why: str
    when: int


class AlarmHistoryAnswer(BaseModel):
    """The last steps of an alarm, the oldest first."""

    alarm: str
    steps: list[AlarmStepRow]


class DecidedAlarm(BaseModel):
    """A decision is on the record; the service of alarms follows it."""

    offset: int = Field(description="Of the command on `dqm.commands`.")
    alarms: list[str] = Field(description="What it is about, as far as is known now.")
