"""From sets to reports: what is judged when, and what a restart does."""

from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import MessageError, WindowError
from dqmstream.fold.sets import split
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Histogram, Integer
from dqmstream.messages.histograms import Account, HistogramSet, SourceAccount
from dqmstream.messages.quality import QualityReports
from dqmstream.quality.comparison import Comparison, ComparisonSettings
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.published import Published

LAYOUT = Layout(
    Booking(
        workspace="w",
        elements=(
            Histogram(path="me", axes=(Integer(lower=0, upper=4, label="bin"),), fill=("x",)),
        ),
    )
)
TESTS = read_tests(
    """
[[quality_test]]
name = "dead"
algorithm = "DeadChannel"
path = "me"
scope = "both"
""",
    "tests.toml",
)
COMPILED = compile_tests(TESTS, [LAYOUT]).workspaces


def piece(
    lumisection: int,
    partition: int = 0,
    *,
    counts: Sequence[int] = (500, 500, 500, 500),
    partitions: int = 2,
    **changes,
) -> HistogramSet:
    """A closed set of one partition, its chunk and marker in its account."""
    contents = Contents.empty(LAYOUT)
    contents.cells[1:5] = counts
    source = SourceAccount(
        source=f"s{partition}", incarnation="i", rereadable=True, chunks=b"\x01", marker=1
    )
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
        "account": Account(sources=(source,)),
        "cells": contents.encode(),
    }
    return HistogramSet(**fields | changes)


def comparison(
    settings: ComparisonSettings | None = None,
    published: Published | None = None,
    *,
    hole: bool = False,
) -> Comparison:
    return Comparison(
        COMPILED.get, settings or ComparisonSettings(), published=published, hole=hole
    )


def apply_all(one: Comparison, pieces: Iterable[HistogramSet], first: int = 0):
    return [report for offset, p in enumerate(pieces, first) for report in one.apply(p, offset)]


def places(reports: Iterable[QualityReports]) -> list[tuple[str, int]]:
    return [(one.scope, one.lumisection) for one in reports]


def entries(reports: QualityReports) -> int:
    return reports.reports[0].entries


def test_a_lumisection_is_judged_when_its_last_partition_closes() -> None:
    one = comparison()
    assert one.apply(piece(1, 0), 0) == []
    assert one.apply(piece(1, 1, closed=False), 1) == []
    reports = one.apply(piece(1, 1), 2, made=99)
    assert places(reports) == [("lumisection", 1), ("run", 1)]
    assert [entries(report) for report in reports] == [4000, 4000]
    assert all(report.complete and report.made == 99 for report in reports)
    assert all(report.versions == (10, 11) for report in reports)


def test_the_run_so_far_is_the_sum_of_closed_lumisections() -> None:
    one = comparison()
    reports = apply_all(one, [piece(ls, p) for ls in (1, 2, 3) for p in (0, 1)])
    assert [entries(report) for report in reports if report.scope == "run"] == [4000, 8000, 12000]
    assert [entries(report) for report in reports if report.scope != "run"] == [4000] * 3


def test_a_lumisection_that_closes_after_a_later_one_completes_the_run() -> None:
    one = comparison()
    first = apply_all(one, [piece(ls, p) for ls in (1, 3) for p in (0, 1)])
    assert (first[-1].lumisection, first[-1].complete) == (3, False)
    second = apply_all(one, [piece(2, 0), piece(2, 1)])
    assert places(second) == [("lumisection", 2), ("run", 3)]
    assert second[-1].complete
    assert entries(second[-1]) == 12000


def test_a_newer_epoch_replaces_a_lumisection_in_the_run_too() -> None:
    one = comparison()
    apply_all(one, [piece(ls, p) for ls in (1, 2) for p in (0, 1)])
    reports = one.apply(piece(1, 0, epoch=1, counts=(600, 600, 600, 0)), 4)
    assert places(reports) == [("lumisection", 1), ("run", 2)]
    assert [entries(report) for report in reports] == [3800, 7800]


def test_a_set_sent_twice_or_an_older_one_changes_nothing() -> None:
    one = comparison()
    apply_all(one, [piece(1, p, epoch=1) for p in (0, 1)])
    assert one.apply(piece(1, 0, epoch=1), 2) == []
    assert one.apply(piece(1, 0, epoch=0), 3) == []
    assert one.apply(piece(1, 1, closed=False, through=99, epoch=1), 4) == []


def test_late_data_stand_beside_and_are_not_judged() -> None:
    one = comparison()
    apply_all(one, [piece(1, p) for p in (0, 1)])
    assert one.apply(piece(1, 0, segment=1), 2) == []


def test_what_a_source_did_not_deliver_makes_reports_incomplete() -> None:
    lacking = Account(
        sources=(
            SourceAccount(source="s", incarnation="i", rereadable=True, chunks=b"\x01", marker=2),
        )
    )
    reports = apply_all(comparison(), [piece(1, 0, account=lacking), piece(1, 1)])
    assert [report.complete for report in reports] == [False, False]


def test_a_set_in_parts_counts_when_all_are_there() -> None:
    one = comparison()
    whole = piece(1, 0, partitions=1)
    parts = split(whole, max_block=len(whole.cells) // 2)
    assert len(parts) > 1
    assert apply_all(one, parts[:-1]) == []
    assert places(one.apply(parts[-1], 9)) == [("lumisection", 1), ("run", 1)]


def test_runs_are_judged_apart_and_the_oldest_is_let_go() -> None:
    one = comparison(ComparisonSettings(runs=2))
    for run in (1, 2, 3):
        apply_all(one, [piece(1, p, run=run) for p in (0, 1)], first=run * 10)
    assert one.rebuild_from == 20
    assert apply_all(one, [piece(2, p, run=1) for p in (0, 1)]) == []
    assert one.ignored == {"old_run": 2}
    reports = apply_all(one, [piece(2, p, run=3) for p in (0, 1)])
    assert entries(reports[-1]) == 8000


def test_many_runs_of_another_set_let_no_run_that_goes_on_go() -> None:
    """Hundreds of runs may be imported at once; each set has its own runs to hold."""
    one = comparison(ComparisonSettings(runs=2, all_runs=8))
    apply_all(one, [piece(1, p, run=900) for p in (0, 1)])
    for run in range(1, 30):
        other = [msgspec.structs.replace(piece(1, p, run=run), set="imported") for p in (0, 1)]
        apply_all(one, other, first=run * 10)
    reports = apply_all(one, [piece(2, p, run=900) for p in (0, 1)], first=400)
    assert entries(reports[-1]) == 8000
    assert one.ignored == {}


def test_beyond_the_bytes_to_hold_a_replaced_lumisection_makes_the_run_incomplete() -> None:
    size = len(piece(1).cells)
    one = comparison(ComparisonSettings(held_bytes=4 * size))
    apply_all(one, [piece(ls, p) for ls in (1, 2, 3) for p in (0, 1)])
    assert one.apply(piece(1, 0), 6) == []
    assert one.ignored == {}
    assert one.apply(piece(1, 0, epoch=1), 7) == []
    assert one.ignored == {"settled": 1}
    reports = apply_all(one, [piece(4, p) for p in (0, 1)], first=8)
    assert [report.complete for report in reports] == [True, False]


def test_lost_records_before_the_first_make_its_run_incomplete() -> None:
    one = comparison(hole=True)
    torn = apply_all(one, [piece(5, p) for p in (0, 1)])
    new = apply_all(one, [piece(1, p, run=2) for p in (0, 1)])
    assert [report.complete for report in torn + new] == [True, False, True, True]


def test_broken_cells_are_refused_and_the_next_set_works() -> None:
    one = comparison()
    with pytest.raises(MessageError, match="bad_cells"):
        one.apply(piece(1, 0, cells=b"not zstd"), 0)
    assert len(apply_all(one, [piece(1, p) for p in (0, 1)])) == 2


def test_sets_that_contradict_each_other_are_refused() -> None:
    one = comparison()
    one.apply(piece(1, 0), 0)
    with pytest.raises(WindowError, match="partitions"):
        one.apply(piece(1, 1, partitions=3), 1)
    assert len(one.apply(piece(1, 1), 2)) == 2


def test_a_lumisection_that_can_no_longer_be_summed_makes_its_run_incomplete() -> None:
    """Another incarnation of a re-readable source came late: the same events twice."""
    one = comparison()
    apply_all(one, [piece(1, p) for p in (0, 1)])
    other = SourceAccount(source="s0", incarnation="j", rereadable=True)
    assert one.apply(piece(1, 1, segment=1, account=Account(sources=(other,))), 2) == []
    with pytest.raises(WindowError, match="incarnations"):
        one.apply(piece(1, 0, epoch=1), 3)
    reports = apply_all(one, [piece(2, p) for p in (0, 1)], first=4)
    assert [report.complete for report in reports] == [True, False]


def test_a_booking_nobody_knows_is_refused() -> None:
    with pytest.raises(WindowError, match="not known"):
        comparison().apply(piece(1, 0, partitions=1, booking="other"), 0)


def test_a_workspace_without_tests_is_still_reported_on() -> None:
    """Readers wait for the reports of every workspace, empty ones too."""
    bare = compile_tests([], [LAYOUT]).workspaces
    one = Comparison(bare.get, ComparisonSettings())
    reports = apply_all(one, [piece(1, p) for p in (0, 1)])
    assert places(reports) == [("lumisection", 1)]
    assert reports[0].reports == ()


# ------------------------------------------------------------------------------------------- laws

versions = st.tuples(
    st.integers(1, 4),  # LS
    st.integers(0, 1),  # partition
    st.integers(0, 2),  # epoch
    st.booleans(),  # closed
    st.integers(0, 3),  # which counts
)
COUNTS = ((500, 500, 500, 500), (500, 0, 500, 500), (1, 2, 3, 4), (0, 0, 0, 0))


def pieces_of(drawn: Iterable[tuple[int, int, int, bool, int]]) -> list[HistogramSet]:
    """Equal versions of a key have equal contents, as in the log."""
    chosen = {(ls, p, epoch, closed): which for ls, p, epoch, closed, which in drawn}
    return [
        piece(ls, p, epoch=epoch, closed=closed, counts=COUNTS[chosen[ls, p, epoch, closed]])
        for ls, p, epoch, closed, _ in drawn
    ]


@given(drawn=st.lists(versions, max_size=30))
def test_the_last_reports_are_those_of_the_newest_sets_in_any_order(drawn) -> None:
    pieces = pieces_of(drawn)
    last = {(one.scope, one.lumisection): one for one in apply_all(comparison(), pieces)}
    newest: dict[tuple[int, int], HistogramSet] = {}
    for one in pieces:
        place = (one.lumisection, one.partition)
        if place not in newest or one.order > newest[place].order:
            newest[place] = one
    closed = [
        ls for ls in range(1, 5) if all((ls, p) in newest and newest[ls, p].closed for p in (0, 1))
    ]
    sums = {
        ls: sum(int(Contents.decode(LAYOUT, newest[ls, p].cells).cells.sum()) for p in (0, 1))
        for ls in closed
    }
    assert {ls for scope, ls in last if scope == "lumisection"} == set(closed)
    for ls in closed:
        assert entries(last["lumisection", ls]) == sums[ls]
    if closed:
        assert entries(last["run", max(closed)]) == sum(sums.values())


@given(drawn=st.lists(versions, max_size=30), cut=st.integers(0, 30))
def test_a_restart_publishes_exactly_what_was_not_published(drawn, cut: int) -> None:
    """Cut anywhere between two reports: those before the cut are skipped, all others come."""
    pieces = pieces_of(drawn)
    everything = apply_all(comparison(), pieces)
    before, after = everything[:cut], everything[cut:]
    restarted = comparison(published=Published(before))
    assert apply_all(restarted, pieces) == after


@given(st.lists(versions, min_size=1, max_size=30), st.integers(0, 30))
def test_a_verdict_given_before_a_restart_with_other_tests_stands(drawn, cut: int) -> None:
    pieces = pieces_of(drawn)
    everything = apply_all(comparison(), pieces)
    others = read_tests(
        '[[quality_test]]\nname = "other"\nalgorithm = "NoisyChannel"\npath = "me"\n'
        'scope = "both"\n',
        "f",
    )
    restarted = Comparison(
        compile_tests(others, [LAYOUT]).workspaces.get,
        ComparisonSettings(),
        published=Published(everything[:cut]),
    )
    assert places(apply_all(restarted, pieces)) == places(everything[cut:])


def test_a_restart_in_the_middle_of_a_run_knows_that_it_lacks_the_beginning() -> None:
    """A piece of an old run after the place to rebuild from: its sum is not called complete."""
    everything = apply_all(comparison(), [piece(ls, p) for ls in (1, 2) for p in (0, 1)])
    one = comparison(published=Published(everything))
    reports = apply_all(one, [piece(3, p) for p in (0, 1)])
    assert [report.complete for report in reports] == [True, False]


def test_once_caught_up_nothing_is_skipped() -> None:
    pieces = [piece(1, p) for p in (0, 1)]
    published = Published(apply_all(comparison(), pieces))
    one = comparison(published=published)
    published.forget()
    assert len(apply_all(one, pieces)) == 2


def test_reports_survive_the_wire() -> None:
    for one in apply_all(comparison(), [piece(1, p) for p in (0, 1)]):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=QualityReports) == one


def test_an_element_invalid_in_one_lumisection_is_invalid_in_the_run() -> None:
    one = comparison()
    apply_all(one, [piece(1, 0, invalid={0: "no column x"}), piece(1, 1)])
    lumisection, run = apply_all(one, [piece(2, p) for p in (0, 1)])
    assert lumisection.reports[0].outcome == "GOOD"
    assert run.reports[0].outcome == "INVALID"
    assert "LS 1: no column x" in run.reports[0].message
