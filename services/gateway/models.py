"""What HTTP answers look like. The OpenAPI document is generated from these."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dqmstream.messages.quality import Outcome

__all__ = [
    "Accounting",
    "ContentsAnswer",
    "ElementsAnswer",
    "Health",
    "LumisectionsAnswer",
    "PulseAnswer",
    "Readiness",
    "ReportsAnswer",
    "RunAnswer",
    "RunsAnswer",
    "TreeAnswer",
    "TrendAnswer",
    "UhiAnswer",
    "WorkspacesAnswer",
]

Number = Annotated[float | None, Field(description="A number; null where it is undefined.")]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RunRow(_Answer):
    """A run in a list of runs."""

    run: int = Field(description="Run number.", examples=[398600])
    run_type: str = Field(description="As its sources announced it; empty if not known.")
    began: int | None = Field(description="When its first set came, nanoseconds since 1970.")
    newest: int | None = Field(description="When its newest set came, nanoseconds since 1970.")
    ended: bool = Field(description="Whether a source has said that the run is over.")
    first_lumisection: int | None
    last_lumisection: int | None
    lumisections: int = Field(description="How many lumisections are known.")
    events: int | None = Field(description="Events seen on time; null in lists of stored runs.")
    live: bool = Field(description="Whether it is in memory, so that it can be watched.")


class RunsAnswer(_Answer):
    """Runs, newest first."""

    current: int | None = Field(description="The run that began last of those in memory.")
    runs: list[RunRow]
    before: int | None = Field(description="Ask with this for the next page; null at the end.")


class Accounting(_Answer):
    """Where every event and chunk of a run is."""

    seen: int = Field(description="Events of filled chunks, as their source read them.")
    selected: int = Field(description="Events of filled chunks that were sent and filled.")
    dropped: int = Field(description="Events that sources lost knowingly.")
    chunks: int = Field(description="Chunks filled on time.")
    duplicates: int = Field(description="Chunks that came again, and were not filled again.")
    late_events: int = Field(description="Events of chunks for LSs that were closed already.")
    late_chunks: int
    late_in: str = Field(description="LSs with late chunks.", examples=["12, 40-43"])
    refused: dict[str, int] = Field(description="Chunks not filled, by reason.")
    notes: dict[str, int] = Field(description="What sources could not use, by reason.")
    missing: dict[str, str] = Field(description="Sources that had not spoken, and in which LSs.")
    open: str = Field(description="LSs that are still open.")
    incomplete: str = Field(description="LSs that closed without all announced chunks.")
    holes: str = Field(description="LSs whose input had expired before it was read.")


class RunConditions(_Answer):
    """Conditions of one lumisection. Luminosity in /cm2/s, pile-up in interactions."""

    lumisection: int
    run_type: str
    fill: int | None
    beam_mode: str
    luminosity: Number
    pileup: Number
    prescale_index: int | None
    dcs_off: list[str] = Field(description="Detector parts whose voltage is off.")


class RunAnswer(_Answer):
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


class LumisectionRow(_Answer):
    """One lumisection with its account and outcomes."""

    lumisection: int
    closed: bool = Field(description="Whether its contents are final.")
    complete: bool = Field(description="Whether besides every announced chunk is in.")
    whole: bool = Field(description="False if input had expired before it was read.")
    closed_by: list[str]
    seen: int
    selected: int
    dropped: int
    duplicates: int
    refused: int = Field(description="Chunks not filled.")
    late: int = Field(description="Events that came after it closed; in no histogram shown.")
    missing: list[str] = Field(description="Sources that had not spoken when it closed.")
    lacking: list[str] = Field(description="What keeps it from being complete.")
    worst: Outcome
    outcomes: dict[str, OutcomeWords] = Field(description="By workspace.")


class LumisectionsAnswer(_Answer):
    """Lumisections of a run, rising."""

    run: int
    lumisections: list[LumisectionRow]


class Newest(_Answer):
    """The newest verdicts on a workspace."""

    lumisection: int
    complete: bool
    made: int = Field(description="When, nanoseconds since 1970.")
    worst: Outcome
    judged: int
    not_judged: int = Field(description="Tests that came to no judgement; never hidden.")
    counts: dict[str, int] = Field(description="Tests by outcome.")
    elements: dict[str, OutcomeWords] = Field(description="By path.")


class WorkspaceRow(_Answer):
    """One workspace, and how it stands in the run."""

    workspace: str
    description: str
    elements: int = Field(description="How many MonitorElements it books.")
    filled: bool = Field(description="Whether the run has brought anything of it.")
    lumisection: Newest | None = Field(description="Verdicts on the newest LS.")
    run: Newest | None = Field(description="Verdicts on the run so far.")


class WorkspacesAnswer(_Answer):
    """Workspaces by name."""

    run: int | None
    workspaces: list[WorkspaceRow]


class ElementRow(_Answer):
    """What a MonitorElement is; nothing of its contents."""

    path: str
    workspace: str
    kind: Literal["histogram", "profile", "scalar", "text"]
    storage: Literal["count", "weighted", "profile", "value"]
    title: str
    description: str = Field(description="What the shifter should know of it.")
    draw: dict[str, Any] = Field(description="How it should be drawn.")
    axes: list[dict[str, Any]] = Field(description="The axes that are drawn: at most two.")
    shape: list[int] = Field(description="Bins per drawn axis, flow included.")
    projected: bool = Field(description="Whether a third axis is summed over.")
    cells: int = Field(description="Cells it takes, counters included.")
    value_axis: str = Field(description="What its bins hold.")


class ElementsAnswer(_Answer):
    """MonitorElements by workspace and in booking order."""

    elements: list[ElementRow]
    total: int = Field(description="How many match.")
    after: int | None = Field(description="Ask with this for the next page; null at the end.")


class TreeAnswer(_Answer):
    """One folder of the tree of paths."""

    folder: str
    folders: dict[str, int] = Field(description="Subfolders, with the elements below each.")
    elements: list[str] = Field(description="Paths of the elements in the folder itself.")


class WindowWords(_Answer):
    """Which lumisections the numbers cover: printed on every plot."""

    word: str = Field(description="The window asked for.", examples=["last-10", "run", "12-40"])
    run: int
    first: int = Field(description="First LS covered; 0 if none is.")
    last: int
    lumisections: int = Field(description="How many LSs are covered.")
    closed: bool
    complete: bool
    whole: bool
    late_events: int = Field(description="Late events of these LSs, which are not in the numbers.")


class Totals(_Answer):
    """Counts over a whole element."""

    entries: int = Field(description="Entries, flow included.")
    nan: int = Field(description="Entries whose fill value was not a number; in no bin.")
    outside: int = Field(description="Entries whose weight or value was out of its range.")
    value: float | str | None = Field(description="The value of a scalar or text.")
    invalid: str = Field(description="Why the element could not be filled; empty if it could.")


class Contents(_Answer):
    """One element over a window, for drawing."""

    element: ElementRow
    window: WindowWords
    totals: Totals
    problem: str
    arrays: dict[str, list[Number]] = Field(
        description="Cells in C order over `shape`, flow included: `values`, and where the storage "
        "has them `errors` and `entries`."
    )


class ContentsAnswer(_Answer):
    """Contents of elements, in the order asked for or booked."""

    contents: list[Contents]


class UhiAnswer(_Answer):
    """Histograms in UHI's JSON form, by path."""

    histograms: dict[str, dict[str, Any]] = Field(description="UHI serialisation, schema 1.")
    left_out: list[str] = Field(description="Paths of scalars and texts.")


class TrendAnswer(_Answer):
    """One number per lumisection."""

    path: str
    workspace: str
    run: int
    quantity: str
    lumisections: list[int] = Field(description="Rising; an LS without contents is not listed.")
    values: list[float | str | None]
    closed: list[bool]


class ReportRow(_Answer):
    """One quality test on one element over one LS, or over the run up to it."""

    set: str
    run: int
    lumisection: int
    workspace: str
    scope: Literal["lumisection", "run"]
    complete: bool = Field(description="Whether the LS was complete when it was judged.")
    made: int = Field(description="When, nanoseconds since 1970.")
    path: str
    qtname: str
    algorithm: str
    outcome: Outcome
    qtresult: Number
    measured: Number
    limit: str
    entries: int
    reference: str
    bad_channels: list[dict[str, Any]]
    bad_count: int
    message: str


class ReportsAnswer(_Answer):
    """Quality reports, by LS (newest first), workspace and path."""

    reports: list[ReportRow]
    truncated: bool = Field(description="Whether there are more than the limit; narrow the query.")


class ProcessRow(_Answer):
    """The last heartbeat of a process."""

    process: str
    service: str
    state: Literal["starting", "ready", "stopping", "stale"]
    when: int = Field(description="Nanoseconds since 1970.")
    run: int | None
    lumisection: int | None
    memory: int = Field(description="Resident bytes.")


class PulseAnswer(_Answer):
    """Which processes are alive, and how old the live numbers are."""

    now: int = Field(description="The gateway's wall clock, nanoseconds since 1970.")
    newest_set: int | None = Field(description="When the newest histogram set came.")
    stale_after: float = Field(description="Seconds of silence after which a process is stale.")
    data_stale_after: float = Field(description="The same for histogram sets.")
    rejected: dict[str, int] = Field(description="Records that could not be used, by reason.")
    processes: list[ProcessRow]


class Health(_Answer):
    """The gateway answers."""

    alive: Literal[True]


class Readiness(_Answer):
    """Whether the gateway has read the log up to where it ended when it started."""

    ready: bool
    lag: dict[str, int] = Field(description="Offsets not read yet, by topic.")
