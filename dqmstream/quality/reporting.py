"""From what tests found to reports: outcomes, limits, worst bins, and a message that says all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.quality import BadChannel, Outcome, QualityReport
from dqmstream.quality.algorithm import Findings
from dqmstream.quality.compiled import CompiledTest
from dqmstream.quality.declaration import QualityTest
from dqmstream.quality.false_discovery import benjamini_hochberg
from dqmstream.quality.measuring import Failed, Measured, trace_of
from dqmstream.quality.worst_bins import MAX_BAD_CHANNELS, WorstBins

__all__ = ["MAX_BAD_CHANNELS", "Adjusted", "adjust", "failure", "reports_of", "unjudged"]

_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Adjusted:
    """P-values by row, corrected for `tests` of them in all."""

    values: Mapping[int, float]
    tests: int


def adjust(all_measured: Sequence[Measured]) -> list[Adjusted | None]:
    """P-values of all that was measured corrected for how many there are; None where a test makes
    no such statement, or is not to be corrected."""
    found = [
        one.judged_p_values() if one.test.declared.false_discovery else None for one in all_measured
    ]
    p_values = [values for rows_values in found if rows_values for values in (rows_values[1],)]
    adjusted = benjamini_hochberg(np.concatenate(p_values)) if p_values else np.empty(0)
    start, results = 0, list[Adjusted | None]()
    for one, rows_values in zip(all_measured, found, strict=True):
        if rows_values is None or one.findings.p_value is None:
            results.append(None)
            continue
        rows = rows_values[0].tolist()
        part = adjusted[start : start + len(rows)].tolist()
        results.append(Adjusted(dict(zip(rows, part, strict=True)), len(adjusted)))
        start += len(rows)
    return results


def reports_of(measured: Measured, adjusted: Adjusted | None) -> Iterator[QualityReport]:
    """A report for each row."""
    test, findings = measured.test, measured.findings
    axes = getattr(measured.rows.layouts[0].element, "axes", ())
    worst = WorstBins(findings, axes)
    writer = _Writer(measured, adjusted)
    for row, layout in enumerate(measured.rows.layouts):
        if row in measured.obstacles:
            versions = measured.rows.versions_of(row)
            obstacle, entries = measured.obstacles[row], measured.entries[row]
            yield unjudged(test, layout, *obstacle, entries=entries, references=versions)
            continue
        try:
            report = writer.report(row, layout, *worst.of(row))
        except Exception as error:
            # Whatever a plug-in's findings are, the other rows have their reports.
            said, versions = repr(error), measured.rows.versions_of(row)
            trace = trace_of(error)
            failed = Failed(test=test, layout=layout, error=said, trace=trace, versions=versions)
            report = failure(failed)
        yield report


class _Writer:
    """Writes the reports of one test: what all of them share is worked out once."""

    def __init__(self, measured: Measured, adjusted: Adjusted | None) -> None:
        findings, self._declared = measured.findings, measured.test.declared
        self._measured, self._findings = measured, findings
        self._adjusted = adjusted
        self._by_adjusted = adjusted is not None and measured.is_probability
        self._qtresult, self._values = findings.qtresult.tolist(), findings.measured.tolist()
        self._p_value = _listed(findings.p_value)
        self._statistic = _listed(
            findings.measured if findings.statistic is None else findings.statistic
        )
        self._ndof = _listed(findings.ndof)
        self._limit = _limit(self._declared, findings, self._by_adjusted)
        self._unit = f" {findings.unit}" if findings.unit else ""
        self._shows_bins = findings.severity is not None

    def report(
        self, row: int, layout: ElementLayout, bad: tuple[BadChannel, ...], count: int
    ) -> QualityReport:
        declared, rows = self._declared, self._measured.rows
        qtresult, measured, entries = (
            self._qtresult[row],
            self._values[row],
            self._measured.entries[row],
        )
        p_value = _number(self._p_value, row)
        adjusted = None if self._adjusted is None else self._adjusted.values.get(row)
        decisive = qtresult if adjusted is None or not self._by_adjusted else adjusted
        quantity = self._findings.quantity
        if rows.names:
            quantity = _naming(quantity, rows.names[row])
        bins = _worst(bad, count) if self._shows_bins else ""
        return QualityReport(
            path=layout.element.path,
            qtname=declared.name,
            algorithm=declared.algorithm,
            outcome=_outcome(decisive, declared),
            qtresult=qtresult,
            measured=measured,
            limit=self._limit,
            entries=entries,
            references=rows.versions_of(row),
            bad_channels=bad,
            bad_count=count,
            message=(
                f"{quantity} is {measured:.6g}{self._unit}"
                f"{self._chance(qtresult, adjusted)}, expected {self._limit}; "
                f"{entries} entries{bins}"
            ),
            statistic=None if p_value is None else _number(self._statistic, row),
            ndof=_number(self._ndof, row),
            p_value=p_value,
            adjusted=adjusted,
        )

    def _chance(self, qtresult: float, adjusted: float | None) -> str:
        """What thresholds are compared with, where that is not what was measured."""
        if self._by_adjusted and adjusted is not None and self._adjusted is not None:
            number = self._adjusted.tests
            return f" (p-value {qtresult:.3g}, adjusted for {number} tests {adjusted:.3g})"
        return f" (qtresult {qtresult:.3g})" if self._findings.limit else ""


def unjudged(
    test: CompiledTest,
    layout: ElementLayout,
    outcome: Outcome,
    why: str,
    *,
    entries: int = 0,
    references: tuple[str, ...] = (),
) -> QualityReport:
    """The report of an element that a test does not judge."""
    return QualityReport(
        path=layout.element.path,
        qtname=test.declared.name,
        algorithm=test.declared.algorithm,
        outcome=outcome,
        entries=entries,
        references=references,
        message=f"not judged: {why}",
    )


def failure(failed: Failed) -> QualityReport:
    """The report of a test that failed."""
    return QualityReport(
        path=failed.layout.element.path,
        qtname=failed.test.declared.name,
        algorithm=failed.test.declared.algorithm,
        outcome=Outcome.ERROR,
        references=failed.versions,
        message=f"not judged: the test failed: {failed.error[:500]}",
        trace=failed.trace,
    )


def _outcome(qtresult: float, test: QualityTest) -> Outcome:
    if qtresult < test.error:
        return Outcome.BAD
    return Outcome.WARNING if qtresult < test.warning else Outcome.GOOD


def _limit(test: QualityTest, findings: Findings, by_adjusted: bool) -> str:
    below = "else BAD" if test.error == test.warning else f"BAD below {test.error:g}"
    thresholds = f"at least {test.warning:g} ({below})"
    if by_adjusted:
        thresholds = f"adjusted p-value {thresholds}"
        return f"{findings.limit}, {thresholds}" if findings.limit else thresholds
    return f"{findings.limit}, qtresult {thresholds}" if findings.limit else thresholds


def _naming(quantity: str, reference: str) -> str:
    """A quantity that says which reference it is of."""
    for word in ("the references", "the reference", "the band"):
        if word in quantity:
            return quantity.replace(word, reference)
    return f"{quantity} (reference {reference})"


def _listed(values: NDArray[np.float64] | None) -> list[float] | None:
    return None if values is None else values.tolist()


def _number(values: list[float] | None, row: int) -> float | None:
    """One of them; None for NaN, which is no number to show."""
    found = None if values is None else values[row]
    return found if found == found else None  # noqa: PLR0124 NaN differs from itself


def _worst(bad: Sequence[BadChannel], count: int) -> str:
    """The end of the message: the worst bins by name."""
    if not bad:
        return "; no bad bins"
    named = ", ".join(f"{one.label} holds {one.content:.6g}" for one in bad[:_NAMED])
    if count == 1:
        return f"; 1 bad bin: {named}"
    return f"; {count} bad bins, worst first: {named}{', ...' if count > _NAMED else ''}"
