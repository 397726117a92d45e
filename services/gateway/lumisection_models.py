"""What HTTP answers about lumisections (LSs): accounts, outcomes and conditions."""

from pydantic import Field

from dqmstream.messages.quality import Outcome
from services.gateway.models import NEXT, Answer, Number, OutcomeWords
from services.gateway.run_models import RunConditions

__all__ = ["LumisectionsAnswer"]


class LumisectionRow(Answer):
    """One lumisection with its account and outcomes."""

    lumisection: int
    closed: bool = Field(description="Whether its contents are final.")
    complete: bool = Field(description="Whether besides every announced chunk is in.")
    whole: bool = Field(description="False if input had expired before it was read.")
    began: int | None = Field(
        description="When the log took its first histograms, nanoseconds since 1970; live runs."
    )
    delay: Number = Field(
        description="Seconds from its newest events to their histograms in the log; live runs."
    )
    closed_by: list[str]
    seen: int
    selected: int
    dropped: int
    duplicates: int
    refused: int = Field(description="Chunks not filled.")
    late: int = Field(description="Events that came after it closed; in no histogram shown.")
    missing: list[str] = Field(description="Sources that had not spoken when it closed.")
    lacking: list[str] = Field(description="What keeps it from being complete.")
    notes: dict[str, int] = Field(
        description="What its sources could not use, by reason.",
        examples=[{"file_missing": 1}, {"missing_events": 12}],
    )
    worst: Outcome
    outcomes: dict[str, OutcomeWords] = Field(description="By workspace.")
    made: dict[str, int] = Field(
        description="When they were found, nanoseconds since 1970, by workspace; live runs."
    )
    conditions: RunConditions | None = Field(description="What is known besides its events.")


class LumisectionsAnswer(Answer):
    """Lumisections of a run, rising."""

    run: int
    lumisections: list[LumisectionRow]
    after: int | None = Field(description="Ask with this for the next page; null at the end.")
    next: str | None = NEXT
