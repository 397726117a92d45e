"""Plans of emulated data taking: pure, whole, and true about what they do."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.emulating.plan import Plan, plan
from dqmstream.sources.cms.emulating.recorded import RecordedFile
from dqmstream.sources.cms.emulating.settings import EmulationSettings
from dqmstream.sources.cms.jsn import Jsn, JsnForm


def recorded(stream: str, number: int, events: int) -> RecordedFile:
    jsn = Jsn(form=JsnForm.DQM, processed=events, accepted=events, errors=0, file="a.dat")
    ends = tuple(100 + 10 * (event + 1) for event in range(events))
    return RecordedFile(
        path=Path(f"run400000_ls{number:04d}_{stream}_rec.dat"),
        stream=stream,
        ending="_rec",
        jsn=jsn,
        size=100 + 10 * events,
        events=ends,
    )


FILES = {
    "streamA": (recorded("streamA", 1, 5), recorded("streamA", 2, 0)),
    "streamB": (recorded("streamB", 1, 9),),
}
THIRD = st.sampled_from([0.0, 0.1, 1 / 3])
SETTINGS = st.builds(
    EmulationSettings,
    runs=st.integers(1, 3),
    lumisections=st.integers(1, 12),
    seconds=st.sampled_from([1.0, 23.31]),
    seed=st.integers(0, 1000),
    missing=THIRD,
    truncated=THIRD,
    half_written=THIRD,
    out_of_order=THIRD,
    late=THIRD,
    no_end=THIRD,
    keep=st.one_of(st.none(), st.integers(1, 5)),
)


@given(settings=SETTINGS)
def test_a_plan_is_a_pure_function_of_its_settings(settings: EmulationSettings) -> None:
    assert plan(settings, FILES) == plan(settings, FILES)


@given(settings=SETTINGS)
def test_every_file_is_planned_once_and_operations_agree_with_the_truth(
    settings: EmulationSettings,
) -> None:
    planned = plan(settings, FILES)
    assert len(planned.files) == settings.runs * settings.lumisections * len(FILES)
    whole = {op.file.name: op.at for op in planned.operations if op.file and op.what == "whole"}
    assert whole == {file.name: file.at for file in planned.files if file.at is not None}
    halves = [op for op in planned.operations if op.what == "half"]
    for half in halves:
        assert half.file is not None
        assert half.file.at is not None
        assert half.at <= half.file.at
    assert len(halves) == sum("half_written" in file.faults for file in planned.files)
    assert {op.run for op in planned.operations if op.what == "end"} == set(planned.ended_runs)
    assert all(count == 1 for count in Counter(file.name for file in planned.files).values())


@given(settings=SETTINGS)
def test_operations_come_in_the_order_of_time_and_a_run_begins_before_its_files(
    settings: EmulationSettings,
) -> None:
    planned = plan(settings, FILES)
    times = [op.at for op in planned.operations]
    assert times == sorted(times)
    begun = set()
    for op in planned.operations:
        if op.what == "run":
            begun.add(op.run)
        assert op.run in begun


@given(settings=SETTINGS)
def test_the_end_of_a_run_comes_after_all_of_its_files_but_the_late_ones(
    settings: EmulationSettings,
) -> None:
    planned = plan(settings, FILES)
    for end in (op for op in planned.operations if op.what == "end"):
        for file in planned.files:
            if file.run == end.run and file.at is not None and "late" not in file.faults:
                assert file.at <= end.at


@given(settings=SETTINGS)
def test_what_can_be_read_is_what_lies_whole_within_the_bytes_written(
    settings: EmulationSettings,
) -> None:
    planned = plan(settings, FILES)
    by_path = {str(one.path): one for files in FILES.values() for one in files}
    for file in planned.files:
        source = by_path[file.source]
        if "missing" in file.faults:
            assert (file.at, file.events, file.readable) == (None, 0, 0)
        else:
            assert file.readable == sum(end <= file.size for end in source.events)
            assert file.events == source.jsn.accepted
            assert ("truncated" in file.faults) or file.size == source.size
        assert file.deleted is None or (file.at is not None and file.deleted >= file.at)


def test_lumisections_take_the_recorded_files_in_turn_and_keep_their_endings() -> None:
    planned = plan(EmulationSettings(lumisections=3), {"streamA": FILES["streamA"]})
    places = [Path(file.source).name[10:16] for file in planned.files]
    assert places == ["ls0001", "ls0002", "ls0001"]
    assert planned.files[2].name == "run500001_ls0003_streamA_rec.dat"


def _faults(planned: Plan) -> Counter[str]:
    return Counter(fault for file in planned.files for fault in file.faults)


def test_chances_are_met() -> None:
    settings = EmulationSettings(
        lumisections=2000, missing=0.1, truncated=0.2, out_of_order=0.3, late=0.05, seed=5
    )
    found = _faults(plan(settings, {"streamB": FILES["streamB"]}))
    assert 150 < found["missing"] < 250
    assert 300 < found["truncated"] < 420
    assert 520 < found["out_of_order"] < 680
    assert 60 < found["late"] < 140


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"missing": 1.5}, "missing is 1.5, expected a probability"),
        ({"missing": 0.6, "late": 0.6}, "exclude each other"),
        ({"keep": 0}, "keep is 0, expected at least 1"),
        ({"seconds": 0.0}, "seconds is 0.0"),
        ({"run_key": "pp"}, "run key 'pp', expected one of commissioning_run"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        EmulationSettings(**given)  # type: ignore[arg-type]
