"""What HTTP answers are made of; the OpenAPI document is generated from all modules of models."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from dqmstream.messages.quality import Outcome

__all__ = ["NEXT", "Answer", "Number", "OutcomeWords"]

NEXT: Any = Field(description="Where the next page is; null at the end.")
Number = Annotated[float | None, Field(description="A number; null where it is undefined.")]
OutcomeWords = Annotated[
    tuple[Outcome, int, int],
    Field(description="Worst outcome, how many tests judged, how many did not."),
]


class Answer(BaseModel):
    """Closed to fields that are not described here."""

    model_config = ConfigDict(extra="forbid")
