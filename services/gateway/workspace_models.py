"""What HTTP answers about workspaces: how each stands in a run."""

from pydantic import Field

from dqmstream.messages.quality import Outcome
from services.gateway.models import Answer, OutcomeWords

__all__ = ["WorkspacesAnswer"]


class Newest(Answer):
    """The newest verdicts on a workspace."""

    lumisection: int
    complete: bool
    made: int = Field(description="When, nanoseconds since 1970.")
    worst: Outcome
    judged: int
    not_judged: int = Field(description="Tests that came to no judgement; never hidden.")
    counts: dict[str, int] = Field(description="Tests by outcome.")
    elements: dict[str, OutcomeWords] = Field(description="By path.")


class WorkspaceRow(Answer):
    """One workspace, and how it stands in the run."""

    workspace: str
    description: str
    elements: int = Field(description="How many MonitorElements it books.")
    filled: bool = Field(description="Whether the run has brought anything of it.")
    lumisection: Newest | None = Field(description="Verdicts on the newest LS.")
    run: Newest | None = Field(description="Verdicts on the run so far.")


class WorkspacesAnswer(Answer):
    """Workspaces by name."""

    run: int | None
    workspaces: list[WorkspaceRow]
