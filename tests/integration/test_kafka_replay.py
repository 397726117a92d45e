"""A replay that feeds a real broker as the beam of a test stand, and what is recorded of it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from dqmstream.errors import ConfigurationError
from playback.bench.program import command, environment, finished
from playback.recordings import Recording, record
from playback.replaying.control import ask
from tests.event_files import chunks_of
from tests.recorded import CONDITIONS, SmallRun

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@contextmanager
def _daemon(
    arguments: list[str], settings: Mapping[str, str], output: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    with (
        output.open("ab") as stream,
        subprocess.Popen(
            command(arguments), env=environment(settings), stdout=stream, stderr=stream
        ) as process,
    ):
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)


def _wait(path: Path, reached: Callable[[dict[str, Any]], bool], output: Path) -> dict[str, Any]:
    """Ask until the daemon has come so far."""
    until = time.monotonic() + 240
    said: dict[str, Any] = {}
    while time.monotonic() < until:
        try:
            said = ask(path, "status")
            if reached(said):
                return said
        except ConfigurationError:
            pass
        time.sleep(0.05)
    pytest.fail(f"the daemon has come to {said}: {output.read_text()[-2000:]}")


def _end_a_lumisection(path: Path, run: int, output: Path) -> None:
    """Once the run is played: tell it once to end its LS, and wait until that is sent."""
    _wait(path, lambda said: bool(said["run"] == run), output)
    ask(path, "next-lumisection")
    _wait(path, lambda said: bool(said["run"] == run and said["lumisection"] >= 1), output)


def _bodies(recording: Recording, run: int) -> dict[int, list[bytes]]:
    (source,) = next(of_run for of_run in recording.runs if of_run[0].run == run)
    return {n: [chunk.body for chunk in of] for n, of in chunks_of(source).items()}


def test_a_daemon_obeys_and_goes_on_after_a_kill_and_all_of_it_is_recorded(
    kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    """Runs count up; one is cut by command, one by SIGKILL and gone on with; nothing is twice."""
    played = record([SmallRun()], tmp_path / "played", conditions=CONDITIONS)
    settings = {"kafka": kafka, "kafka_prefix": kafka_prefix, "data": str(tmp_path / "data")}
    output, path = tmp_path / "output", tmp_path / "socket"
    arguments = ["playback", "replay", str(played.folder), "--daemon", "--send-only"]
    # An LS takes half a minute: it goes on when it is told to.
    arguments += ["--speed", "0.7", "--socket", str(path), "--rename-stream", "small=beam"]
    with _daemon(arguments, settings, output) as process:
        _end_a_lumisection(path, 7, output)
        assert ask(path, "next-run")["commands"]["next-run"] == 1
        _end_a_lumisection(path, 8, output)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with _daemon(arguments, settings, output):
        _wait(path, lambda _: (ask(path, "next-lumisection")["run"] or 0) >= 9, output)
    folder = tmp_path / "recorded"
    recorded = ["playback", "record", "--from-log", "--out", str(folder), "--last-lumisection", "5"]
    summary = finished([*recorded, "--seconds", "20", "--json"], settings, timeout=240)
    assert summary["runs"][:2] == [7, 8]
    recording = Recording(folder)
    assert list(recording.problems()) == []
    whole = _bodies(played, 7)
    assert _bodies(recording, 8) == whole
    cut = _bodies(recording, 7)
    assert 1 <= len(cut) < 5
    assert cut == {number: whole[number] for number in cut}
    assert [row for row in recording.conditions() if row.run == 8] == [
        structs.replace(row, run=8) for row in CONDITIONS
    ]
    entry = recording.runs[1][0].entry
    assert (entry.name, entry.marks, entry.refused) == ("beam", ("re-timed", "simulated"), {})


def test_what_is_sent_once_has_the_same_contents_when_it_is_recorded(
    kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    """Several sources over several partitions of a broker, out again as they were."""
    played = record([SmallRun(), SmallRun(name="other"), SmallRun(8)], tmp_path / "played")
    settings = {"kafka": kafka, "kafka_prefix": kafka_prefix, "partitions": "4"}
    replay = ["playback", "replay", str(played.folder), "--send-only", "--speed", "0"]
    done = subprocess.run(
        command(replay), env=environment(settings), capture_output=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "recorded"
    arguments = ["playback", "record", "--from-log", "--out", str(folder), "--seconds", "20"]
    summary = finished([*arguments, "--json"], settings, timeout=240)
    assert summary["contents"] == played.contents
    assert list(Recording(folder).problems()) == []
