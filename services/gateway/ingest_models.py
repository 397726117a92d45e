"""What HTTP ingest takes and answers. The OpenAPI document is generated from these."""

from typing import Annotated, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    field_validator,
    model_validator,
)

from dqmstream.messages.events import MARKS
from services.gateway.models import Answer

__all__ = [
    "LARGEST_LUMISECTION",
    "LARGEST_RUN",
    "LONGEST_NAME",
    "MOST_CHUNKS",
    "MOST_EVENTS",
    "NAME",
    "ChunkAnswer",
    "EndRun",
    "IngestAnswer",
    "LumisectionAnswer",
    "LumisectionCounts",
    "RunEndAnswer",
    "SourceStanding",
    "StartAnswer",
    "StartSource",
]

LARGEST_RUN: Final = 0xFFFFFFFF
LARGEST_LUMISECTION: Final = 10_000
MOST_CHUNKS: Final = 1 << 20
MOST_EVENTS: Final = 1 << 40
LONGEST_NAME: Final = 128
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._:+-]{0,127}$"
"""Sources and incarnations: they stand in URLs, in headers of records and in log lines."""

Name = Annotated[str, StringConstraints(pattern=NAME)]
Label = Annotated[str, StringConstraints(max_length=255)]
Count = Annotated[int, Field(ge=0, le=MOST_EVENTS)]


class _Asked(BaseModel):
    """Closed to fields that are not described here, and to text where a number is meant."""

    model_config = ConfigDict(extra="forbid", strict=True)


class StartSource(_Asked):
    """A source begins a run, or a new life of it joins."""

    first_lumisection: int = Field(
        1, ge=1, le=LARGEST_LUMISECTION, description="The first LS that this source will end."
    )
    run_type: str = Field("pp_run", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    expected: list[Name] = Field([], max_length=256, description="All sources of the run.")
    labels: dict[Name, list[Label]] = Field(
        {},
        max_length=256,
        description="Names of the bins of integer axes, by column, that readers may show.",
    )
    marks: list[str] = Field(
        [],
        max_length=len(MARKS),
        description="What about the data is not as a detector took it.",
        json_schema_extra={"items": {"type": "string", "enum": list[JsonValue](sorted(MARKS))}},
    )

    @field_validator("marks")
    @classmethod
    def _known(cls, marks: list[str]) -> list[str]:
        unknown = sorted(set(marks) - MARKS.keys())
        if unknown:
            msg = f"mark {unknown[0]!r:.80} is none of {', '.join(sorted(MARKS))}"
            raise ValueError(msg)
        return marks


class LumisectionCounts(_Asked):
    """A source has sent all chunks of an LS, and has an answer for each of them."""

    chunks: int = Field(ge=0, le=MOST_CHUNKS, description="How many; their numbers count from 0.")
    seen: Count = Field(description="Events that the source read in this LS.")
    selected: Count = Field(description="Events that it sent.")
    dropped: Count = Field(0, description="Events that it lost knowingly.")
    notes: dict[Name, Count] = Field(
        {}, max_length=64, description="What it could not use, counted by reason."
    )

    @model_validator(mode="after")
    def _no_more_than_seen(self) -> "LumisectionCounts":
        if self.selected > self.seen:
            msg = f"{self.selected} events selected of {self.seen} seen"
            raise ValueError(msg)
        return self


class EndRun(_Asked):
    """A source has ended its run: every LS up to the last one is ended."""

    last_lumisection: int = Field(ge=0, le=LARGEST_LUMISECTION)


class SourceStanding(Answer):
    """How far the log is known to have all of a source."""

    run: int
    source: str
    incarnation: str = Field(description="The life of the source that said so last.")
    lumisection: int = Field(description="Every record up to the end of this LS is in the log.")
    ended: bool = Field(description="Whether it has ended the run.")
    joining: int = Field(description="The first LS for another life of it, if it is a live source.")


class IngestAnswer(Answer):
    """What a source needs to know before it begins."""

    run: int
    body_limit: int = Field(description="Bytes that the body of a chunk may have, uncompressed.")
    partitions: int = Field(description="Of dqm.events.")
    sources: list[SourceStanding] = Field(description="Where the sources of the run stand.")


class StartAnswer(Answer):
    """The log has the start of a source."""

    run: int
    source: str
    incarnation: str
    after: int = Field(description="The log has all up to this LS: what follows is to be sent.")
    ended: bool = Field(description="Whether the run was ended already: nothing is to be sent.")
    replaces: str = Field(description="The earlier life that nobody waits for any more, or empty.")
    body_limit: int = Field(description="Bytes that the body of a chunk may have, uncompressed.")


class ChunkAnswer(Answer):
    """The log has a chunk."""

    run: int
    lumisection: int
    number: int
    selected: int = Field(description="Events in it.")
    checksum: int = Field(description="CRC-32 of the body as it stands in the log.")
    repeated: bool = Field(description="Whether this gateway had written it before.")


class LumisectionAnswer(Answer):
    """The log has the end of an LS."""

    run: int
    lumisection: int
    acknowledged: int = Field(description="Every record up to the end of this LS is in the log.")


class RunEndAnswer(Answer):
    """The log has the end of a source's run."""

    run: int
    last_lumisection: int
