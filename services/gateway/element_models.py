"""What HTTP answers about elements and their contents look like."""

from typing import Any, Literal

from pydantic import Field

from services.gateway.models import NEXT, Answer, Number

__all__ = ["ContentsAnswer", "ElementsAnswer", "TreeAnswer", "TrendAnswer", "UhiAnswer"]


class ElementRow(Answer):
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


class ElementsAnswer(Answer):
    """MonitorElements by workspace and in booking order."""

    elements: list[ElementRow]
    total: int = Field(description="How many match.")
    after: int | None = Field(description="Ask with this for the next page; null at the end.")
    next: str | None = NEXT


class TreeAnswer(Answer):
    """One folder of the tree of paths."""

    folder: str
    folders: dict[str, int] = Field(description="Subfolders, with the elements below each.")
    elements: list[str] = Field(description="Paths of the elements in the folder itself.")


class WindowWords(Answer):
    """Which lumisections the numbers cover: printed on every plot."""

    word: str = Field(description="The window asked for.", examples=["last-10", "run", "12-40"])
    run: int
    first: int = Field(description="First LS covered; 0 if none is.")
    last: int
    lumisections: int = Field(description="How many LSs are covered.")
    closed: bool
    complete: bool
    whole: bool
    late_events: int = Field(
        description="Late events of these LSs; in the numbers only if `late` is not null."
    )
    late: str | None = Field(description="LSs whose late data were added, if that was asked for.")
    as_of: str = Field(description="The moment asked for; empty for now.")
    replaced: str = Field(
        description="LSs that were known at that moment with contents that are gone since."
    )
    marks: list[str] = Field(description="What the run is not, as a detector took it.")
    reshaped: str = Field(description="What was done to the bins.")


class Totals(Answer):
    """Counts over a whole element."""

    entries: int = Field(description="Entries, flow included.")
    nan: int = Field(description="Entries whose fill value was not a number; in no bin.")
    outside: int = Field(description="Entries whose weight or value was out of its range.")
    value: float | str | None = Field(description="The value of a scalar or text.")
    invalid: str = Field(description="Why the element could not be filled; empty if it could.")


class Contents(Answer):
    """One element over a window, for drawing."""

    element: ElementRow
    window: WindowWords
    totals: Totals
    problem: str
    arrays: dict[str, list[Number]] = Field(
        description="Cells in C order over `shape`, flow included: `values`, and where the storage "
        "has them `errors` and `entries`."
    )


class ContentsAnswer(Answer):
    """Contents of elements, in the order asked for or booked."""

    contents: list[Contents]


class UhiAnswer(Answer):
    """Histograms in UHI's JSON form, by path."""

    histograms: dict[str, dict[str, Any]] = Field(description="UHI serialisation, schema 1.")
    left_out: list[str] = Field(description="Paths of scalars and texts.")


class TrendAnswer(Answer):
    """One number per lumisection."""

    path: str
    workspace: str
    run: int
    quantity: str
    lumisections: list[int] = Field(description="Rising; an LS without contents is not listed.")
    values: list[float | str | None]
    errors: list[float | None] = Field(
        description="Standard error of each value: of a mean rms/sqrt(entries), else null."
    )
    closed: list[bool]
    against: str = Field(description="What `x` is of each LS.")
    x: list[float | None] = Field(description="Null where it is not known.")
