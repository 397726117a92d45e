"""What HTTP answers about quality reports."""

from typing import Any

from pydantic import Field

from dqmstream.messages.quality import Outcome
from services.gateway.models import NEXT, Answer, Number

__all__ = ["ReportsAnswer"]


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
