"""What HTTP answers look like. The OpenAPI document is generated from these."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dqmstream.messages.quality import Outcome

__all__ = [
    "NEXT",
    "Accounting",
    "Answer",
    "Health",
    "LumisectionsAnswer",
    "MemoryAnswer",
    "Number",
    "PulseAnswer",
    "Readiness",
    "ReportsAnswer",
    "RunAnswer",
    "RunsAnswer",
    "SetsAnswer",
    "WorkspacesAnswer",
]

NEXT: Any = Field(description="Where the next page is; null at the end.")
Number = Annotated[float | None, Field(description="A number; null where it is undefined.")]


class Answer(BaseModel):
    """Closed to fields that are not described here."""

    model_config = ConfigDict(extra="forbid")


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


OutcomeWords = Annotated[
    tuple[Outcome, int, int],
    Field(description="Worst outcome, how many tests judged, how many did not."),
]


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


class ReportRow(Answer):
    """One quality test on one element over one LS, or over a window of LSs that ends with it."""

    set: str
    run: int
    lumisection: int
    workspace: str
    scope: str = Field(
        description=(
            "`lumisection`; `run`, up to the LS; `last:N` LSs; `change:NAMES`, since one of these "
            "conditions last changed."
        )
    )
    complete: bool = Field(description="Whether the LS was complete when it was judged.")
    closed: bool = Field(description="Whether the LS was closed when it was judged.")
    first_lumisection: int | None = Field(description="Of the window; null if not known.")
    missing: list[tuple[int, int]] = Field(description="LSs of the window that were not in it.")
    configuration: str = Field(description="Hash of the quality tests in force.")
    code: str = Field(description="Release and hash of the algorithms.")
    contents: str = Field(description="Hash of the cells judged.")
    past: list[tuple[int, str]] = Field(
        description="LSs before the window that were looked at, each with the hash of its cells."
    )
    made: int = Field(description="When, nanoseconds since 1970.")
    path: str
    qtname: str
    algorithm: str
    outcome: Outcome
    qtresult: Number
    measured: Number
    limit: str
    entries: int
    references: list[str] = Field(description="Versions of the references compared with.")
    statistic: Number
    ndof: Number
    p_value: Number
    adjusted: Number = Field(description="The p-value corrected for the number of tests of the LS.")
    trace: str = Field(description="Where the test failed, if it did.")
    bad_channels: list[dict[str, Any]]
    bad_count: int
    message: str
    conditions: str = Field(description="What tests that require something were told of the LS.")


class ReportsAnswer(Answer):
    """Quality reports, by LS (newest first), workspace and path."""

    reports: list[ReportRow]
    truncated: bool = Field(description="Whether there are more than the limit.")
    after: str | None = Field(description="Ask with this for the next page; null at the end.")
    next: str | None = NEXT


class ProcessRow(Answer):
    """The last heartbeat of a process."""

    process: str
    service: str
    state: Literal["starting", "ready", "stopping", "stale"]
    when: int = Field(description="Nanoseconds since 1970.")
    run: int | None
    lumisection: int | None
    memory: int = Field(description="Resident bytes.")


class PulseAnswer(Answer):
    """Which processes are alive, and how old the live numbers are."""

    now: int = Field(description="The gateway's wall clock, nanoseconds since 1970.")
    newest_set: int | None = Field(description="When the newest histogram set came.")
    stale_after: float = Field(description="Seconds of silence after which a process is stale.")
    data_stale_after: float = Field(description="The same for histogram sets.")
    rejected: dict[str, int] = Field(description="Records that could not be used, by reason.")
    processes: list[ProcessRow]


class HeldElement(Answer):
    """One element of a workspace."""

    path: str
    bytes: int = Field(description="Its cells in all LSs that are held.")


class HeldWorkspace(Answer):
    """Contents of one workspace in memory, over all runs and sets."""

    workspace: str
    runs: int
    lumisections: int = Field(description="LSs held, of all runs together.")
    bytes: int
    elements: list[HeldElement] = Field(description="Those that take most, the largest first.")


class MemoryAnswer(Answer):
    """What the gateway holds, the largest workspace first."""

    budget: int = Field(description="Bytes that contents of LSs may take.")
    held: int = Field(description="Bytes that they take.")
    workspaces: list[HeldWorkspace]


class Health(Answer):
    """The gateway answers."""

    alive: Literal[True]


class Readiness(Answer):
    """Whether the gateway has read the log up to where it ended when it started."""

    ready: bool
    lag: dict[str, int] = Field(description="Offsets not read yet, by topic.")
