"""Who is let in: every refusal has a name and changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from dqmstream.fold.effects import Opened
from dqmstream.fold.state import Hole
from dqmstream.identity import event_partition
from dqmstream.messages.events import LumisectionOpen

Line = Any


def reason(applied: Any) -> str:
    return applied.refused.reason if applied.refused else ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"partitions": 2}, "wrong_partitions"),
        ({"number": -1}, "chunk_number"),
        ({"number": 1 << 20}, "chunk_number"),
        ({"seen": -1}, "event_counts"),
        ({"dropped": -1}, "event_counts"),
        ({"selected": 5}, "event_counts"),
        ({"dropped": 1 << 50}, "event_counts"),
        ({"run": 0}, "run"),
        ({"run": 1 << 32}, "run"),
        ({"lumisection": 0}, "lumisection"),
        ({"lumisection": 10_001}, "lumisection"),
        ({"lumisection": 50}, "lumisection_jump"),
        ({"incarnation": "other"}, "second_incarnation"),
        ({"number": 3, "lumisection": 2}, "beyond_marker"),
        ({"events": [2]}, "same_id_other_body"),
    ],
)
def test_a_chunk_is_refused_by_name_and_changes_nothing(
    line: Line, changes: dict[str, Any], expected: str
) -> None:
    line.chunk(1, 0, rereadable=True)
    line.chunk(2, 1, rereadable=True)
    line.marker(2, 3, rereadable=True)
    before = line.state.encode()
    values = {"lumisection": 1, "rereadable": True} | changes
    assert reason(line.chunk(values.pop("lumisection"), **values)) == expected
    assert line.state.encode() == before
    assert line.fold.refused == {expected: 1}


def test_a_chunk_of_another_partition_is_refused(new_line: Callable[..., Line]) -> None:
    line = new_line(partitions=3)
    homes = {event_partition("a", number, 3): number for number in range(3)}
    assert reason(line.chunk(1, homes[1])) == "wrong_partition"
    assert reason(line.chunk(1, homes[0])) == ""


@pytest.mark.parametrize("kind", ["start", "end", "marker"])
def test_control_records_of_a_second_incarnation_are_refused(line: Line, kind: str) -> None:
    line.start(rereadable=True)
    speak = {"start": line.start, "end": line.end, "marker": lambda **more: line.marker(1, **more)}
    applied = speak[kind](rereadable=True, incarnation="other")
    assert reason(applied) == "second_incarnation"


def test_a_live_source_may_have_many_incarnations(line: Line) -> None:
    line.start(incarnation="one")
    assert reason(line.start(incarnation="two")) == ""


def test_a_second_marker_of_another_count_is_refused(line: Line) -> None:
    line.start("b")
    line.marker(1, 2)
    assert line.marker(1, 2).duplicate
    assert reason(line.marker(1, 3)) == "second_marker"


def test_known_sources_go_on_when_no_more_are_let_in(new_line: Callable[..., Line]) -> None:
    line = new_line(max_sources=2)
    line.start("a")
    line.start("b")
    assert reason(line.start("c")) == "too_many_sources"
    assert reason(line.marker(1, 0, "a")) == ""
    assert reason(line.put(LumisectionOpen(run=1, lowest=1, highest=2))) == ""


def test_a_run_cannot_expect_more_sources_than_it_may_have(new_line: Callable[..., Line]) -> None:
    line = new_line(max_sources=2)
    assert reason(line.start("a", expected=("b", "c", "d"))) == "too_many_sources"


def test_runs_beyond_the_limit_are_refused_until_one_ends(new_line: Callable[..., Line]) -> None:
    line = new_line(max_runs=1)
    line.start()
    assert reason(line.start(run=2)) == "too_many_runs"
    line.end()
    assert reason(line.start(run=2)) == ""


def test_data_of_runs_older_than_the_last_r_are_refused(new_line: Callable[..., Line]) -> None:
    line = new_line(ended_runs=1)
    for run in (5, 3, 4):
        line.start(run=run)
        line.end(run=run)
    assert line.state.ended == [4]
    assert reason(line.chunk(1, run=3)) == "forgotten_run"
    assert reason(line.chunk(1, run=5)) == "forgotten_run"
    assert reason(line.chunk(1, run=2)) == ""


@pytest.mark.parametrize(("lowest", "highest"), [(0, 3), (4, 3), (1, 10_001), (-5, -1)])
def test_an_open_decision_out_of_bounds_is_refused(line: Line, lowest: int, highest: int) -> None:
    decision = LumisectionOpen(run=1, lowest=lowest, highest=highest)
    assert reason(line.put(decision)) == "lumisection"


@pytest.mark.parametrize("known", [True, False])
def test_an_open_decision_opens_no_more_than_a_jump(known: bool, line: Line) -> None:
    """Sources tell all partitions: what another one knows is never that far from here."""
    if known:
        line.chunk(1)
    before = line.state.encode()
    assert reason(line.put(LumisectionOpen(run=1, lowest=1, highest=22))) == "lumisection_jump"
    assert line.state.encode() == before
    assert reason(line.put(LumisectionOpen(run=1, lowest=1, highest=21))) == ""
    assert line.run.span() == (1, 21)


def test_after_a_hole_an_open_decision_may_reach_as_far_as_it_must(line: Line) -> None:
    """What this partition lost, another one still knows: both must agree on the run."""
    line.state.holes.append(Hole(0, 100))
    assert reason(line.put(LumisectionOpen(run=1, lowest=1, highest=60))) == ""
    assert line.run.span() == (1, 60)


def test_a_first_record_far_from_what_sources_announced_is_refused(line: Line) -> None:
    """It would refuse everything good that follows: nobody could reach back from there."""
    assert reason(line.chunk(9000)) == "lumisection_jump"
    line.start(first=3000)
    assert reason(line.chunk(9000)) == "lumisection_jump"
    assert reason(line.chunk(1)) == "lumisection_jump"
    assert reason(line.chunk(3001)) == ""
    assert line.run.span() == (3001, 3001), "a first record opens its own LS alone"


def test_one_record_opens_no_more_than_a_jump(line: Line) -> None:
    line.chunk(1)
    assert reason(line.chunk(22)) == "lumisection_jump"
    applied = line.chunk(21)
    assert reason(applied) == ""
    assert len([effect for effect in applied.effects if isinstance(effect, Opened)]) == 20
