"""`dqmstream watch` and `dqmstream emulate` as a user starts them."""

import shutil
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from playback.bench.program import Program, command, environment, finished, running
from tests.watched import record

pytestmark = pytest.mark.integration


def _get(program: Program, route: str) -> Any:
    url = f"{program.address}/api/v1/{route}"
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 ours
        return msgspec.json.decode(answer.read())


def _rows(program: Program, run: int) -> dict[int, dict[str, Any]]:
    """Closed LSs of a run, as the gateway shows them."""
    rows = _get(program, f"runs/{run}/lumisections")["lumisections"]
    return {row["lumisection"]: row for row in rows if row["closed"]}


def _wait_for_lines(program: Program, run: int, lumisection: int) -> None:
    for line in program.lines():
        if line.startswith(f"run {run} LS {lumisection:>4} "):
            return
    pytest.fail(f"the program ended before LS {lumisection} of run {run} was closed")


def _all_rows(program: Program, run: int, length: int) -> dict[int, dict[str, Any]]:
    for _ in range(100):
        rows = _rows(program, run)
        if len(rows) == length:
            return rows
        time.sleep(0.1)
    pytest.fail(f"the gateway shows {sorted(_rows(program, run))} of {length} LSs as closed")


def _emulate(root: Path, files: list[str], **options: object) -> Mapping[str, Any]:
    """Emulate to the end; the truth by run and LS."""
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    document = finished(["emulate", str(root), *files, *given, "--json"], {}, timeout=60)
    truth: Mapping[str, Any] = msgspec.json.decode(Path(document["truth"]).read_bytes())
    return truth


def test_a_watcher_that_is_killed_and_started_again_shows_every_event_of_an_emulated_run(
    tmp_path: Path,
) -> None:
    """kill -9 in the middle of the run; what was missing, truncated or late is said on its LS."""
    root, made = tmp_path / "ramdisk", record(tmp_path, ("streamDQM",), files=4, seed=3)
    root.mkdir()
    settings = {"data": str(tmp_path / "data"), "port": "0", "lumisection_timeout": "2"}
    watch = ["watch", str(root), "--missing-timeout", "1", "--chunk-events", "5"]
    plan = {
        "lumisections": 8,
        "seed": 125,
        "truncated": 0.3,
        "missing": 0.2,
        "out_of_order": 0.2,
        "half_written": 0.2,
    }
    with subprocess.Popen(
        command(
            [
                "emulate",
                str(root),
                *map(str, made),
                *(f"--{name.replace('_', '-')}={value}" for name, value in plan.items()),
                "--speed=40",
            ]
        ),
        env=environment({}),
        stdout=subprocess.DEVNULL,
    ) as emulating:
        with running(watch, settings) as program:
            _wait_for_lines(program, 500001, 2)
            program.process.kill()
        with running(watch, settings) as program:
            _wait_for_lines(program, 500001, 8)
            assert emulating.wait(20) == 0
            rows = _all_rows(program, 500001, 8)
            notes = _get(program, "runs/500001")["accounting"]["notes"]
    files = msgspec.json.decode((tmp_path / "ramdisk.truth.json").read_bytes())["files"]
    for file in files:
        row = rows[file["lumisection"]]
        assert row["selected"] + row["late"] == file["readable"], (file, row)
    faults = Counter(fault for file in files for fault in file["faults"])
    assert faults.keys() == {"missing", "truncated", "out_of_order", "half_written"}
    assert notes["missing_events"] == sum(file["events"] - file["readable"] for file in files)
    # After a restart it is known that an LS was given up, and not why.
    assert notes.get("file_missing", 0) + notes.get("given_up", 0) >= faults["missing"]


@pytest.mark.realdata
def test_real_files_in_a_run_folder_give_the_check_figures_and_a_second_watch_adds_nothing(
    real_data: Path, tmp_path: Path
) -> None:
    """A run that was going on begins with the lowest LS there is, and ends with its EoR file."""
    folder = tmp_path / "ramdisk" / "run346373"
    folder.mkdir(parents=True)
    for path in sorted((real_data / "cms-streamer").glob("run346373*")):
        shutil.copy(path, folder)
    (folder / "run346373_ls0000_EoR.jsn").touch()
    settings = {"data": str(tmp_path / "data"), "port": "0"}
    watch = ["watch", str(folder.parent), "--run", "346373", "--exit", "--json"]
    first = finished(watch, settings, timeout=60)["runs"][0]
    lines = [(line["lumisection"], line["selected"]) for line in first["lumisections"]]
    assert lines == [(27, 518), (28, 484)]
    assert first["outcomes"] == {"GOOD": 4}
    second = finished(watch, settings, timeout=60)["runs"][0]
    assert second["chunks"] == 0


@pytest.mark.realdata
def test_real_files_emulated_as_another_run_are_marked_and_counted_for_their_new_lumisections(
    real_data: Path, tmp_path: Path
) -> None:
    root = tmp_path / "ramdisk"
    files = [str(path) for path in sorted((real_data / "cms-streamer").glob("run346373*.jsn"))]
    truth = _emulate(root, files, lumisections=5, speed=10_000, run=500007)
    assert [file["readable"] for file in truth["files"]] == [518, 484, 518, 484, 518]
    settings = {"data": str(tmp_path / "data"), "port": "0"}
    watch = ["watch", str(root), "--run", "500007", "--exit", "--json"]
    played = finished(watch, settings, timeout=60)["runs"][0]
    assert [line["selected"] for line in played["lumisections"]] == [518, 484, 518, 484, 518]
    with running(["run"], settings) as program:
        found = _get(program, "runs")["runs"]
    assert [run["marks"] for run in found if run["run"] == 500007] == [["re-timed"]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["watch", "{tmp}/nowhere"], "no such folder to watch"),
        (["watch", "{tmp}", "--exit"], "--exit ends with a run: name it by --run"),
        (["watch", "{tmp}", "--send-only"], "services of several processes meet on a Kafka broker"),
        (["watch", "{tmp}", "--streams", "DQM"], "stream 'DQM', expected a name as in file names"),
        (["emulate", "{tmp}/x", "{tmp}/nothing.jsn"], "no streamer file to emulate from"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    given = command([argument.format(tmp=tmp_path) for argument in arguments])
    result = subprocess.run(
        given,
        env=environment({"data": str(tmp_path / "data")}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
