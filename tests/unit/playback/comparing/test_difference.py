"""Two results compared: what differs is named, and nothing else."""

import itertools
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.booking import Workspace, histogram, integer, regular, scalar
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.histograms import ScalarValue
from dqmstream.messages.quality import Outcome
from playback.comparing.difference import ALLOWED, DIFFERS, UNJUDGEABLE, Difference, compare
from playback.comparing.finding import Kind
from playback.comparing.playing import result_of
from playback.comparing.policy import Allow, Policy, Statistical, WorkspaceBudget
from playback.comparing.results import AlarmStep, Crash, Ended, LogLine
from tests.unit.playback.comparing.sides import (
    BOOKING,
    ELEMENTS,
    TESTS,
    Side,
    changed,
    costs,
    report,
    reports,
    side,
    with_result,
)

PRODUCTION = side()
LAYOUT = Layout(BOOKING)


def found(
    candidate: Side, policy: Policy | None = None, production: Side = PRODUCTION
) -> Difference:
    return compare(production, candidate, policy or Policy())


def kinds(difference: Difference) -> list[tuple[str, str]]:
    return [(one.kind.value, one.subject) for one in difference.findings]


def test_a_result_does_not_differ_from_itself() -> None:
    difference = found(PRODUCTION)
    assert (difference.findings, difference.status) == ((), ALLOWED)
    assert (difference.compared.lumisections, difference.compared.events) == (3, 270)
    assert difference.compared.contents == 3 * len(ELEMENTS)
    assert difference.compared.verdicts == 3


@given(order=st.permutations(ELEMENTS))
@settings(max_examples=10, deadline=None)
def test_the_order_of_bookings_makes_no_difference(order: list[Any]) -> None:
    """Each element has the same numbers, at another place in the buffer."""
    other = Workspace("my", "", order)
    layout = Layout(other)
    moved = replace(PRODUCTION, bookings=(other,))
    for number in PRODUCTION.lumisections:
        (one,) = PRODUCTION.lumisection(number).contents
        old = Contents.decode(LAYOUT, one.cells, one.scalars)
        new = Contents.empty(layout)
        for place in LAYOUT:
            at = layout[place.element.path]
            new.cells[at.offset : at.offset + at.size] = old.cells[
                place.offset : place.offset + place.size
            ]
            if place.index in old.scalars:
                new.scalars[at.index] = old.scalars[place.index]
        packed = msgspec.structs.replace(one, cells=new.encode(), scalars=new.scalars)
        moved = with_result(moved, number, contents=(packed,))
    assert kinds(found(moved)) == []


@given(cell=st.integers(0, LAYOUT.cells - 1), number=st.integers(1, 3), by=st.integers(1, 10**6))
@settings(max_examples=25, deadline=None)
def test_any_cell_that_differs_is_found_in_its_element_and_lumisection(
    cell: int, number: int, by: int
) -> None:
    def change(contents: Contents) -> None:
        contents.cells[cell] += by

    place = next(one for one in LAYOUT if one.offset <= cell < one.offset + one.size)
    difference = found(changed(PRODUCTION, number, change))
    assert kinds(difference) == [("contents", place.element.path)]
    (finding,) = difference.findings
    assert finding.lumisections == (number,)
    assert f"in LS {number} (1 of 3 LSs)" in finding.text
    assert difference.status == DIFFERS
    assert [one.path for one in difference.elements] == [place.element.path]


def test_a_number_that_differs_is_told_from_what_to_what() -> None:
    index = LAYOUT["My/number"].index

    def change(contents: Contents) -> None:
        contents.scalars[index] = ScalarValue(value=-5)

    (finding,) = found(changed(PRODUCTION, 2, change)).findings
    assert finding.text.endswith(" to -5")


def test_an_element_that_could_not_be_filled_is_told_with_the_reason() -> None:
    def change(contents: Contents) -> None:
        contents.invalid[LAYOUT["My/map"].index] = "no column n"

    (finding,) = found(changed(PRODUCTION, 1, change)).findings
    assert (finding.kind, finding.subject) == (Kind.CONTENTS, "My/map")
    assert "'filled' to 'no column n'" in finding.text


def _with(*elements: Any) -> Side:
    booking = Workspace("my", "", elements)
    return side(booking=booking)


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        (ELEMENTS[1:], {("removed", "My/counts")}),
        (
            (*ELEMENTS, histogram("My/more", regular(3, 0, 1), fill="x")),
            {("added", "My/more")},
        ),
        (
            (histogram("My/counts", regular(20, 0, 1, label="x"), fill="x"), *ELEMENTS[1:]),
            {("rebinned", "My/counts")},
        ),
        (
            (histogram("My/counts", regular(10, 0, 2, label="x"), fill="x"), *ELEMENTS[1:]),
            {("rebinned", "My/counts")},
        ),
        (
            (
                histogram("My/counts", regular(10, 0, 1, label="x"), fill="x", select="n > 1"),
                *ELEMENTS[1:],
            ),
            {("declared", "My/counts")},
        ),
        (
            (histogram("My/counts", regular(10, 0, 1, label="x"), fill="x + 1"), *ELEMENTS[1:]),
            {("declared", "My/counts")},
        ),
        (
            (
                histogram("My/counts", regular(10, 0, 1, label="X"), fill="x", title="other"),
                *ELEMENTS[1:],
            ),
            {("described", "My/counts")},
        ),
    ],
)
def test_declarations_that_differ_are_named(elements: Any, expected: set[tuple[str, str]]) -> None:
    declared = {
        one for one in kinds(found(_with(*elements))) if one[0] not in {"contents", "verdict"}
    }
    assert declared == expected


def test_a_binning_is_told_with_axis_and_from_what_to_what() -> None:
    other = (histogram("My/counts", integer(0, 8, label="x"), fill="x"), *ELEMENTS[1:])
    texts = [f.text for f in found(_with(*other)).findings if f.kind is Kind.REBINNED]
    assert texts == [
        "axis 1 (x) from 10 regular bins from 0 to 1 to 8 integer bins from 0 to 8: "
        "not compared bin by bin"
    ]


def test_what_only_people_read_may_differ() -> None:
    other = (
        histogram("My/counts", regular(10, 0, 1, label="x"), fill="x", description="Flat."),
        *ELEMENTS[1:],
    )
    booking = Workspace("my", "", other)
    candidate = replace(PRODUCTION, bookings=(booking,))
    difference = found(candidate)
    assert kinds(difference) == [("described", "My/counts")]
    assert difference.status == ALLOWED


def test_a_workspace_that_came_or_went_is_named() -> None:
    other = Workspace("other", "", [histogram("Other/x", regular(3, 0, 1), fill="x")])
    candidate = replace(PRODUCTION, bookings=(BOOKING, other))
    assert ("workspace-added", "other") in kinds(found(candidate))
    assert ("workspace-removed", "other") in kinds(found(PRODUCTION, production=candidate))


def test_a_verdict_that_changes_is_told_once_with_its_lumisections() -> None:
    candidate = PRODUCTION
    for number in (2, 3):
        other = (reports(number, report("My/counts", Outcome.BAD)),)
        candidate = with_result(candidate, number, reports=other)
    (finding,) = found(candidate).findings
    assert (finding.kind, finding.subject, finding.test) == (Kind.VERDICT, "My/counts", "mean")
    assert (finding.before, finding.after, finding.lumisections) == ("GOOD", "BAD", (2, 3))
    assert finding.text == "mean from GOOD to BAD in LS 2-3 (2 of 3 LSs)"


def test_quality_tests_that_differ_are_named_and_their_verdicts_not_told_twice() -> None:
    (test,) = TESTS
    other = msgspec.structs.replace(
        test, declared={**test.declared, "error": 0.5, "parameters": {"xmin": 0.5}}
    )
    (finding,) = found(replace(PRODUCTION, tests=(other,))).findings
    assert finding.kind is Kind.TEST_CHANGED
    assert finding.text == "error from 0.9 to 0.5; parameters.xmin from 0.4 to 0.5"
    disabled = msgspec.structs.replace(test, enabled=False)
    candidate = replace(PRODUCTION, tests=(disabled,))
    for number in PRODUCTION.lumisections:
        gone = (reports(number, report("My/counts", Outcome.DISABLED)),)
        candidate = with_result(candidate, number, reports=gone)
    assert kinds(found(candidate)) == [("test-disabled", "mean")]
    renamed = msgspec.structs.replace(test, name="average")
    assert kinds(found(replace(PRODUCTION, tests=(renamed,)))) == [
        ("test-added", "average"),
        ("test-removed", "mean"),
    ]


def test_alarms_that_differ_are_named_with_what_they_did() -> None:
    raised = AlarmStep(lumisection=2, alarm="quality:My/counts", event="raised", after="raised")
    late = msgspec.structs.replace(raised, lumisection=9)
    candidate = replace(PRODUCTION, ended=Ended(alarms=(raised, late)))
    (finding,) = found(candidate).findings
    assert (finding.kind, finding.subject) == (Kind.ALARM, "quality:My/counts")
    assert finding.text == "now raised at LS 2", "there is no LS 9 to compare"


def test_a_crash_can_never_be_allowed() -> None:
    crash = Crash(lumisection=2, doing="filling my", why="ended by signal SIGSEGV")
    results = {1: PRODUCTION.results[1]}
    candidate = replace(PRODUCTION, results=results, ended=Ended(crash=crash))
    everything = tuple(kind for kind in Kind if kind not in {Kind.CRASH, Kind.NOTHING_READ})
    policy = Policy(allow=(Allow(what=everything, why="all"),))
    difference = found(candidate, policy)
    assert kinds(difference) == [("crash", "candidate"), ("missing", "candidate")]
    assert difference.findings[0].text == "in LS 2, filling my: ended by signal SIGSEGV"
    assert difference.status == UNJUDGEABLE
    assert [one.kind for one in difference.wrong] == [Kind.CRASH]


def test_lumisections_of_one_side_are_missing_from_the_other() -> None:
    two = replace(PRODUCTION, results={n: PRODUCTION.results[n] for n in (1, 3)})
    difference = found(two)
    assert kinds(difference) == [("missing", "candidate")]
    assert difference.findings[0].lumisections == (2,)
    assert difference.status == DIFFERS


@pytest.mark.parametrize(
    "empty",
    [
        replace(PRODUCTION, results={}),
        with_result(replace(PRODUCTION, results={1: PRODUCTION.results[1]}), 1, selected=0),
        replace(PRODUCTION, results={9: PRODUCTION.results[1]}),
    ],
)
def test_nothing_read_is_no_pass(empty: Side) -> None:
    for production, candidate in ((PRODUCTION, empty), (empty, PRODUCTION), (empty, empty)):
        difference = compare(production, candidate, Policy())
        if candidate is production and candidate.lumisections == [9]:
            continue
        assert difference.status == UNJUDGEABLE
        assert "nothing-read" in {kind for kind, _ in kinds(difference)}


def _emptied(of: Side, workspace: str, reason: str = "") -> Side:
    """A side on which a workspace got but its count of events, and a reason for all others."""
    layout = of.layouts[workspace]
    emptied = of
    for number in of.lumisections:
        made = Contents.empty(layout)
        for place in layout:
            if place.element.path.endswith("/events"):
                made.scalars[place.index] = ScalarValue(value=90)
            elif reason:
                made.mark_invalid(place.index, reason)
        others = [one for one in emptied.results[number].contents if one.workspace != workspace]
        emptied = with_result(emptied, number, contents=(*others, result_of(made)))
    return emptied


COUNTED = Workspace("my", "", [*ELEMENTS, scalar("My/events", "1", combine="sum")])
BESIDE = Workspace(
    "beside",
    "",
    [
        histogram("Beside/x", regular(3, 0, 1), fill="nosuch.charge"),
        histogram("Beside/n", regular(3, 0, 1), fill="n"),
        scalar("Beside/events", "1", combine="sum"),
    ],
)
MISSING = "collection nosuch is missing"


def test_empty_elements_alone_are_nothing_read() -> None:
    """A count of events comes of any event: it does not say that anything else was read."""
    empty = _emptied(side(booking=COUNTED), "my", MISSING)
    for production, candidate in (
        (empty, empty),
        (empty, side(booking=COUNTED)),
        (side(booking=COUNTED), empty),
    ):
        everything = tuple(kind for kind in Kind if kind not in {Kind.CRASH, Kind.NOTHING_READ})
        policy = Policy(allow=(Allow(what=everything, why="all"),))
        difference = compare(production, candidate, policy)
        assert difference.status == UNJUDGEABLE
        assert {kind for kind, _ in kinds(difference)} >= {"nothing-read"}
        assert f"my: {MISSING} (6 elements)" in difference.findings[0].text


def _with_beside(reason: str = MISSING) -> Side:
    """Two workspaces, one of which got nothing but its count of events."""
    both = replace(PRODUCTION, bookings=(BOOKING, BESIDE))
    return _emptied(both, "beside", reason)


def test_a_workspace_that_got_nothing_is_found_with_the_reason_and_a_policy_may_allow_it() -> None:
    empty = _with_beside()
    difference = compare(empty, empty, Policy())
    assert kinds(difference) == [("nothing-filled", "beside")]
    (finding,) = difference.findings
    assert finding.text == f"nothing was filled on either side: {MISSING} (2 elements)"
    assert difference.status == DIFFERS
    rule = Allow(what=(Kind.NOTHING_FILLED,), path="bes*", why="rare triggers")
    assert compare(empty, empty, Policy(allow=(rule,))).status == ALLOWED
    silent = _with_beside("")
    (finding,) = compare(silent, silent, Policy()).findings
    assert finding.text.endswith("either side: none of its 3 elements has an entry")
    other = compare(silent, empty, Policy()).findings[0].text
    assert "in the production: none" in other
    assert f"in the candidate: {MISSING}" in other


def test_an_element_that_was_never_filled_is_noted_and_a_new_one_is_found() -> None:
    def never(contents: Contents) -> None:
        place = contents.layout["My/map"]
        contents.cells[place.offset : place.offset + place.size] = 0
        contents.mark_invalid(place.index, MISSING)

    empty = PRODUCTION
    for number in PRODUCTION.lumisections:
        empty = changed(empty, number, never)
    difference = compare(empty, empty, Policy())
    assert (difference.findings, difference.status) == ((), ALLOWED)
    assert difference.notes == (f"my: not filled on either side: {MISSING} (1 element): My/map",)
    before = _with(*(one for one in ELEMENTS if one.path != "My/map"))
    found_of_new = [
        (one.subject, one.text)
        for one in compare(before, empty, Policy()).findings
        if one.kind is Kind.NOTHING_FILLED
    ]
    assert found_of_new == [("My/map", f"the new element was never filled: {MISSING}")]


def test_where_no_element_reads_a_column_a_count_of_events_is_something() -> None:
    booking = Workspace("my", "", [scalar("My/events", "1", combine="sum")])
    assert compare(side(booking=booking), side(booking=booking), Policy()).status == ALLOWED


def test_events_that_differ_are_told_by_lumisection() -> None:
    candidate = with_result(PRODUCTION, 2, selected=80, refused={"bad_body": 1})
    (finding,) = found(candidate).findings
    assert (finding.kind, finding.subject) == (Kind.EVENTS, "LS 2")
    assert finding.text == "events filled 90 to 80; chunks refused none to 1 bad_body"


def test_weights_may_differ_by_the_tolerance_and_no_more() -> None:
    place = LAYOUT["My/weighted"]

    def change(contents: Contents) -> None:
        # The sum of the first bin, in steps of its fixed point.
        cell = place.offset + place.cells + 1
        contents.cells[cell] = 10**9

    old = changed(PRODUCTION, 1, change)

    def more(contents: Contents) -> None:
        contents.cells[place.offset + place.cells + 1] += 1000

    new = changed(old, 1, more)
    assert kinds(found(new, Policy(tolerance=1e-5), old)) == []
    assert kinds(found(new, Policy(tolerance=1e-7), old)) == [("contents", "My/weighted")]


def test_statistical_elements_may_differ_by_chance_but_not_in_shape() -> None:
    """Of other events of the same shape nothing is said; of another shape its element is named."""
    elements = [histogram(f"S/h{n}", regular(30, 0, 1), fill="x") for n in range(40)]
    booking = Workspace("my", "", elements)
    layout = Layout(booking)
    policy = Policy(statistical=Statistical(paths=("S/*",)))
    rng = np.random.default_rng(5)

    def drawn(shift: float = 0.0) -> Side:
        made = side(booking=booking)
        for number in made.lumisections:

            def change(contents: Contents) -> None:
                for place in layout:
                    expected = np.full(place.cells, 50.0)
                    if place.element.path == "S/h7":
                        expected *= np.linspace(1 - shift, 1 + shift, place.cells)
                    end = place.offset + place.cells
                    contents.cells[place.offset : end] = rng.poisson(expected)
                    contents.cells[end : end + 2] = 0

            made = changed(made, number, change)
        return made

    first, second = drawn(), drawn()
    same = compare(first, second, policy)
    assert kinds(same) == []
    assert same.compared.within_chance == 40
    other = compare(first, drawn(shift=0.6), policy)
    assert kinds(other) == [("contents", "S/h7")]
    assert "p-value" in other.findings[0].text
    assert len(compare(first, second, Policy()).findings) == 40, "they are not equal"


def test_false_discoveries_are_as_few_as_the_policy_says() -> None:
    """Of 40 comparisons in which nothing but chance differs, few find anything."""
    booking = Workspace(
        "my", "", [histogram(f"S/h{n}", regular(20, 0, 1), fill="x") for n in range(30)]
    )
    policy = Policy(statistical=Statistical(paths=("S/*",), false_discovery=0.05))
    rng = np.random.default_rng(11)

    def drawn() -> Side:
        def change(contents: Contents) -> None:
            contents.cells[:] = rng.poisson(30.0, len(contents.cells))
            for place in contents.layout:
                contents.cells[place.nan : place.nan + 2] = 0

        return changed(side(1, booking=booking), 1, change)

    wrong = sum(bool(compare(drawn(), drawn(), policy).findings) for _ in range(40))
    assert wrong <= 6, "expected 2; more than 6 once in 300 times"


def test_costs_over_their_budgets_are_named_with_the_workspace() -> None:
    old = replace(PRODUCTION, ended=costs())
    for fields, kind in (
        ({"cpu": (9e-5,)}, "time"),
        ({"wall": (5e-3,)}, "time"),
        ({"booked": 50 << 20}, "memory"),
        ({"kept": 100_000}, "leak"),
    ):
        difference = found(replace(PRODUCTION, ended=costs(**fields)), production=old)
        assert kinds(difference) == [(kind, "my")]
        assert difference.status == DIFFERS
        assert "budget" in difference.findings[0].text
    fine = found(replace(PRODUCTION, ended=costs(cpu=(3.5e-5,))), production=old)
    assert kinds(fine) == []
    wider = Policy(workspace_budget=(WorkspaceBudget(workspace="m?", time_ratio=12.0),))
    slow = replace(PRODUCTION, ended=costs(cpu=(9e-5,)))
    assert kinds(found(slow, wider, production=old)) == []


def test_the_median_of_repeats_counts() -> None:
    old = replace(PRODUCTION, ended=costs(cpu=(1e-5, 1e-5, 1e-5)))
    once = replace(PRODUCTION, ended=costs(cpu=(1e-5, 9e-4, 1e-5)))
    assert kinds(found(once, production=old)) == []


def test_lines_that_are_new_or_come_more_often_are_told() -> None:
    line = LogLine(level="error", logger="dqmstream.x", text="%s", count=2, first="lost 3 of 4")
    old = replace(PRODUCTION, ended=Ended(logged=(line,)))
    assert kinds(found(old, production=old)) == []
    assert kinds(found(PRODUCTION, production=old)) == []
    more = replace(PRODUCTION, ended=Ended(logged=(msgspec.structs.replace(line, count=5),)))
    (finding,) = found(more, production=old).findings
    assert (finding.kind, finding.subject) == (Kind.LOGGED, "dqmstream.x")
    assert finding.text == "error 2 to 5 times: lost 3 of 4"


def test_findings_come_in_one_order() -> None:
    other = (*ELEMENTS[1:], histogram("My/more", regular(3, 0, 1), fill="x"))
    order = [one.kind for one in found(_with(*other)).findings]
    assert order == sorted(order, key=list(Kind).index)
    assert len(set(order)) > 1
    assert all(a <= b for a, b in itertools.pairwise(map(list(Kind).index, order)))
