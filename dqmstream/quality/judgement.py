"""Judging: compiled tests on the contents of one workspace, one report for each test and element.

Whatever a test does, every element it matches gets a report. What cannot be judged is never GOOD
and never BAD: too few entries are INSUFFICIENT, a wrong kind or an element that could not be
filled INVALID, a test that fails or returns nonsense ERROR, one switched off DISABLED, and so one
that requires other conditions than the LS had; where they are not known it is NOT_RUN, and so is
one of an element that needs what no source of the run sends.
"""

import math
import traceback
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.booking import Element
from dqmstream.messages.histograms import NO_SOURCE_HAS
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import BadChannel, Outcome, QualityReport, QualityReports
from dqmstream.quality.algorithm import Findings
from dqmstream.quality.bins import bin_label
from dqmstream.quality.compiled import CompiledTest, CompiledWorkspace
from dqmstream.quality.declaration import QualityTest, Scope
from dqmstream.quality.gate import told
from dqmstream.quality.stack import Stack, stack_elements

__all__ = ["MAX_BAD_CHANNELS", "judge", "judge_test"]

MAX_BAD_CHANNELS: Final = 20
"""Failed bins a report lists; it counts all of them."""
_NAMED: Final = 3
_MAX_TRACE: Final = 2000


def judge(
    contents: Contents,
    workspace: CompiledWorkspace,
    *,
    scope: Scope,
    set_hash: str,
    run: int,
    lumisection: int,
    complete: bool,
    versions: tuple[int, ...],
    made: int = 0,
    conditions: Conditions | None = None,
) -> QualityReports:
    """All reports of one workspace over one window.

    Parameters
    ----------
    contents
        Of one LS, or summed over the LSs of a run up to `lumisection`.
    workspace
        Tests compiled for the booking of `contents`.
    scope
        Only tests of this scope are run.
    set_hash, run, lumisection, complete, versions, made
        Copied into the result, see `QualityReports`.
    conditions
        What is known of the LS, for tests that require something of it.

    Returns
    -------
    QualityReports
        Sorted by path, then name of test.
    """
    reports = [
        report
        for test in workspace.tests
        if scope in test.declared.scopes
        for report in judge_test(test, contents, conditions)
    ]
    return QualityReports(
        set=set_hash,
        run=run,
        lumisection=lumisection,
        workspace=workspace.layout.workspace,
        scope=scope,
        complete=complete,
        versions=versions,
        reports=tuple(sorted(reports, key=lambda report: (report.path, report.qtname))),
        made=made,
        conditions=told(workspace.asks_for, conditions) if scope == "lumisection" else "",
    )


def judge_test(
    test: CompiledTest, contents: Contents, conditions: Conditions | None = None
) -> Iterator[QualityReport]:
    """The reports of one test, one for each element it matches."""
    if shut := _shut(test, conditions):
        for layout in test.elements:
            yield _unjudged(test, layout, *shut)
        return
    for layout, refused in test.refused:
        yield _unjudged(test, layout, Outcome.INVALID, refused)
    for group in test.groups:
        filled = []
        for layout in group:
            if layout.index in contents.invalid:
                yield _unjudged(test, layout, *_unfilled(contents.invalid[layout.index]))
            else:
                filled.append(layout)
        if filled:
            yield from _judge_stack(test, filled, stack_elements(contents, filled))


def _shut(test: CompiledTest, conditions: Conditions | None) -> tuple[Outcome, str] | None:
    """Why a test does not judge at all, if so."""
    if not test.declared.enabled:
        return Outcome.DISABLED, "switched off in the tests file"
    if test.gate is None or (is_open := test.gate(conditions)):
        return None
    known = told(test.gate.names, conditions)
    if is_open is None:
        return Outcome.NOT_RUN, f"conditions unknown: requires {test.gate.text}, knows {known}"
    return Outcome.DISABLED, f"requires {test.gate.text}, the LS has {known}"


def _unfilled(why: str) -> tuple[Outcome, str]:
    """What a test makes of an element that could not be filled."""
    if why.startswith(NO_SOURCE_HAS):
        return Outcome.NOT_RUN, why
    return Outcome.INVALID, f"could not be filled: {why}"


def _judge_stack(
    test: CompiledTest, layouts: Sequence[ElementLayout], stack: Stack
) -> Iterator[QualityReport]:
    try:
        findings = test.algorithm.measure(stack, test.declared.parameters)
        _check(findings, len(stack))
        reports = [_report(test, one, findings, row) for row, one in enumerate(layouts)]
    except Exception as error:
        # An algorithm may fail in any way; only the element it fails on pays for it.
        if len(stack) > 1:
            for row, layout in enumerate(layouts):
                yield from _judge_stack(test, [layout], stack.row(row))
            return
        trace = "".join(traceback.format_exception(error))[-_MAX_TRACE:]
        yield _unjudged(test, layouts[0], Outcome.ERROR, f"the test failed: {error!r}\n{trace}")
        return
    yield from reports


def _check(findings: Findings, rows: int) -> None:
    """Refuse results of another shape than the stack's."""
    for name in ("qtresult", "measured", "entries", "content", "severity"):
        values = getattr(findings, name)
        if values is not None and (values.ndim < 1 or len(values) != rows):
            msg = f"{name} has shape {values.shape}, expected one row for each of {rows} elements"
            raise ValueError(msg)


def _report(
    test: CompiledTest, layout: ElementLayout, findings: Findings, row: int
) -> QualityReport:
    declared, entries = test.declared, int(findings.entries[row])
    if obstacle := _obstacle(declared, findings, row):
        return _unjudged(test, layout, *obstacle, entries)
    qtresult, measured = float(findings.qtresult[row]), float(findings.measured[row])
    bad, count = _bad_channels(layout.element, findings, row)
    limit = _limit(declared, findings)
    unit = f" {findings.unit}" if findings.unit else ""
    probability = f" (qtresult {qtresult:.3g})" if findings.limit else ""
    return QualityReport(
        path=layout.element.path,
        qtname=declared.name,
        algorithm=declared.algorithm,
        outcome=_outcome(qtresult, declared),
        qtresult=qtresult,
        measured=measured,
        limit=limit,
        entries=entries,
        bad_channels=bad,
        bad_count=count,
        message=(
            f"{findings.quantity} is {measured:.6g}{unit}{probability}, expected {limit}; "
            f"{entries} entries{_worst(findings, bad, count)}"
        ),
    )


def _obstacle(test: QualityTest, findings: Findings, row: int) -> tuple[Outcome, str] | None:
    """Why a row cannot be judged, if so."""
    entries, least = int(findings.entries[row]), max(test.min_entries, 1)
    if entries < least:
        return Outcome.INSUFFICIENT, f"{entries} entries, needs {least}"
    if row in findings.insufficient:
        return Outcome.INSUFFICIENT, f"{findings.insufficient[row]}; {entries} entries"
    qtresult, measured = findings.qtresult[row], findings.measured[row]
    if not 0 <= qtresult <= 1 or not math.isfinite(measured):
        why = f"the test returned qtresult {qtresult:g} and measured {measured:g}, expected 0 to 1"
        return Outcome.ERROR, why
    return None


def _outcome(qtresult: float, test: QualityTest) -> Outcome:
    if qtresult < test.error:
        return Outcome.BAD
    return Outcome.WARNING if qtresult < test.warning else Outcome.GOOD


def _limit(test: QualityTest, findings: Findings) -> str:
    below = "else BAD" if test.error == test.warning else f"BAD below {test.error:g}"
    thresholds = f"at least {test.warning:g} ({below})"
    return f"{findings.limit}, qtresult {thresholds}" if findings.limit else thresholds


def _bad_channels(
    element: Element, findings: Findings, row: int
) -> tuple[tuple[BadChannel, ...], int]:
    """Failed bins, worst first and then in order of bins; and how many there are in all."""
    if findings.severity is None or findings.content is None:
        return (), 0
    severity, content = findings.severity[row], findings.content[row]
    failed = np.flatnonzero(severity)
    worst = failed[np.argsort(-severity.reshape(-1)[failed], kind="stable")][:MAX_BAD_CHANNELS]
    axes = getattr(element, "axes", ())
    channels = []
    for place in worst:
        index = np.unravel_index(place, severity.shape)
        bins = tuple(int(number) + findings.first_bin for number in index)
        channels.append(
            BadChannel(bins=bins, content=float(content[index]), label=bin_label(axes, bins))
        )
    return tuple(channels), len(failed)


def _worst(findings: Findings, bad: Sequence[BadChannel], count: int) -> str:
    """The end of the message: the worst bins by name."""
    if findings.severity is None:
        return ""
    if not bad:
        return "; no bad bins"
    named = ", ".join(f"{one.label} holds {one.content:.6g}" for one in bad[:_NAMED])
    if count == 1:
        return f"; 1 bad bin: {named}"
    return f"; {count} bad bins, worst first: {named}{', ...' if count > _NAMED else ''}"


def _unjudged(
    test: CompiledTest, layout: ElementLayout, outcome: Outcome, why: str, entries: int = 0
) -> QualityReport:
    return QualityReport(
        path=layout.element.path,
        qtname=test.declared.name,
        algorithm=test.declared.algorithm,
        outcome=outcome,
        entries=entries,
        message=f"not judged: {why}",
    )
