"""Judging: every matched element gets a report, and only GOOD is green."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import (
    Booking,
    Category,
    Element,
    Histogram,
    Integer,
    Profile,
    Regular,
    Scalar,
    Variable,
)
from dqmstream.messages.quality import Outcome, QualityReports
from dqmstream.messages.wire import CODEC
from dqmstream.quality.algorithm import Algorithm, Findings, Needs, Parameters
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.judgement import MAX_BAD_CHANNELS, judge
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.quality.stack import Stack

ALL = """
[[quality_test]]
name = "x"
algorithm = "ContentsXRange"
path = "**"
scope = "both"
min_entries = 0
parameters = {xmin = 1}
[[quality_test]]
name = "y"
algorithm = "ContentsYRange"
path = "**"
scope = "both"
min_entries = 0
parameters = {ymin = 1, use_empty_bins = true}
[[quality_test]]
name = "dead"
algorithm = "DeadChannel"
path = "**"
scope = "both"
min_entries = 0
[[quality_test]]
name = "noisy"
algorithm = "NoisyChannel"
path = "**"
scope = "both"
min_entries = 0
[[quality_test]]
name = "mean"
algorithm = "MeanWithinExpected"
path = "**"
scope = "both"
min_entries = 0
parameters = {mean = 1}
"""

ELEMENTS: tuple[Element, ...] = (
    Histogram(path="regular", axes=(Regular(bins=4, lower=0, upper=2),), fill=("x",)),
    Histogram(path="variable", axes=(Variable(edges=(0, 1, 3)),), fill=("x",)),
    Histogram(path="integer", axes=(Integer(lower=0, upper=4),), fill=("x",)),
    Histogram(path="category", axes=(Category(codes=(3, 5, 7)),), fill=("x",)),
    Histogram(
        path="map", axes=(Integer(lower=0, upper=3), Category(codes=(1, 2))), fill=("x", "y")
    ),
    Histogram(
        path="weighted",
        axes=(Integer(lower=0, upper=3),),
        fill=("x",),
        weight="w",
        weight_range=(-1, 1),
    ),
    Profile(
        path="profile",
        axes=(Integer(lower=0, upper=3),),
        fill=("x",),
        value="y",
        value_range=(0, 8),
    ),
    Scalar(path="scalar", value="x", combine="sum"),
)
LAYOUT = Layout(Booking(workspace="w", elements=ELEMENTS))


def judged_by(toml: str, contents: Contents, algorithms=ALGORITHMS, scope="lumisection"):
    tests = read_tests(toml, "tests.toml", algorithms)
    compiled = compile_tests(tests, [contents.layout], algorithms)
    return judge(
        contents,
        compiled.workspaces[contents.layout.hash],
        scope=scope,
        set_hash="s",
        run=3,
        lumisection=4,
        complete=False,
        versions=(5, 6),
        made=7,
    )


@pytest.mark.parametrize("scope", ["lumisection", "run"])
def test_an_empty_element_is_insufficient_and_never_good(scope: str) -> None:
    reports = judged_by(ALL, Contents.empty(LAYOUT), scope=scope).reports
    assert len(reports) == len(ELEMENTS) * 5
    outcomes = {report.outcome for report in reports}
    assert outcomes == {Outcome.INSUFFICIENT, Outcome.INVALID}


@given(
    cells=nps.arrays(
        np.int64, LAYOUT.cells, elements=st.one_of(st.just(0), st.integers(-(2**50), 2**50))
    )
)
def test_whatever_is_in_the_buffer_every_element_gets_each_report(cells: np.ndarray) -> None:
    """Insane contents (negative counts included) neither raise nor warn, and travel."""
    reports = judged_by(ALL, Contents(LAYOUT, cells))
    assert {(one.path, one.qtname) for one in reports.reports} == {
        (element.path, name) for element in ELEMENTS for name in ("x", "y", "dead", "noisy", "mean")
    }
    for report in reports.reports:
        assert report.message
        assert "Warning" not in report.message
        if report.outcome in {Outcome.GOOD, Outcome.WARNING, Outcome.BAD}:
            assert report.qtresult is not None
            assert 0 <= report.qtresult <= 1
    wired = CODEC.encode(reports)
    assert CODEC.decode(wired.headers, wired.value) == reports


@given(cells=nps.arrays(np.int64, LAYOUT.cells, elements=st.integers(0, 5000)))
def test_a_report_does_not_depend_on_what_else_is_judged(cells: np.ndarray) -> None:
    contents = Contents(LAYOUT, cells)
    together = judged_by(ALL, contents).reports
    alone = judged_by(ALL.replace('path = "**"', 'path = "integer"'), contents).reports
    assert alone == tuple(report for report in together if report.path == "integer")


def test_reports_come_sorted_and_carry_what_they_were_made_from() -> None:
    reports = judged_by(ALL, Contents.empty(LAYOUT))
    assert isinstance(reports, QualityReports)
    places = [(report.path, report.qtname) for report in reports.reports]
    assert places == sorted(places)
    assert (reports.set, reports.run, reports.lumisection, reports.workspace) == ("s", 3, 4, "w")
    assert (reports.complete, reports.versions, reports.made) == (False, (5, 6), 7)


def test_a_test_of_one_scope_says_nothing_of_the_other() -> None:
    only_run = ALL.replace('scope = "both"', 'scope = "run"')
    assert judged_by(only_run, Contents.empty(LAYOUT)).reports == ()
    assert judged_by(only_run, Contents.empty(LAYOUT), scope="run").reports


def test_an_element_that_could_not_be_filled_is_invalid_and_the_others_are_judged() -> None:
    contents = Contents.empty(LAYOUT)
    contents.cells[:] = 1000
    contents.invalid[LAYOUT["integer"].index] = "division by zero"
    dead = {one.path: one for one in judged_by(ALL, contents).reports if one.qtname == "dead"}
    assert dead["integer"].outcome is Outcome.INVALID
    assert "division by zero" in dead["integer"].message
    assert dead["regular"].outcome is Outcome.GOOD


def test_of_what_no_source_of_the_run_sends_nothing_is_judged_and_nothing_is_wrong() -> None:
    """Never green, and no fault either: a run of other streams than the workspaces are for."""
    contents = Contents.empty(LAYOUT)
    contents.invalid[LAYOUT["integer"].index] = "no source of this run has tracks"
    dead = {one.path: one for one in judged_by(ALL, contents).reports if one.qtname == "dead"}
    assert dead["integer"].outcome is Outcome.NOT_RUN
    assert dead["integer"].message == "not judged: no source of this run has tracks"


def test_a_wrong_kind_is_invalid_with_the_reason() -> None:
    reports = judged_by(ALL, Contents.empty(LAYOUT)).reports
    scalar = next(one for one in reports if (one.path, one.qtname) == ("scalar", "mean"))
    assert scalar.outcome is Outcome.INVALID
    assert scalar.message == "not judged: needs a one-dimensional histogram, got a scalar"


def test_a_test_switched_off_says_so_for_every_element() -> None:
    toml = ALL.replace('path = "**"', 'path = "**"\nenabled = false')
    reports = judged_by(toml, Contents.empty(LAYOUT)).reports
    assert len(reports) == len(ELEMENTS) * 5
    assert {report.outcome for report in reports} == {Outcome.DISABLED}


class Nothing(Parameters, frozen=True, kw_only=True):
    pass


def failing(stack: Stack, _: Nothing) -> Findings:
    """Fails where bin 0 holds 13; returns bin 1 in percent as qtresult."""
    content = stack.entries[:, 1:-1]
    if np.any(content[:, 0] == 13):
        msg = "unlucky"
        raise RuntimeError(msg)
    share = content[:, 1] / np.where(content[:, 1] < 0, np.nan, 100)
    return Findings(quantity="q", qtresult=share, measured=share, entries=content.sum(axis=1))


def shapeless(stack: Stack, _: Nothing) -> Findings:
    one = np.ones(len(stack) + 1)
    return Findings(quantity="q", qtresult=one, measured=one, entries=one.astype(np.int64))


def with_algorithm(measure):
    return {
        "Mine": Algorithm(
            name="Mine",
            parameters=Nothing,
            measure=measure,
            refusal=lambda _: "",
            warning=0.5,
            error=0.2,
            min_entries=1,
        )
    }


MINE = '[[quality_test]]\nname = "m"\nalgorithm = "Mine"\npath = "**"\n'


@pytest.fixture
def three(channels, filled):
    """Three elements of two bins."""

    def make(first, second, third):
        elements = tuple(channels(path, 2) for path in "abc")
        cells = {
            path: [0, *bins, 0] for path, bins in zip("abc", (first, second, third), strict=True)
        }
        return filled(elements, cells)

    return make


def test_a_test_that_fails_on_one_element_is_an_error_there_and_goes_on(three) -> None:
    contents = three([1, 100], [13, 100], [1, 30])
    reports = {one.path: one for one in judged_by(MINE, contents, with_algorithm(failing)).reports}
    assert reports["a"].outcome is Outcome.GOOD
    assert reports["b"].outcome is Outcome.ERROR
    assert reports["c"].outcome is Outcome.WARNING
    assert "unlucky" in reports["b"].message
    assert "Traceback" in reports["b"].trace
    assert "in failing" in reports["b"].trace


def test_a_result_that_is_no_fraction_is_an_error(three) -> None:
    contents = three([1, 101], [100, -1], [1, 100])
    reports = {one.path: one for one in judged_by(MINE, contents, with_algorithm(failing)).reports}
    assert [reports[path].outcome for path in "abc"] == [
        Outcome.ERROR,
        Outcome.ERROR,
        Outcome.GOOD,
    ]
    assert "qtresult 1.01" in reports["a"].message
    assert "qtresult nan" in reports["b"].message


def countless(stack: Stack, _: Nothing) -> Findings:
    one = np.ones(len(stack))
    return Findings(quantity="q", qtresult=one, measured=one, entries=one * np.nan)


def test_results_that_cannot_be_read_are_errors(three) -> None:
    reports = judged_by(MINE, three([1, 1], [1, 1], [1, 1]), with_algorithm(countless)).reports
    assert {report.outcome for report in reports} == {Outcome.ERROR}
    assert "NaN" in reports[0].message


def test_results_of_another_shape_than_the_stack_are_errors(three) -> None:
    contents = three([1, 1], [1, 1], [1, 1])
    reports = judged_by(MINE, contents, with_algorithm(shapeless)).reports
    assert {report.outcome for report in reports} == {Outcome.ERROR}
    assert "qtresult has shape (2,)" in reports[0].message


def first_axis(element: Element) -> str:
    """A refusal as one writes it who thinks of histograms alone."""
    return "" if element.axes[0].bins == 2 else "needs two bins"  # type: ignore[union-attr]


def test_an_element_without_bins_is_refused_before_an_algorithm_sees_it(channels, filled) -> None:
    number = Scalar(path="n", value="x", combine="last", value_range=(0, 1))
    contents = filled((channels("a", 2), number), {"a": [0, 1, 100, 0]})
    mine = {"Mine": replace(with_algorithm(failing)["Mine"], refusal=first_axis)}
    reports = {one.path: one for one in judged_by(MINE, contents, mine).reports}
    assert reports["n"].outcome is Outcome.INVALID
    assert "needs bins, got a scalar" in reports["n"].message
    assert reports["a"].outcome is Outcome.ERROR, "an integer axis has no bins"
    assert "AttributeError" in reports["a"].message
    assert "in first_axis" in reports["a"].trace


@pytest.mark.parametrize("lookback", [-1, 10**9, None])
def test_a_test_that_cannot_say_how_far_it_looks_back_is_an_error(three, lookback) -> None:
    contents = three([1, 100], [1, 100], [1, 30])
    mine = with_algorithm(failing)["Mine"]
    mine = replace(mine, needs=Needs.PAST, lookback=lambda _: lookback)
    reports = judged_by(MINE, contents, {"Mine": mine}).reports
    assert [report.outcome for report in reports] == [Outcome.ERROR] * 3
    assert "looks back" in reports[0].message or "TypeError" in reports[0].message


def test_failed_bins_are_all_counted_and_the_worst_are_listed(channels, filled, judged) -> None:
    counts = np.zeros(102, int)
    counts[1:52] = np.arange(1000, 1051)
    contents = filled((channels("me", 100),), {"me": counts})
    report = judged(
        contents,
        'algorithm = "ContentsYRange"\npath = "me"\nparameters = {ymax = 1001}',
    )["me"]
    assert report.bad_count == 49
    assert len(report.bad_channels) == MAX_BAD_CHANNELS
    assert [one.bins[0] for one in report.bad_channels][:3] == [50, 49, 48]
    assert report.message.endswith(
        "49 bad bins, worst first: "
        "module 50 holds 1050, module 49 holds 1049, module 48 holds 1048, ..."
    )


def test_thresholds_are_the_lowest_results_that_still_pass(three) -> None:
    contents = three([1, 50], [1, 49], [1, 19])
    reports = judged_by(MINE, contents, with_algorithm(failing)).reports
    assert [one.outcome for one in reports] == [Outcome.GOOD, Outcome.WARNING, Outcome.BAD]
    assert reports[0].limit == "at least 0.5 (BAD below 0.2)"


def test_reports_are_values(three) -> None:
    """Judging twice gives equal reports, so publishing twice is harmless."""
    contents = three([1, 50], [1, 49], [1, 19])
    first = judged_by(MINE, contents, with_algorithm(failing))
    second = judged_by(MINE, contents.copy(), with_algorithm(failing))
    assert msgspec.msgpack.encode(first) == msgspec.msgpack.encode(second)
