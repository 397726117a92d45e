"""What HTTP takes and answers about references. The OpenAPI document is generated from these."""

from typing import Annotated, Any, Final, Literal, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from dqmstream.messages.references import Reference
from dqmstream.references.proposals import Proposal
from services.gateway.element_models import Contents
from services.gateway.models import Answer

__all__ = [
    "NAME",
    "AskedReference",
    "AskedValidity",
    "DecideReference",
    "HistoryAnswer",
    "MadeAnswer",
    "MakeReference",
    "OverlayAnswer",
    "ProposalsAnswer",
    "ReferenceAnswer",
    "ReferenceContentsAnswer",
    "ReferencesAnswer",
    "UploadAnswer",
    "proposal_row",
    "reference_row",
]

NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9 ._:+-]{0,79}$"
_LARGEST_RUN: Final = 0xFFFFFFFF
_LARGEST_LUMISECTION: Final = 1 << 24

Name = Annotated[str, StringConstraints(pattern=NAME)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Patterns = Annotated[list[Pattern], Field(max_length=200)]
Said = Annotated[str, StringConstraints(min_length=3, max_length=1_000)]
RunNumber = Annotated[int, Field(ge=1, le=_LARGEST_RUN)]
Range = Annotated[
    list[Annotated[int, Field(ge=0, le=_LARGEST_LUMISECTION)]], Field(min_length=2, max_length=2)
]


class _Asked(BaseModel):
    """Closed to fields that are not described here, and to text where a number is meant."""

    model_config = ConfigDict(extra="forbid", strict=True)


class AskedValidity(_Asked):
    """What a reference is good for; what is empty or null asks for nothing. Texts are globs."""

    run_types: Patterns = Field(default_factory=list, examples=[["pp*"]])
    beam_modes: Patterns = Field(default_factory=list, examples=[["STABLE BEAMS"]])
    prescales: Patterns = Field(
        default_factory=list, description="Names of prescale columns.", examples=[["2p0E34*"]]
    )
    first_run: RunNumber | None = None
    last_run: RunNumber | None = None


class AskedReference(_Asked):
    """What a person says of a reference."""

    name: Name = Field(description="A later version of a name takes the place of the one before.")
    paths: Patterns = Field(
        default_factory=lambda: ["**"],
        min_length=1,
        description="Patterns of the elements it is the reference of, as in quality tests.",
    )
    rank: int = Field(0, ge=-1_000, le=1_000, description="The lower, the earlier it is tried.")
    valid: AskedValidity = Field(default_factory=AskedValidity)
    labels: dict[Name, Annotated[str, StringConstraints(max_length=200)]] = Field(
        default_factory=dict,
        max_length=50,
        description="What no conditions say, to be read and searched.",
        examples=[{"energy": "6.8 TeV"}],
    )
    owner: Said = Field(description="Who answers for it.", examples=["pixel experts"])
    reason: Said = Field(description="Why it is a good one.", examples=["certified, new menu"])
    expires_days: float | None = Field(
        None, gt=0, le=3_650, description="Days from now after which it is not used any more."
    )
    proposed: bool = Field(default=False, description="Not to be used until somebody accepts it.")


class MakeReference(AskedReference):
    """A reference out of the store: of one run a histogram, of one or many a band."""

    workspaces: Annotated[list[Pattern], Field(max_length=100)] = Field(
        default_factory=list, description="Default: all that are stored of the runs."
    )
    runs: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,9}$")],
            Annotated[list[Range], Field(max_length=1_000)],
        ],
        Field(min_length=1, max_length=200),
    ] = Field(
        description="By run the LSs, as ranges; none is all of them. Lists of certified LSs "
        "(`golden JSON`) are of this form.",
        examples=[{"398500": [[10, 180], [190, 400]]}],
    )
    band: Literal["entries", "lumisections", "luminosity", "none"] | None = Field(
        None, description="Make a band, of contents for one unit of this; else a histogram."
    )
    require: Annotated[str, StringConstraints(max_length=500)] = Field(
        "",
        description="What is asked of the conditions of each LS, as in quality tests.",
        examples=["beam_mode == 'STABLE BEAMS' and dcs.bpix"],
    )

    @model_validator(mode="after")
    def _one_run(self) -> Self:
        if self.band is None and len(self.runs) > 1:
            msg = f"{len(self.runs)} runs: a histogram is of one run, a band of many"
            raise ValueError(msg)
        if any(first > last for ranges in self.runs.values() for first, last in ranges):
            msg = "a range of LSs falls, expected [first, last]"
            raise ValueError(msg)
        return self


class DecideReference(_Asked):
    """Why a version is accepted or retired."""

    why: Said


class ReferenceAnswer(Answer):
    """One version."""

    id: str = Field(description="Of the version: a hash of all that never changes.")
    name: str
    number: int = Field(description="Of the version, among those of its name and workspace.")
    workspace: str
    kind: Literal["run", "lumisections", "band", "file"]
    paths: list[str]
    rank: int
    valid: dict[str, Any]
    windows: list[dict[str, Any]] = Field(description="What it was made of: runs, sets, LSs.")
    file: str
    exposed: dict[str, Any] = Field(description="LSs, luminosity in /pb, and pile-up of these.")
    per: str = Field(description="Unit of a band.")
    elements: int
    labels: dict[str, str]
    owner: str
    reason: str
    made: int = Field(description="Nanoseconds since 1970.")
    expires: int | None
    digest: str
    size: int
    parts: int
    status: Literal["proposed", "accepted", "retired"]
    changed: int
    who: str = Field(description="Who decided on the status.")
    why: str
    stands: bool = Field(description="Whether it is the version of its name that is used.")


class ReferencesAnswer(Answer):
    """Versions: by workspace, name and number."""

    references: list[ReferenceAnswer]
    total: int = Field(description="How many match.")


class Decided(Answer):
    """One step in the life of a reference."""

    when: int
    who: str
    why: str
    action: str
    workspace: str
    version: str
    number: int
    status: str
    arguments: dict[str, str]


class HistoryAnswer(Answer):
    """Who decided what about a reference, why and when: the oldest first."""

    name: str
    history: list[Decided]


class MadeAnswer(Answer):
    """The versions that were made: one for each workspace."""

    references: list[ReferenceAnswer]
    left_out: dict[str, str] = Field(
        description="Workspaces, of all that were meant, of which none can be made: and why."
    )


class UploadAnswer(Answer):
    """The version that was made of a file."""

    reference: ReferenceAnswer
    taken: int = Field(description="Histograms that were taken.")
    left_out: list[str] = Field(description="Why others were not: the first of them.")


class ReferenceContentsAnswer(Answer):
    """Elements of a reference, as contents are shown; a band has `centre`, `lower` and `upper`
    besides, of content for one unit."""

    reference: ReferenceAnswer
    contents: list[Contents]


class OverlayAnswer(Answer):
    """What a plot is compared with, to be drawn over it."""

    reference: ReferenceAnswer
    contents: list[Contents]
    scale: float | None = Field(
        description="What its values are to be multiplied by; null where that is not known."
    )
    normalise: str = Field(description="To equal what; `none` for profiles.")
    tried: list[str] = Field(description="Earlier ones in the chain, and why they were not used.")


class ProposalRow(Answer):
    """A run that may be a reference."""

    run: int
    distance: float = Field(description="0 for one that is alike in all that is asked.")
    reasons: list[str]
    refused: str = Field(description="Why it is not proposed at all; empty if it is.")
    facts: dict[str, Any]


class ProposalsAnswer(Answer):
    """Runs as references for another, the best first."""

    run: int
    facts: dict[str, Any]
    proposals: list[ProposalRow]


def reference_row(reference: Reference, *, stands: bool) -> dict[str, Any]:
    """A version as JSON types."""
    row: dict[str, Any] = msgspec.to_builtins(reference)
    row.pop("type")
    return row | {"stands": stands}


def proposal_row(proposal: Proposal) -> dict[str, Any]:
    """A proposal as JSON types."""
    return {
        "run": proposal.facts.run,
        "distance": proposal.distance,
        "reasons": list(proposal.reasons),
        "refused": proposal.refused,
        "facts": msgspec.to_builtins(proposal.facts),
    }
