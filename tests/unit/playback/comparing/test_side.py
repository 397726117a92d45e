"""Which results are found again, and what is made by two at once."""

import fcntl
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import Queue

import msgspec
import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.messages.operations import Conditions
from playback.comparing.choice import Choice
from playback.comparing.dependencies import RanIn
from playback.comparing.environment import Environment
from playback.comparing.identity import Identity
from playback.comparing.release import Installed
from playback.comparing.results import Crash, Ended, ResultWriter
from playback.comparing.side import Asked, result_key, run_side
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


@pytest.fixture
def asked(recording: Recording, tmp_path: Path) -> Asked:
    return Asked(recording=recording, run=7, cache=tmp_path / "cache")


@contextmanager
def _making(asked: Asked) -> Iterator[Path]:
    """The folder of a result, while another process is making it."""
    folder = asked.cache / "results" / result_key("candidate", ENVIRONMENT, Choice(), asked)
    folder.mkdir(parents=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("crash", [None, Crash(lumisection=2, doing="filling", why="why")])
def test_what_another_comparison_is_making_is_waited_for(
    asked: Asked, again: bool, crash: Crash | None
) -> None:
    """It is as new as an own one would be, and a crash is one of the same release."""
    told = Queue[str]()
    with ThreadPoolExecutor(1) as threads:
        with _making(asked) as folder:
            waiting = replace(asked, again=again, say=told.put)
            side = threads.submit(run_side, "candidate", ENVIRONMENT, Choice(), waiting)
            assert "candidate (installed): another comparison is making" in told.get(timeout=30)
            assert not side.done()
            ResultWriter(folder).end(Ended(crash=crash))
        found = side.result(timeout=30)
    assert found.kept
    assert found.result.ended.crash == crash
    assert told.empty(), "it is said once"


def test_another_comparison_that_does_not_end_is_waited_for_no_longer_than_a_side(
    asked: Asked,
) -> None:
    with _making(asked), pytest.raises(TimeoutError, match=r"was not done within 0 s"):
        run_side("candidate", ENVIRONMENT, Choice(), replace(asked, seconds=0.0))


def test_nothing_is_waited_for_once_the_other_side_is_refused(asked: Asked) -> None:
    asked.stop.set()
    with _making(asked), pytest.raises(ConfigurationError, match="the other side cannot be run"):
        run_side("candidate", ENVIRONMENT, Choice(), asked)
