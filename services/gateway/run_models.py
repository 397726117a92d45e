"""What HTTP answers about runs: their counts, conditions and sets of bookings."""

from pydantic import Field

from dqmstream.messages.quality import Outcome
from services.gateway.models import NEXT, Answer, Number

__all__ = ["RunAnswer", "RunConditions", "RunsAnswer", "SetsAnswer"]


class WorkspaceOutcomes(Answer):
    """LSs of a workspace, by how the tests on each alone came out."""

    worst: Outcome = Field(description="Of any LS.")
    judged: int = Field(description="LSs whose worst outcome is GOOD, WARNING or BAD.")
    good: int
    problems: int = Field(description="LSs whose worst outcome is BAD, WARNING, ERROR or INVALID.")


class RunCounts(Answer):
    """Where the events of a run are, counted."""

    lumisections: int = Field(description="LSs that are known.")
    seen: int
    selected: int
    dropped: int
    late_events: int
    open: int = Field(description="LSs that are still open.")
    incomplete: int = Field(description="LSs that closed without all announced chunks.")
    holes: int = Field(description="LSs whose input had expired before it was read.")
    missing: dict[str, int] = Field(description="In how many LSs a source had not spoken.")
    refused: dict[str, int] = Field(description="Chunks not filled, by reason.")


class RunSummary(Answer):
    """What a run comes to."""

    worst: Outcome = Field(description="Of any LS of any workspace.")
    outcomes: dict[str, WorkspaceOutcomes] = Field(description="By workspace.")
    accounting: RunCounts
    fill: int | None
    delivered: Number = Field(description="Luminosity, in /pb; null if not known of any LS.")
    recorded: Number


class RunRow(Answer):
    """A run in a list of runs."""

    run: int = Field(description="Run number.", examples=[398600])
    run_type: str = Field(description="As its sources announced it; empty if not known.")
    marks: list[str] = Field(
        description="What about its data is not as a detector took it.", examples=[["re-timed"]]
    )
    started: int | None = Field(description="When its first source began, ns since 1970.")
    began: int | None = Field(description="When its first set came, nanoseconds since 1970.")
    newest: int | None = Field(description="When its newest set came, nanoseconds since 1970.")
    ended: bool = Field(description="Whether a source has said that the run is over.")
    first_lumisection: int | None
    last_lumisection: int | None
    lumisections: int = Field(description="How many lumisections are known.")
    events: int | None = Field(description="Events seen on time; null in lists of stored runs.")
    live: bool = Field(description="Whether it is in memory, so that it can be watched.")
    summary: RunSummary | None = Field(
        None, description="What it comes to; only in lists that are asked for it, or filtered."
    )


class SetWorkspace(Answer):
    """What a set has brought of a workspace in a run."""

    workspace: str
    elements: int = Field(description="How many elements it books.")
    lumisections: int = Field(description="Of how many LSs there is something.")
    newest: int = Field(description="The newest of them; 0 if there is none.")
    shown: bool = Field(description="Whether readers are shown this set of the workspace.")


class SetRow(Answer):
    """A set of bookings."""

    set: str = Field(description="Its hash.")
    workspaces: list[SetWorkspace]


class SetsAnswer(Answer):
    """Sets of bookings of a run."""

    run: int
    sets: list[SetRow]


class RunsAnswer(Answer):
    """Runs, newest first."""

    current: int | None = Field(description="The run that began last of those in memory.")
    runs: list[RunRow]
    after: int | None = Field(description="Ask with this for the next page; null at the end.")
    next: str | None = NEXT


class Accounting(Answer):
    """Where every event and chunk of a run is."""

    seen: int = Field(description="Events of filled chunks, as their source read them.")
    selected: int = Field(description="Events of filled chunks that were sent and filled.")
    dropped: int = Field(description="Events that sources lost knowingly.")
    chunks: int = Field(description="Chunks filled on time.")
    duplicates: int = Field(description="Chunks that came again, and were not filled again.")
    starved: str = Field(description="LSs of which a source's selection left next to nothing.")
    late_events: int = Field(description="Events of chunks for LSs that were closed already.")
    late_chunks: int
    late_in: str = Field(description="LSs with late chunks.", examples=["12, 40-43"])
    refused: dict[str, int] = Field(description="Chunks not filled, by reason.")
    notes: dict[str, int] = Field(description="What sources could not use, by reason.")
    missing: dict[str, str] = Field(description="Sources that had not spoken, and in which LSs.")
    open: str = Field(description="LSs that are still open.")
    incomplete: str = Field(description="LSs that closed without all announced chunks.")
    holes: str = Field(description="LSs whose input had expired before it was read.")


class RunConditions(Answer):
    """Conditions of one lumisection; null or empty is not known."""

    lumisection: int
    run_type: str
    fill: int | None
    beam_mode: str
    luminosity: Number = Field(description="Instantaneous, its mean over the LS, in /cm2/s.")
    pileup: Number = Field(description="Mean number of interactions in a crossing.")
    prescale_index: int | None
    prescale_name: str
    delivered: Number = Field(description="Luminosity integrated over the LS, in /pb.")
    recorded: Number = Field(description="The part of it that was recorded, in /pb.")
    beams_stable: bool | None
    physics: bool | None
    energy: Number = Field(description="Of a beam, in GeV.")
    dcs_known: int = Field(description="Of how many detector parts the voltages are known.")
    dcs_off: list[str] = Field(description="Detector parts whose voltage is off.")


class RunAnswer(Answer):
    """One run."""

    run: RunRow
    rate: Number = Field(description="Events per second that came in lately; null if unknown.")
    conditions: RunConditions | None = Field(description="Of the newest LS that has any.")
    accounting: Accounting
    labels: dict[str, list[str]] = Field(description="Names for the bins of axes with that label.")
    workspaces: list[str]
