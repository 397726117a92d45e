"""What HTTP takes and answers about posted workspaces."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dqmstream.configuration.workspaces_by_run import WorkspacesByRun
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.workspaces.trial import Tried
from services.gateway.models import Answer
from services.gateway.version_models import Text, VersionAnswer, version_row

__all__ = [
    "ActivateWorkspace",
    "PostedAnswer",
    "PostedVersionAnswer",
    "PostedVersionsAnswer",
    "TriedAnswer",
    "TryWorkspace",
    "posted_body",
    "posted_version",
    "tried_body",
]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TryWorkspace(_Asked):
    """A workspace to try."""

    text: Text = Field(description="TOML.")


class ActivateWorkspace(_Asked):
    """A workspace to put in force."""

    text: Text = Field(description="TOML.")
    why: Annotated[str, StringConstraints(min_length=3, max_length=1_000)]
    unmeasured: bool = Field(
        False, description="Also if the newest events do not show what all of it costs."
    )


class PostedVersionAnswer(VersionAnswer):
    """A version of a posted workspace."""

    after_run: int = Field(description="It holds for runs that begin after this one.")
    notes: dict[str, str] = Field(description="What was known of it when it was activated.")


class PostedVersionsAnswer(Answer):
    """Versions of a posted workspace, the oldest first; active is null if none is in force."""

    workspace: str
    versions: list[PostedVersionAnswer]
    active: int | None
    followed: int | None = Field(description="Null: see the processes of all posted workspaces.")
    problem: str = Field(description="Empty.")


class PostedRow(Answer):
    """A workspace that was posted."""

    workspace: str
    active: PostedVersionAnswer | None = Field(description="Without its text; null: rolled back.")
    versions: int


class PostedProcess(Answer):
    """A process that fills posted workspaces, as it says."""

    process: str
    state: str
    generation: int = Field(description="By which it goes.")
    refused: int = Field(description="Generations that it cannot read: of another release.")


class PostedAnswer(Answer):
    """All workspaces that were ever posted, and who fills them."""

    generation: int = Field(description="Rises with each version of any of them.")
    workspaces: list[PostedRow]
    processes: list[PostedProcess]


class ElementTriedAnswer(Answer):
    """What an element would show of the events."""

    path: str
    kind: str
    bytes: int = Field(description="Of one LS.")
    entries: int | None
    mean: float | None = Field(description="Along the first axis.")
    value: int | float | str | None = Field(description="Of a scalar or text.")
    invalid: str = Field(description="Why it cannot be filled; mostly empty.")
    shape: list[float] = Field(description="Contents in one dimension, neighbours averaged.")


class TriedAnswer(Answer):
    """What a workspace would show, and cost. Nothing is changed by it."""

    workspace: str
    runs: list[int]
    lumisections: int
    chunks: int
    events: int
    microseconds: float | None = Field(description="Of a processor, an event; null: no events.")
    bytes: int = Field(description="Of one LS.")
    problem: str = Field(description="Why it cannot be activated; empty if it can.")
    elements: list[ElementTriedAnswer]


def posted_version(
    version: ConfigurationVersion, *, active: bool, with_text: bool
) -> dict[str, Any]:
    """A version as an answer has it."""
    row = version_row(version, active=active, with_text=with_text)
    return {**row, "after_run": version.after_run, "notes": dict(version.notes)}


def posted_body(by_run: WorkspacesByRun, processes: list[dict[str, Any]]) -> Mapping[str, Any]:
    """All of them as an answer has it."""
    rows = [
        {
            "workspace": name,
            "active": (
                posted_version(history.active, active=True, with_text=False)
                if history.active is not None
                else None
            ),
            "versions": len(history.versions),
        }
        for name, history in sorted(by_run.histories.items())
    ]
    return {
        "generation": len(by_run.generations),
        "workspaces": rows,
        "processes": processes,
    }


def tried_body(tried: Tried, problem: str) -> dict[str, Any]:
    """What was tried, as an answer has it."""
    elements = [element._asdict() for element in tried.elements]
    return {**tried._asdict(), "elements": elements, "problem": problem}
