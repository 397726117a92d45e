"""What HTTP takes and answers about alarm rules that are tried."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from services.gateway.alarm_rules_desk import RulesTried
from services.gateway.models import Answer
from services.gateway.version_models import Text

__all__ = ["RulesTriedAnswer", "TryRules", "tried_body"]

_MOST_ALARMS: Final = 500


class TryRules(BaseModel):
    """Alarm rules to try."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Text = Field(description="TOML.")
    minutes: int = Field(10, ge=1, le=60, description="Of the log that are told again.")


class MovedAlarm(Answer):
    """An alarm that would stand otherwise."""

    alarm: str
    before: str
    after: str
    severity_before: str = Field(description="Empty if the alarm is not there.")
    severity_after: str
    why: str


class ReplayedAlarm(Answer):
    """An alarm of which there would be other steps: how many, by event."""

    alarm: str
    no_longer: dict[str, int]
    newly: dict[str, int]


class RulesTriedAnswer(Answer):
    """What other rules would make of alarms. Nothing is changed by it."""

    standing: list[MovedAlarm] | None = Field(
        description="Of the alarms that stand; null if no service of alarms ever kept any."
    )
    minutes: int
    records: int = Field(description="Of the log, that were told again by both rules.")
    steps_before: int
    steps_after: int
    calls_before: int = Field(description="Steps by which somebody would be called.")
    calls_after: int
    alarms: list[ReplayedAlarm] = Field(description="The first 500 by name.")
    alarms_total: int


def tried_body(minutes: int, found: RulesTried) -> dict[str, Any]:
    """What was tried, as an answer has it."""
    before, after = found.replay.steps
    calls_before, calls_after = found.replay.calls()
    alarms = [
        {"alarm": alarm, "no_longer": dict(lost), "newly": dict(gained)}
        for alarm, (lost, gained) in found.replay.differences().items()
    ]
    standing = found.standing
    return {
        "standing": None if standing is None else [one._asdict() for one in standing],
        "minutes": minutes,
        "records": found.records,
        "steps_before": len(before),
        "steps_after": len(after),
        "calls_before": calls_before,
        "calls_after": calls_after,
        "alarms": alarms[:_MOST_ALARMS],
        "alarms_total": len(alarms),
    }
