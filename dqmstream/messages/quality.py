"""Quality reports: what the comparator says of each MonitorElement."""

from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec

from dqmstream.messages.struct import Message, Value

__all__ = ["BadChannel", "Outcome", "QualityReport", "QualityReports", "Scope"]

Scope = Annotated[
    str, msgspec.Meta(pattern=r"^(lumisection|run|last:[0-9]{1,4}|change:[a-z_,.A-Z0-9]{1,200})$")
]
"""Over what a report speaks: the LS; the run up to it; the last N LSs (`last:5`); or all LSs since
one of some conditions last changed (`change:beam_mode,prescale_index`)."""


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


class BadChannel(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One bin that failed: 0-based bin per axis without flow, its content and a label."""

    bins: tuple[int, ...]
    content: float
    label: str = ""


class QualityReport(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One quality test on one element over one scope (CMSSW's QReport, with its proof).

    `qtresult` is the test's own number (a fraction or probability: higher is better); `measured`
    and `limit` are what the message compares, in the element's units.

    A test that makes a statement about chance gives its `statistic`, the degrees of freedom of that
    and the `p_value` it has; `adjusted` is the p-value corrected for the number of such statements
    about the same LS, by which it was judged. What a test was compared with is in `references`: the
    ids of their versions. Of a test that failed, `trace` says where.
    """

    path: str
    qtname: str
    algorithm: str
    outcome: Outcome
    qtresult: float | None = None
    measured: float | None = None
    limit: str = ""
    entries: int = 0
    references: tuple[str, ...] = ()
    bad_channels: tuple[BadChannel, ...] = ()
    bad_count: int = 0
    message: str = ""
    statistic: float | None = None
    ndof: float | None = None
    p_value: float | None = None
    adjusted: float | None = None
    trace: str = ""


class QualityReports(Message, frozen=True, kw_only=True, tag=True):
    """All reports of one workspace at one LS, over that LS or over a window that ends with it.

    `versions` are the `through` offsets per partition of the sets they were made from; of a window
    of several LSs the highest of any LS of the run so far. What was judged is the sum of all LSs
    from `first_lumisection` to `lumisection` but those in `missing` (ranges, both ends included).
    """

    version: ClassVar[int] = 4

    set: str
    run: int
    lumisection: int
    workspace: str
    scope: Scope
    complete: bool
    versions: tuple[int, ...]
    reports: tuple[QualityReport, ...]
    made: int = 0
    """Wall clock of the comparator, nanoseconds since 1970; display only."""
    conditions: str = ""
    """What quality tests that require something were told of the LS, as `pileup=43.1`."""
    first_lumisection: int | None = None
    """Of the window; None if it is not known, as in reports of versions before 3."""
    missing: tuple[tuple[int, int], ...] = ()
    closed: bool = True
    """False for what was said of an LS that was still open: the tests that ask for that alone."""
    configuration: str = ""
    """Hash of the quality tests in force for the workspace."""
    code: str = ""
    """Release of dqmstream and hash of the algorithms: the same code, contents and references give
    the same reports."""
    contents: str = ""
    """Hash of the cells that were judged."""
    past: tuple[tuple[int, str], ...] = ()
    """LSs before it that any test looked at, and the hash of the cells of each; those of versions
    before 4 do not say."""
