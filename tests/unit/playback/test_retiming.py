"""Recorded events as another run."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.sources.source import ColumnSource, EventSource
from dqmstream.sources.synthetic import SyntheticConfig, SyntheticDetector
from dqmstream.sources.synthetic.source import SyntheticSource
from dqmstream.sources.tables import table_sources
from playback.recordings import Recording, record
from playback.retiming import RetimedRun
from tests.event_files import EVENTS, chunks_of, numbers, write_events

BY_LS = [[102, 106], [100, 101, 103, 107], [104, 105]]
"""Events of the three LSs that are no holes."""


@pytest.fixture
def sources(tmp_path: Path) -> list[EventSource]:
    """Run 7 of a file, LSs 1, 3 and 5."""
    found, _ = table_sources([write_events(tmp_path / "a.root", EVENTS)])
    return list(found)


def test_lumisections_follow_each_other_without_holes(sources: list[EventSource]) -> None:
    run = RetimedRun(sources, run=90)
    assert (run.run, run.first_lumisection, run.length) == (90, 1, 3)
    assert numbers(run, "event") == dict(enumerate(BY_LS, 1))
    assert run.marks == ("re-timed",)
    assert run.name == sources[0].name


def test_they_begin_again_when_all_have_been(sources: list[EventSource]) -> None:
    run = RetimedRun(sources, run=90, lumisections=7)
    assert list(numbers(run, "event").values()) == [*BY_LS, *BY_LS, BY_LS[0]]


def test_reading_goes_on_after_any_lumisection(sources: list[EventSource]) -> None:
    """What is read after LS n does not depend on what was read before."""
    run = RetimedRun(sources, run=90, lumisections=7)
    whole = chunks_of(run)
    for after in range(8):
        rest = {one.lumisection: list(one.chunks()) for one in run.lumisections(after)}
        assert rest == {number: whole[number] for number in range(after + 1, 8)}


@settings(max_examples=10)
@given(st.integers(1, 40))
def test_runs_come_one_after_another(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = tmp_path_factory.mktemp("runs") / "a.csv"
    found, _ = table_sources([write_events(path, {"run": [5, 5, 9], "ls": [8, 2, 4]})])
    run = RetimedRun(found, run=1, lumisections=length)
    expected = [2, 8, 4] * length
    assert [values[0] for values in numbers(run, "ls").values()] == expected[:length]


def test_a_chosen_set_of_columns_reaches_the_sources(sources: list[EventSource]) -> None:
    run = RetimedRun(sources, run=90)
    assert isinstance(run, ColumnSource)
    narrow = run.reading({"event"})
    assert numbers(narrow, "event") == numbers(run, "event")
    assert narrow.incarnation != run.incarnation
    assert len(chunks_of(narrow)[1][0].body) < len(chunks_of(run)[1][0].body)


def test_another_length_or_another_input_is_another_incarnation(
    sources: list[EventSource], tmp_path: Path
) -> None:
    other, _ = table_sources([write_events(tmp_path / "b.root", EVENTS)])
    made = [RetimedRun(sources, run=90), RetimedRun(sources, run=90, lumisections=4)]
    made.append(RetimedRun(other, run=90))
    assert len({run.incarnation for run in made}) == 3
    assert RetimedRun(sources, run=90).incarnation == made[0].incarnation


def test_a_long_loop_gathers_no_reports(sources: list[EventSource]) -> None:
    run = RetimedRun(sources, run=90, lumisections=50)
    before = len(run.reports)
    chunks_of(run)
    assert len(run.reports) == before


def test_a_recording_is_played_with_the_bodies_that_were_recorded(tmp_path: Path) -> None:
    source = SyntheticSource(SyntheticDetector(SyntheticConfig(run=3, lumisections=2, rate=20)))
    recording = record([source], tmp_path / "recording")
    recording.verify()
    run = RetimedRun(Recording(recording.folder).sources, run=8, lumisections=5)
    recorded = list(chunks_of(source).values())
    played = list(chunks_of(run).values())
    assert played == [*recorded, *recorded, recorded[0]]
    assert run.marks == ("re-timed", "simulated")


@pytest.mark.parametrize(("number", "length"), [(0, None), (1, 0), (-1, 3)])
def test_a_run_without_number_or_length_is_refused(
    sources: list[EventSource], number: int, length: int | None
) -> None:
    with pytest.raises(ConfigurationError, match="expected a run number from 1 on"):
        RetimedRun(sources, run=number, lumisections=length)
