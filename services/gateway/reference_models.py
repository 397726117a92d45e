"""What HTTP answers about references. The OpenAPI document is generated from these."""

from typing import Any, Literal

import msgspec
from pydantic import Field

from dqmstream.messages.references import Reference
from dqmstream.references.proposals import Proposal
from services.gateway.element_models import Contents
from services.gateway.models import Answer

__all__ = [
    "HistoryAnswer",
    "MadeAnswer",
    "OverlayAnswer",
    "ProposalsAnswer",
    "ReferenceAnswer",
    "ReferenceContentsAnswer",
    "ReferencesAnswer",
    "UploadAnswer",
    "proposal_row",
    "reference_row",
]


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
    expired: bool = Field(description="Whether its time is over; it is not used any more then.")


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


def reference_row(reference: Reference, *, stands: bool, expired: bool) -> dict[str, Any]:
    """A version as JSON types."""
    row: dict[str, Any] = msgspec.to_builtins(reference)
    row.pop("type")
    return row | {"stands": stands, "expired": expired}


def proposal_row(proposal: Proposal) -> dict[str, Any]:
    """A proposal as JSON types."""
    return {
        "run": proposal.facts.run,
        "distance": proposal.distance,
        "reasons": list(proposal.reasons),
        "refused": proposal.refused,
        "facts": msgspec.to_builtins(proposal.facts),
    }
