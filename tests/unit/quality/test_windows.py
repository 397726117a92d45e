"""The last LSs, those since a change, every k-th, and LSs still open: what is judged when."""

from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Histogram, Integer
from dqmstream.messages.histograms import Account, HistogramSet
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReports
from dqmstream.quality.comparison import Comparison, ComparisonSettings
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.published import Published
from dqmstream.quality.windows import begin_of

LAYOUT = Layout(
    Booking(
        workspace="w",
        elements=(Histogram(path="me", axes=(Integer(lower=0, upper=2, label="b"),), fill=("x",)),),
    )
)
LAST = 'scope = "last"\nlumisections = 3'
CHANGE = 'scope = "change"\nsince = ["prescale_index", "beam_mode"]'
CHANGED = "change:prescale_index,beam_mode"


def compiled(*more: str):
    text = "".join(
        f'[[quality_test]]\nname = "t{n}"\nalgorithm = "DeadChannel"\npath = "me"\n{one}\n'
        for n, one in enumerate(more)
    )
    return compile_tests(read_tests(text, "f"), [LAYOUT]).workspaces.get


def piece(
    lumisection: int, partition: int = 0, *, count: int = 100, partitions: int = 1, **changes
) -> HistogramSet:
    contents = Contents.empty(LAYOUT)
    contents.cells[1:3] = count
    fields = {
        "set": "s",
        "run": 1,
        "lumisection": lumisection,
        "segment": 0,
        "workspace": "w",
        "partition": partition,
        "partitions": partitions,
        "booking": LAYOUT.hash,
        "through": 10 * lumisection + partition,
        "epoch": 0,
        "closed": True,
        "whole": True,
        "writer": "filler",
        "account": Account(),
        "cells": contents.encode(),
    }
    return HistogramSet(**fields | changes)


def comparison(*tests: str, **more) -> Comparison:
    settings = more.pop("settings", ComparisonSettings())
    return Comparison(compiled(*tests), settings, **more)


def apply_all(one: Comparison, pieces: Iterable[HistogramSet]) -> list[QualityReports]:
    return [report for offset, p in enumerate(pieces) for report in one.apply(p, offset)]


def entries(reports: QualityReports) -> int:
    return reports.reports[0].entries


def of(reports: Sequence[QualityReports], scope: str) -> list[QualityReports]:
    return [one for one in reports if one.scope == scope]


def told(columns: dict[int, int | None]):
    """Conditions in which only the prescale column is known, by LS."""
    return lambda run, lumisection: Conditions(
        run=run, lumisection=lumisection, prescale_index=columns.get(lumisection)
    )


# ------------------------------------------------------------------------------- the last N


def test_the_last_lumisections_are_summed_and_named() -> None:
    reports = of(
        apply_all(comparison(LAST), [piece(n, count=10**n) for n in range(1, 6)]), "last:3"
    )
    sums = [[1], [1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]
    assert [entries(one) for one in reports] == [sum(2 * 10**n for n in part) for part in sums]
    assert [one.first_lumisection for one in reports] == [1, 1, 1, 2, 3]
    assert all(one.complete and one.missing == () for one in reports)


def test_a_gap_in_the_window_is_named_and_it_is_not_complete() -> None:
    *_, one = of(apply_all(comparison(LAST), [piece(n) for n in (1, 2, 4)]), "last:3")
    assert (one.first_lumisection, one.missing, one.complete) == (2, ((3, 3),), False)
    assert entries(one) == 400


def test_a_lumisection_that_closes_late_completes_the_newest_window() -> None:
    one = comparison(LAST)
    apply_all(one, [piece(n) for n in (1, 2, 4)])
    (window,) = of(one.apply(piece(3), 9), "last:3")
    assert (window.lumisection, window.missing, window.complete) == (4, (), True)
    assert entries(window) == 600


def test_a_newer_version_replaces_what_the_window_had_of_it() -> None:
    one = comparison(LAST)
    apply_all(one, [piece(n) for n in (1, 2, 3)])
    (window,) = of(one.apply(piece(2, epoch=1, count=1), 9), "last:3")
    assert entries(window) == 402


def test_a_window_whose_lumisections_are_no_longer_held_is_not_complete() -> None:
    size = len(piece(1).cells)
    one = comparison(LAST, settings=ComparisonSettings(held_bytes=size))
    reports = of(apply_all(one, [piece(n) for n in range(1, 7)]), "last:3")
    assert [one.complete for one in reports] == [True, True, True, False, False, True]
    assert [one.missing for one in reports[3:5]] == [((2, 3),), ((3, 3),)]
    assert [entries(one) for one in reports] == [200, 400, 600, 200, 400, 600]


versions = st.tuples(
    st.integers(1, 6), st.integers(0, 1), st.integers(0, 2), st.booleans(), st.integers(1, 50)
)


def pieces_of(drawn: Iterable[tuple[int, int, int, bool, int]]) -> list[HistogramSet]:
    """Equal versions of a key have equal contents, as in the log."""
    counts = {key[:4]: key[4] for key in drawn}
    return [
        piece(
            key[0],
            key[1],
            epoch=key[2],
            closed=key[3],
            count=counts[key[:4]],
            partitions=2,
        )
        for key in drawn
    ]


@given(st.lists(versions, max_size=30), st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_windows_are_the_sums_of_their_lumisections_in_any_order_of_versions(
    drawn, columns: list[int]
) -> None:
    known = told(dict(enumerate(columns, 1)))
    one = comparison(LAST, CHANGE, 'scope = "run"', conditions=known)
    held: dict[int, dict[int, HistogramSet]] = {}
    counted: set[int] = set()
    for offset, p in enumerate(pieces_of(drawn)):
        newest = held.setdefault(p.lumisection, {})
        if p.partition not in newest or newest[p.partition].order < p.order:
            newest[p.partition] = p
        reports = one.apply(p, offset)
        counted |= {report.lumisection for report in of(reports, "lumisection")}
        if not reports:
            continue
        end = max(counted)
        sums = {
            n: sum(Contents.decode(LAYOUT, p.cells).cells.sum() for p in held[n].values())
            for n in counted
        }
        first = end
        while first > 1 and columns[first - 2] == columns[end - 1]:
            first -= 1
        windows = {
            "run": sorted(counted),
            "last:3": [n for n in sorted(counted) if n > end - 3],
        }
        for scope, numbers in windows.items():
            for report in of(reports, scope):
                assert entries(report) == sum(sums[n] for n in numbers)
        for report in of(reports, CHANGED):
            # LSs that are not there cannot have been different.
            assert report.first_lumisection == begin_of(
                CHANGED, sorted(counted), lambda n: known(1, n)
            )
            begin = report.first_lumisection
            assert entries(report) == sum(sums[n] for n in counted if n >= begin)
            assert begin <= end
            gone = [n for a, b in report.missing for n in range(a, b + 1)]
            assert sorted({*gone, *(n for n in counted if n >= begin)}) == list(
                range(begin, end + 1)
            )


@given(st.lists(versions, max_size=24), st.integers(0, 40), st.lists(st.integers(0, 2), min_size=6))
def test_a_restart_publishes_exactly_what_was_not_published(drawn, cut: int, columns) -> None:
    known = told(dict(enumerate(columns[:6], 1)))
    tests = (LAST, CHANGE, 'scope = "run"\nevery = 2', "every = 2")
    pieces = pieces_of(drawn)
    everything = apply_all(comparison(*tests, conditions=known), pieces)
    before, after = everything[:cut], everything[cut:]
    again = comparison(*tests, conditions=known, published=Published(before))
    assert apply_all(again, pieces) == after


# ---------------------------------------------------------------------------- since a change


def test_a_window_begins_where_a_condition_last_changed() -> None:
    columns = {1: 5, 2: 5, 3: 6, 4: 6, 5: 5}
    one = comparison(CHANGE, conditions=told(columns))
    reports = of(apply_all(one, [piece(n) for n in range(1, 6)]), CHANGED)
    assert [one.first_lumisection for one in reports] == [1, 1, 3, 3, 5]
    assert [entries(one) for one in reports] == [200, 400, 200, 400, 200]
    assert all(one.complete for one in reports)


def test_what_is_not_known_has_not_changed() -> None:
    columns = {1: 5, 3: 5, 5: None, 6: 7}
    numbers = list(range(1, 7))
    known = told(columns)
    begins = [begin_of(CHANGED, numbers[:n], lambda ls: known(1, ls)) for n in range(1, 7)]
    assert begins == [1, 1, 1, 1, 1, 6]


def test_a_change_that_becomes_known_later_moves_the_newest_window() -> None:
    known: dict[int, int | None] = {1: 5}
    one = comparison(CHANGE, conditions=told(known))
    reports = apply_all(one, [piece(n) for n in (1, 2, 3)])
    assert of(reports, CHANGED)[-1].first_lumisection == 1
    known[2] = 6
    (renewed,) = one.renew([(1, 2)])
    assert (renewed.scope, renewed.lumisection, renewed.first_lumisection) == (CHANGED, 3, 2)
    assert entries(renewed) == 400
    assert one.renew([(1, 2)]) == []


@given(st.permutations([("set", n) for n in (1, 2, 3)] + [("told", n) for n in (1, 2, 3)]))
def test_whichever_comes_first_the_newest_window_is_the_same(order) -> None:
    columns = {1: 5, 2: 6, 3: 6}
    known: dict[int, int | None] = {}
    one = comparison(CHANGE, conditions=told(known))
    published: list[QualityReports] = []
    for offset, (kind, number) in enumerate(order):
        if kind == "set":
            published += one.apply(piece(number), offset)
        else:
            known[number] = columns[number]
            published += one.renew([(1, number)])
    last = {(r.scope, r.lumisection): r for r in published}[CHANGED, 3]
    assert (last.first_lumisection, entries(last)) == (2, 400)


# ----------------------------------------------------------------------------- every k-th LS


def test_a_test_of_every_third_lumisection_is_silent_in_between() -> None:
    reports = apply_all(comparison("every = 3"), [piece(n) for n in range(1, 8)])
    assert [len(one.reports) for one in of(reports, "lumisection")] == [0, 0, 1, 0, 0, 1, 0]


def test_a_window_of_every_third_is_judged_at_or_after_it_and_again_when_it_changes() -> None:
    one = comparison('scope = "run"\nevery = 3')
    reports = apply_all(one, [piece(n) for n in (1, 2, 4, 5)])
    assert [r.lumisection for r in of(reports, "run")] == [4], "LS 3 has not closed yet"
    assert of(one.apply(piece(3), 7), "run") == [], "the run has gone on to LS 5 since"
    assert [r.lumisection for r in of(one.apply(piece(6), 8), "run")] == [6]
    (again,) = of(one.apply(piece(2, epoch=1, count=1), 9), "run")
    assert (again.lumisection, entries(again)) == (6, 5 * 200 + 2)


# --------------------------------------------------------------------------------- open LSs


def test_an_open_lumisection_is_judged_by_the_tests_that_ask_for_it() -> None:
    one = comparison('on = "any"', 'on = "all"', 'scope = "both"')
    first = one.apply(piece(1, 0, partitions=2, closed=False, through=3), 0)
    assert [(r.closed, r.complete, [t.qtname for t in r.reports]) for r in first] == [
        (False, False, ["t0"])
    ]
    second = one.apply(piece(1, 1, partitions=2, closed=False, through=4), 1)
    assert [t.qtname for t in second[0].reports] == ["t0", "t1"]
    third = one.apply(piece(1, 0, partitions=2, closed=False, through=5), 2)
    assert [t.qtname for t in third[0].reports] == ["t0"]
    assert entries(third[0]) == 400
    apply_all(one, [piece(1, 0, partitions=2)])
    closing = one.apply(piece(1, 1, partitions=2), 4)
    assert [(r.scope, r.closed, len(r.reports)) for r in closing] == [
        ("lumisection", True, 3),
        ("run", True, 1),
    ]


def test_open_ones_are_not_judged_while_what_was_published_is_read_again() -> None:
    """A reader may have been told of the closed LS: it has the last word."""
    pieces = [piece(1, closed=False, through=3), piece(1)]
    everything = apply_all(comparison('on = "any"'), pieces)
    assert [one.closed for one in everything] == [False, True]
    assert apply_all(comparison('on = "any"', published=Published(everything)), pieces) == []


def test_without_such_tests_nothing_is_said_before_it_closes() -> None:
    assert comparison(LAST).apply(piece(1, closed=False), 0) == []


# ------------------------------------------------------------------------------------ proof


def test_reports_name_the_tests_the_code_and_the_cells() -> None:
    (one,) = apply_all(comparison(""), [piece(1)])
    (same,) = apply_all(comparison(""), [piece(1)])
    (other,) = apply_all(comparison("warning = 0.5"), [piece(1)])
    (more,) = apply_all(comparison(""), [piece(1, count=101)])
    assert one == same
    assert len(one.configuration) == len(one.contents) == 16
    assert other.configuration != one.configuration
    assert (other.contents, other.code) == (one.contents, one.code)
    assert more.contents != one.contents
    assert one.code.split()[0].count(".") >= 2
    assert one.first_lumisection == 1


@pytest.mark.parametrize("run_type", ["pp_run", "cosmics", ""])
def test_a_run_type_that_a_test_is_not_for_disables_it(run_type: str) -> None:
    row = Conditions(run=1, lumisection=1, run_type=run_type)
    one = comparison('run_type = ["pp*", "ion"]\nscope = "both"', conditions=lambda *_: row)
    outcomes = {r.scope: r.reports[0].outcome for r in apply_all(one, [piece(1)])}
    expected = {
        "pp_run": Outcome.GOOD,
        "cosmics": Outcome.DISABLED,
        "": Outcome.NOT_RUN,
    }[run_type]
    assert outcomes == {"lumisection": expected, "run": expected}


def test_a_run_type_that_comes_late_is_judged_by_for_the_run_too() -> None:
    known: dict[tuple[int, int], Conditions] = {}
    one = comparison('run_type = "pp*"\nscope = "both"', conditions=lambda *place: known.get(place))
    assert {r.reports[0].outcome for r in apply_all(one, [piece(1)])} == {Outcome.NOT_RUN}
    known[1, 1] = Conditions(run=1, lumisection=1, run_type="pp_run")
    renewed = one.renew([(1, 1)])
    assert {(r.scope, r.reports[0].outcome) for r in renewed} == {
        ("lumisection", Outcome.GOOD),
        ("run", Outcome.GOOD),
    }
    assert msgspec.structs.asdict(renewed[0])["conditions"] == "run_type='pp_run'"


def test_broken_cells_of_an_open_lumisection_are_left_to_the_closing_piece() -> None:
    one = comparison('on = "any"')
    assert one.apply(piece(1, closed=False, through=3, cells=b"not zstd"), 0) == []
    (closing,) = one.apply(piece(1), 1)
    assert closing.closed
