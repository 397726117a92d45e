"""What the routes of the record of alarms answer."""

from pydantic import BaseModel, Field

from dqmstream.messages.alarms import Displayed
from services.gateway.alarm_models import AlarmStepRow
from services.gateway.subscription_models import StepRow

__all__ = ["NewestStepsAnswer", "StoodAnswer"]


class NewestStepsAnswer(BaseModel):
    """Steps of alarms, the newest first."""

    steps: list[StepRow]
    before: int | None = Field(
        description="Ask on before this sequence; null at the beginning of the record."
    )


class StoodRow(AlarmStepRow):
    """An alarm as it stood: the last step until then, with all its fields."""

    state: Displayed = Field(description="What was shown, by precedence.")
    since: int = Field(description="When that began, nanoseconds since 1970.")
    unacknowledged: bool


class StoodAnswer(BaseModel):
    """How alarms stood at a moment."""

    at: int
    alarms: list[StoodRow] = Field(description="By name; those that were not normal.")
