"""Which results are found again."""

import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from dqmstream.messages.operations import Conditions
from playback.comparing.choice import Choice
from playback.comparing.dependencies import RanIn
from playback.comparing.environment import Environment
from playback.comparing.identity import Identity
from playback.comparing.release import Installed
from playback.comparing.side import Asked, result_key
from playback.recordings import Recording, record
from tests.recorded import SmallRun

ENVIRONMENT = Environment(
    release=Installed(),
    path=(),
    python=Path(sys.executable),
    identity=Identity(version="1", hash="0", library="", runner=""),
    ran_in=RanIn(python="CPython 3.11.7", distributions={"numpy": "2.3.1"}),
)


def _key(recording: Recording, environment: Environment = ENVIRONMENT) -> str:
    asked = Asked(recording=recording, run=7, cache=Path("cache"))
    return result_key("candidate", environment, Choice(), asked)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return record([SmallRun()], tmp_path / "recording", made="then")


def test_a_result_is_found_again_wherever_and_whenever_the_same_was_recorded(
    recording: Recording, tmp_path: Path
) -> None:
    again = record([SmallRun()], tmp_path / "again", made="now", origin=["elsewhere"])
    assert _key(again) == _key(recording)
    asked = Asked(recording=recording, run=7, cache=Path("cache"))
    other = replace(asked, repeats=2)
    assert result_key("candidate", ENVIRONMENT, Choice(), other) != _key(recording)


def test_a_result_of_other_conditions_is_not_taken_for_one_of_the_same_events(
    recording: Recording, tmp_path: Path
) -> None:
    """Quality tests ask for pile-up and DCS bits, which may be known later than the events."""
    known = record(
        [SmallRun()],
        tmp_path / "known",
        conditions=[Conditions(run=7, lumisection=1, pileup=40.0)],
    )
    assert known.contents == recording.contents
    assert _key(known) != _key(recording)


def test_a_result_of_shorter_lumisections_is_not_taken_for_one_of_the_same_events(
    recording: Recording, tmp_path: Path
) -> None:
    """Alarms wait by the length of LSs, which is given by hand where a log was recorded."""
    shorter = record([SmallRun()], tmp_path / "shorter")
    (run,) = shorter.manifest.runs
    (source,) = run.sources
    lumisections = tuple(
        msgspec.structs.replace(one, seconds=one.seconds / 2) for one in source.lumisections
    )
    source = msgspec.structs.replace(source, lumisections=lumisections)
    run = msgspec.structs.replace(run, sources=(source,))
    shorter.manifest = msgspec.structs.replace(shorter.manifest, runs=(run,))
    assert shorter.contents == recording.contents
    assert _key(shorter) != _key(recording)


@pytest.mark.parametrize(
    "ran_in",
    [
        RanIn(python="CPython 3.11.7", distributions={"numpy": "2.3.2"}),
        RanIn(python="CPython 3.11.7", distributions={"numpy": "2.3.1", "scipy": "1.16.0"}),
        RanIn(python="CPython 3.12.7", distributions={"numpy": "2.3.1"}),
    ],
)
def test_a_result_of_another_dependency_or_python_is_made_anew(
    recording: Recording, ran_in: RanIn
) -> None:
    other = replace(ENVIRONMENT, ran_in=ran_in)
    assert _key(recording, other) != _key(recording)
    assert other.compiling != ENVIRONMENT.compiling or "scipy" in ran_in.distributions
    elsewhere = replace(ENVIRONMENT, python=Path("/elsewhere/bin/python"))
    assert _key(recording, elsewhere) == _key(recording), "where it is makes no difference"
