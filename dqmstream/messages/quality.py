"""Quality reports: what the comparator says of each MonitorElement."""

from enum import StrEnum
from typing import ClassVar, Literal

from dqmstream.messages.struct import Message, Value

__all__ = ["BadChannel", "Outcome", "QualityReport", "QualityReports"]


class Outcome(StrEnum):
    """What a quality test found. Only GOOD is green."""

    GOOD = "GOOD"
    WARNING = "WARNING"
    BAD = "BAD"
    INSUFFICIENT = "INSUFFICIENT"
    INVALID = "INVALID"
    ERROR = "ERROR"
    DISABLED = "DISABLED"
    STALE = "STALE"
    NOT_RUN = "NOT_RUN"


class BadChannel(Value, frozen=True, kw_only=True):
    """One bin that failed: 0-based bin per axis without flow, its content and a label."""

    bins: tuple[int, ...]
    content: float
    label: str = ""


class QualityReport(Value, frozen=True, kw_only=True):
    """One quality test on one element over one scope (CMSSW's QReport, with its proof).

    `qtresult` is the test's own number (a fraction or probability: higher is better); `measured`
    and `limit` are what the message compares, in the element's units.
    """

    path: str
    qtname: str
    algorithm: str
    outcome: Outcome
    qtresult: float | None = None
    measured: float | None = None
    limit: str = ""
    entries: int = 0
    reference: str = ""
    bad_channels: tuple[BadChannel, ...] = ()
    bad_count: int = 0
    message: str = ""


class QualityReports(Message, frozen=True, kw_only=True, tag=True):
    """All reports of one workspace at one LS, over that LS or over the run up to it.

    `versions` are the `through` offsets per partition of the sets they were made from.
    """

    version: ClassVar[int] = 2

    set: str
    run: int
    lumisection: int
    workspace: str
    scope: Literal["lumisection", "run"]
    complete: bool
    versions: tuple[int, ...]
    reports: tuple[QualityReport, ...]
    made: int = 0
    """Wall clock of the comparator, nanoseconds since 1970; display only."""
    conditions: str = ""
    """What quality tests that require something were told of the LS, as `pileup=43.1`."""
