"""`dqmstream watch` and `dqmstream emulate` as a user starts them."""

import asyncio
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

from dqmstream.clock import SystemClock
from dqmstream.messages.operations import Conditions
from dqmstream.messages.topics import CONDITIONS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from playback.bench.program import Program, command, environment, finished, running
from services.log import open_log
from services.settings import Settings
from services.settings_layers import load_settings
from tests.watched import record

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def _get(program: Program, route: str) -> Any:
    url = f"{program.address}/api/v1/{route}"
    with urllib.request.urlopen(url, timeout=150) as answer:  # noqa: S310 ours
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
    for _ in range(2000):
        rows = _rows(program, run)
        if len(rows) == length:
            return rows
        time.sleep(0.1)
    pytest.fail(f"the gateway shows {sorted(_rows(program, run))} of {length} LSs as closed")


def _emulate(root: Path, files: list[str], **options: object) -> Mapping[str, Any]:
    """Emulate to the end; the truth by run and LS."""
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    document = finished(["emulate", str(root), *files, *given, "--json"], {}, timeout=150)
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
            # It need not print an LS that was closed before it was killed.
            _all_rows(program, 500001, 8)
            assert emulating.wait(60) == 0
            files = msgspec.json.decode((tmp_path / "ramdisk.truth.json").read_bytes())["files"]
            missing = sum(file["events"] - file["readable"] for file in files)
            # What is late comes to LSs that are closed.
            for _ in range(600):
                rows = _all_rows(program, 500001, 8)
                notes = _get(program, "runs/500001")["accounting"]["notes"]
                found = [row["selected"] + row["late"] for row in rows.values()]
                whole = sum(found) == sum(file["readable"] for file in files)
                if whole and notes.get("missing_events", 0) == missing:
                    break
                time.sleep(0.1)
            rows = _all_rows(program, 500001, 8)
    for file in files:
        row = rows[file["lumisection"]]
        assert row["selected"] + row["late"] == file["readable"], (file, row)
    faults = Counter(fault for file in files for fault in file["faults"])
    assert faults.keys() == {"missing", "truncated", "out_of_order", "half_written"}
    assert notes["missing_events"] == missing
    by_lumisection = sum((Counter(row["notes"]) for row in rows.values()), Counter[str]())
    assert by_lumisection == Counter(notes), "what the LSs say comes to what the run says"
    # Why an LS was given up is known after a restart, too.
    assert notes.get("file_missing", 0) >= faults["missing"]
    assert "given_up" not in notes


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
    first = finished(watch, settings, timeout=150)["runs"][0]
    lines = [(line["lumisection"], line["selected"]) for line in first["lumisections"]]
    assert lines == [(27, 518), (28, 484)]
    # Four require high voltage, of which these events say nothing; the trend of the rate has too
    # few LSs before.
    assert [line["outcomes"] for line in first["lumisections"]] == [
        {"GOOD": 16, "INSUFFICIENT": 2, "NOT_RUN": 4},
        {"GOOD": 17, "INSUFFICIENT": 1, "NOT_RUN": 4},
    ]
    second = finished(watch, settings, timeout=150)["runs"][0]
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
    played = finished(watch, settings, timeout=150)["runs"][0]
    assert [line["selected"] for line in played["lumisections"]] == [518, 484, 518, 484, 518]
    with running(["run"], settings) as program:
        found = _get(program, "runs")["runs"]
    assert [run["marks"] for run in found if run["run"] == 500007] == [["re-timed"]]


PILEUP_BY_CONDITIONS = """
workspace = "by_conditions"
description = "Pile-up where there is much of it."

[[elements]]
kind = "histogram"
path = "High/pileup"
axes = [{ type = "regular", bins = 100, lower = 0, upper = 100, label = "pile-up" }]
fill = "ls_pileup"
select = "ls_pileup > 40 and ls_dcs_bpix"
"""


def test_a_watcher_that_is_given_conditions_joins_them_to_events_and_publishes_them(
    tmp_path: Path,
) -> None:
    """LS 4 is in no file; of the second run of the file nothing is watched, and nothing listed."""
    root, workspace = tmp_path / "ramdisk", tmp_path / "workspace.toml"
    workspace.write_text(PILEUP_BY_CONDITIONS)
    made = record(tmp_path, ("streamDQM",), files=4, seed=3)
    truth = _emulate(root, [str(path) for path in made], lumisections=4, speed=10_000, run=500009)
    readable = {file["lumisection"]: file["readable"] for file in truth["files"]}
    assert min(readable.values()) > 0, readable
    known = {1: (60.5, True), 2: (50.5, False), 3: (2.5, True)}
    rows = [
        {"run_number": run, "lumisection_number": n, "pileup": pileup, "bpix_ready": on}
        for run in (500009, 500010)
        for n, (pileup, on) in known.items()
    ]
    oms = tmp_path / "oms.json"
    oms.write_bytes(msgspec.json.encode(rows))
    settings = {
        "data": str(tmp_path / "data"),
        "port": "0",
        "workspaces": str(workspace),
    }
    watch = ["watch", str(root), "--run", "500009", "--exit", "--json", "--conditions", str(oms)]
    (played,) = finished(watch, settings, timeout=150)["runs"]
    assert played["notes"] == {"no_conditions": readable[4]}
    with running(["run"], settings) as program:
        found = {n: row["conditions"] for n, row in _rows(program, 500009).items()}
        high = _get(program, "runs/500009/trend?path=High/pileup&quantity=entries&against=pileup")
        listed = [run["run"] for run in _get(program, "runs")["runs"]]
    assert [found[n] and found[n]["pileup"] for n in (1, 2, 3, 4)] == [60.5, 50.5, 2.5, None]
    assert (high["x"], high["values"]) == ([60.5, 50.5, 2.5, None], [readable[1], 0, 0, 0])
    assert listed == [500009]
    again = finished(watch, settings, timeout=150)["runs"][0]
    assert again["chunks"] == 0, "the same files with the same conditions are the same source"


def test_on_kafka_a_watcher_sends_by_itself_and_only_once(
    kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    root, made = tmp_path / "ramdisk", record(tmp_path, ("streamDQM",), files=3, seed=3)
    truth = _emulate(root, list(map(str, made)), lumisections=6, speed=10_000, seed=2, missing=0.3)
    assert any("missing" in file["faults"] for file in truth["files"])
    settings = {"kafka": kafka, "kafka_prefix": kafka_prefix, "partitions": "2"}
    watch = ["watch", str(root), "--send-only", "--run", "500001", "--missing-timeout", "0.5"]
    first = finished([*watch, "--exit", "--json"], settings, timeout=150)
    readable = sum(file["readable"] for file in truth["files"])
    assert [one["selected"] for one in first["sent"]] == [readable]
    assert first["counts"]["given_up"] > 0
    again = finished([*watch, "--exit", "--json"], settings, timeout=150)
    assert [one["chunks"] for one in again["sent"]] == [0]


def test_on_kafka_a_watcher_publishes_conditions_too(
    kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    root, made = tmp_path / "ramdisk", record(tmp_path, ("streamDQM",), files=2, seed=3)
    _emulate(root, [str(path) for path in made], lumisections=2, speed=10_000, run=500011)
    oms = tmp_path / "oms.json"
    oms.write_bytes(
        msgspec.json.encode(
            [
                {"run_number": run, "lumisection_number": n, "pileup": 40.0 + n}
                for run in (500011, 500012)
                for n in (1, 2)
            ]
        )
    )
    settings = {"kafka": kafka, "kafka_prefix": kafka_prefix}
    watch = ["watch", str(root), "--send-only", "--run", "500011", "--conditions", str(oms)]
    finished([*watch, "--exit", "--json"], settings, timeout=150)
    named = {f"DQMSTREAM_{name.upper()}": value for name, value in settings.items()}
    found = asyncio.run(_conditions_in_log(load_settings({}, named).settings))
    assert [(one.run, one.lumisection, one.pileup) for one in found] == [
        (500011, 1, 41.0),
        (500011, 2, 42.0),
    ]


async def _conditions_in_log(settings: Settings) -> list[Conditions]:
    async with open_log(settings, SystemClock()) as log:
        read = [CODEC.decode(r.headers, r.value) async for r in read_to_end(log, CONDITIONS)]
    return [message for message in read if isinstance(message, Conditions)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["watch", "{tmp}/nowhere"], "no such folder to watch"),
        (["watch", "{tmp}", "--exit"], "--exit ends with a run: name it by --run"),
        (["watch", "{tmp}", "--send-only"], "services of several processes meet on a Kafka broker"),
        (["watch", "{tmp}", "--streams", "DQM"], "stream 'DQM', expected a name as in file names"),
        (["watch", "{tmp}", "--conditions", "{tmp}/oms.json"], "no such file"),
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
        timeout=150,
        check=False,
    )
    assert result.returncode == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
