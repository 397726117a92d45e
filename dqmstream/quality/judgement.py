"""Judging: compiled tests on the contents of one workspace, one report for each test and element.

Whatever a test does, every element it matches gets a report. What cannot be judged is never GOOD
and never BAD: too few entries are INSUFFICIENT, a wrong kind or an element that could not be
filled INVALID, a test that fails or returns nonsense ERROR, one switched off DISABLED, and so one
that requires other conditions than the LS had; where they are not known it is NOT_RUN, and so is
one of an element that needs what no source of the run sends, or that has no reference.

Thousands of tests of an LS are bound to find something in good data too: the p-values of all that
make such statements are corrected for their number together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.histograms import NO_SOURCE_HAS
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReport, QualityReports, Scope
from dqmstream.quality.comparands import stacked
from dqmstream.quality.compiled import CompiledTest, CompiledWorkspace
from dqmstream.quality.condition_names import told
from dqmstream.quality.inputs import Accepted, Inputs, Past, digest_of
from dqmstream.quality.measuring import Failed, Measured, measured, trace_of
from dqmstream.quality.reporting import MAX_BAD_CHANNELS, adjust, failure, reports_of, unjudged
from dqmstream.quality.rows import LeftOut, Window

__all__ = ["MAX_BAD_CHANNELS", "judge"]


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
    first_lumisection: int | None = None,
    missing: tuple[tuple[int, int], ...] = (),
    closed: bool = True,
    tests: Sequence[CompiledTest] | None = None,
    inputs: Inputs | None = None,
) -> QualityReports:
    """All reports of one workspace over one window.

    Parameters
    ----------
    contents
        Of one LS, or summed over the LSs of a run up to `lumisection`.
    workspace
        Tests compiled for the booking of `contents`.
    scope
        Of the window: only tests of this scope are run.
    set_hash, run, lumisection, complete, versions, made, first_lumisection, missing, closed
        Copied into the result, see `QualityReports`.
    conditions
        What is known of the LS, for tests that require something of it and to choose references.
    tests
        Those of `workspace` to run; all of this scope by default.
    inputs
        What tests are given besides: nothing by default.

    Returns
    -------
    QualityReports
        Sorted by path, then name of test.
    """
    given, looked_at = inputs or Inputs(), dict[int, str]()

    def past(count: int, accepted: Accepted) -> Sequence[Past]:
        found = given.past(count, accepted)
        for one in found:
            if one.lumisection not in looked_at:
                looked_at[one.lumisection] = one.digest or digest_of(one.contents)
        return found

    window = Window(
        contents=contents,
        run=run,
        lumisection=lumisection,
        conditions=conditions,
        made=made,
        inputs=replace(given, past=past),
    )
    reports, found = list[QualityReport](), list[Measured]()
    for test in workspace.of(scope) if tests is None else tests:
        for one in _judge_test(test, window):
            if isinstance(one, Measured):
                found.append(one)
            else:
                reports.append(one)
    for one, adjusted in zip(found, adjust(found), strict=True):
        reports += reports_of(one, adjusted)
    reports.sort(key=lambda report: (report.path, report.qtname))
    return QualityReports(
        set=set_hash,
        run=run,
        lumisection=lumisection,
        workspace=workspace.layout.workspace,
        scope=scope,
        complete=complete,
        versions=versions,
        reports=tuple(reports),
        made=made,
        conditions=told(workspace.asks_for(scope), conditions),
        first_lumisection=lumisection if scope == "lumisection" else first_lumisection,
        missing=missing,
        closed=closed,
        configuration=workspace.configuration,
        code=workspace.code,
        contents=digest_of(contents),
        past=tuple(sorted(looked_at.items())),
    )


def _judge_test(test: CompiledTest, window: Window) -> Iterator[QualityReport | Measured]:
    """What one test finds, or why it judges an element not."""
    if shut := _shut(test, window.conditions):
        for layout in test.elements:
            yield unjudged(test, layout, *shut)
        return
    for layout, refused in test.refused:
        yield unjudged(test, layout, Outcome.INVALID, refused)
    for layout, error in test.broken:
        trace = trace_of(error)
        yield failure(Failed(test=test, layout=layout, error=repr(error), trace=trace))
    invalid = window.contents.invalid
    for group in test.groups:
        filled = [layout for layout in group if layout.index not in invalid] if invalid else group
        if invalid:
            for layout in group:
                if layout.index in invalid:
                    yield unjudged(test, layout, *_unfilled(invalid[layout.index]))
        if not filled:
            continue
        yield from _judge_group(test, filled, window)


def _judge_group(
    test: CompiledTest, group: Sequence[ElementLayout], window: Window
) -> Iterator[QualityReport | Measured]:
    try:
        parts = list(stacked(test, group, window))
    except Exception as error:
        # A reference that cannot be used is no reason to judge nothing else.
        said, trace = repr(error), trace_of(error)
        for layout in group:
            yield failure(Failed(test=test, layout=layout, error=said, trace=trace))
        return
    for part in parts:
        if isinstance(part, LeftOut):
            yield unjudged(test, part.layout, part.outcome, part.why, references=part.versions)
            continue
        for one in measured(test, part):
            yield failure(one) if isinstance(one, Failed) else one


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
