"""Reports with fewer details: the same verdicts in fewer bytes."""

from typing import Final

import msgspec

from dqmstream.messages.quality import Outcome, QualityReport, QualityReports

__all__ = ["terse"]

_BINS: Final = 3


def terse(reports: QualityReports) -> QualityReports:
    """The same verdicts with the worst bins alone, and without the messages of what is GOOD."""
    return msgspec.structs.replace(reports, reports=tuple(map(_terse, reports.reports)))


def _terse(report: QualityReport) -> QualityReport:
    return msgspec.structs.replace(
        report,
        bad_channels=report.bad_channels[:_BINS],
        message="" if report.outcome is Outcome.GOOD else report.message,
    )
