"""Algorithms run on stacks: what they find is checked, and where one fails only that row pays."""

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.quality import Outcome
from dqmstream.quality.algorithm import Findings, WholeStackError
from dqmstream.quality.compiled import CompiledTest
from dqmstream.quality.rows import Rows

__all__ = ["Failed", "Measured", "measured", "trace_of"]

_MAX_TRACE: Final = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What a test found in some rows.

    Parameters
    ----------
    entries
        Of each row.
    obstacles
        Row to outcome and reason, of those that cannot be judged.
    """

    test: CompiledTest
    rows: Rows
    findings: Findings
    entries: list[int]
    obstacles: dict[int, tuple[Outcome, str]]

    @property
    def is_probability(self) -> bool:
        """Whether its qtresult is its p-value, so that thresholds are of probabilities."""
        p_value, qtresult = self.findings.p_value, self.findings.qtresult
        return p_value is not None and np.array_equal(qtresult, p_value, equal_nan=True)

    def judged_p_values(self) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Rows that are judged and have a p-value, and these."""
        p_value = self.findings.p_value
        if p_value is None:
            return np.empty(0, np.intp), np.empty(0)
        usable = np.isfinite(p_value)
        usable[list(self.obstacles)] = False
        rows = np.flatnonzero(usable)
        return rows, p_value[rows]


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """A test that failed on an element, and where; `versions` of what it compared with."""

    test: CompiledTest
    layout: ElementLayout
    error: str
    trace: str
    versions: tuple[str, ...] = ()


def measured(test: CompiledTest, rows: Rows) -> Iterator[Measured | Failed]:
    """Run a test's algorithm on a stack.

    An algorithm may fail in any way. The stack is then halved until it fails on single rows alone,
    unless it says that this is no use.
    """
    try:
        findings = test.algorithm.measure(rows.stack, test.declared.parameters)
        yield _checked(test, rows, findings)
    except Exception as error:
        count = len(rows.layouts)
        if count > 1 and not isinstance(error, WholeStackError):
            for start, stop in ((0, count // 2), (count // 2, count)):
                yield from measured(test, rows.part(start, stop))
            return
        said, trace = repr(error), trace_of(error)
        for row, layout in enumerate(rows.layouts):
            versions = rows.versions_of(row)
            yield Failed(test=test, layout=layout, error=said, trace=trace, versions=versions)


def trace_of(error: BaseException) -> str:
    """The end of its traceback."""
    return "".join(traceback.format_exception(error))[-_MAX_TRACE:]


def _checked(test: CompiledTest, rows: Rows, findings: Findings) -> Measured:
    """Findings that reports can be made of; ValueError for any others."""
    count = len(rows.layouts)
    for name in ("qtresult", "measured", "entries", "p_value", "statistic", "ndof"):
        values = getattr(findings, name)
        if values is not None and values.shape != (count,):
            msg = f"{name} has shape {values.shape}, expected one row for each of {count} elements"
            raise ValueError(msg)
    content, severity = findings.content, findings.severity
    if (content is None) != (severity is None) or (
        content is not None
        and severity is not None
        and (content.shape != severity.shape or len(content) != count or content.ndim < 2)
    ):
        shapes = [None if one is None else one.shape for one in (content, severity)]
        msg = f"content and severity have shapes {shapes}, expected both [{count}, bins...]"
        raise ValueError(msg)
    entries = [int(number) for number in findings.entries.tolist()]
    return Measured(
        test=test,
        rows=rows,
        findings=findings,
        entries=entries,
        obstacles=_obstacles(test, findings, entries),
    )


def _obstacles(
    test: CompiledTest, findings: Findings, entries: list[int]
) -> dict[int, tuple[Outcome, str]]:
    """Rows that cannot be judged, and why."""
    found = dict(_nonsense(findings))
    least = max(test.declared.min_entries, 1)
    for row, why in findings.insufficient.items():
        found[row] = Outcome.INSUFFICIENT, f"{why}; {entries[row]} entries"
    for row, number in enumerate(entries):
        if number < least:
            found[row] = Outcome.INSUFFICIENT, f"{number} entries, needs {least}"
    return found


def _nonsense(findings: Findings) -> Iterator[tuple[int, tuple[Outcome, str]]]:
    """Rows whose results are no results."""
    qtresult, measured_in = findings.qtresult, findings.measured
    with np.errstate(invalid="ignore"):
        good = (qtresult >= 0) & (qtresult <= 1) & np.isfinite(measured_in)
        if findings.p_value is not None:
            good &= np.isnan(findings.p_value) | ((findings.p_value >= 0) & (findings.p_value <= 1))
    for row in np.flatnonzero(~good).tolist():
        why = (
            f"the test returned qtresult {qtresult[row]:g} and measured {measured_in[row]:g}"
            + ("" if findings.p_value is None else f" and p-value {findings.p_value[row]:g}")
            + ", expected 0 to 1"
        )
        yield row, (Outcome.ERROR, why)
