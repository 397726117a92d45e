"""What HTTP answers about trends over runs look like."""

from pydantic import Field

from dqmstream.messages.quality import Outcome
from services.gateway.models import NEXT, Answer
from services.gateway.run_points import Booked

__all__ = ["RunPoint", "TrendOverRunsAnswer"]


class RunPoint(Answer):
    """One run."""

    run: int
    run_type: str
    began: int | None = Field(description="Nanoseconds since 1970; null where it is not known.")
    ended: bool
    booked: Booked = Field(
        description="As in the run that was asked for (`same`), filled by other expressions "
        "(`redefined`), with other axes, storage or ranges (`rebinned`), or not at all (`absent`)."
    )
    value: float | str | None = Field(
        description="Null where it is undefined, and of other bookings unless they are asked for."
    )
    error: float | None = Field(description="Standard error of a mean, else null.")
    entries: int | None = Field(description="Flow included; null of scalars and texts.")
    lumisections: int = Field(description="How many are in it; none of what was imported whole.")
    outcome: Outcome | None = Field(
        description="The worst report on the element at the newest LS that has reports, of that LS "
        "and of windows that end with it; null where none is known."
    )
    problem: str = Field(description="Why there is no number; empty if there is one.")


class TrendOverRunsAnswer(Answer):
    """One number per run."""

    path: str
    workspace: str
    run: int = Field(description="The newest run; others are compared with its booking.")
    quantity: str
    window: str = Field(description="LSs of each run: `run` for all, or `1-10`.")
    points: list[RunPoint] = Field(description="Newest number first.")
    after: int | None = Field(description="Runs below it are not in this answer; null at the end.")
    next: str | None = NEXT
