"""Real CMS stream files through the program as a user starts it: the check figures over HTTP."""

import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import pytest

from playback.bench.program import Program, finished, running

# Several programs are waited for in each test.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

# Source: the figures of both files, counted by an independent reader of the format.
PASSES = {
    27: {
        "DST_Physics_v7": 518,
        "HLT_ZeroBias_part0_v1": 518,
        "HLT_ZeroBias_v6": 374,
        "HLT_ZeroBias_Beamspot_v4": 374,
        "AlCa_LumiPixelsCounts_ZeroBias_v1": 177,
        "HLT_PixelClusters_WP2_ZeroBias_v1": 157,
        "HLT_HT300_Beamspot_PixelClustersWP2_v1": 157,
        "HLT_PixelClusters_WP1_ZeroBias_v1": 139,
        "AlCa_EcalPhiSym_v9": 58,
    },
    28: {"HLT_ZeroBias_v6": 360, "HLT_PixelClusters_WP2_ZeroBias_v1": 135},
}
EVENTS = {27: 518, 28: 484}


def _get(program: Program, route: str, **query: object) -> Any:
    url = f"{program.address}/api/v1/{route}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=150) as answer:  # noqa: S310 ours
        return msgspec.json.decode(answer.read())


def _wait_for_played(program: Program) -> None:
    for line in program.lines():
        if line.startswith("run 346373 LS   28"):
            break
    # Judged means in the log; the gateway answers from what it has read of it.
    for _ in range(2000):
        if all(_is_closed(program, lumisection) for lumisection in PASSES):
            return
        time.sleep(0.1)
    pytest.fail("the gateway does not show both lumisections as closed")


def _is_closed(program: Program, lumisection: int) -> bool:
    """Whether the gateway has all of an LS, of the workspace that is looked at."""
    try:
        shown = _get(
            program,
            "runs/346373/contents",
            path="DQMStream/HLT/passed",
            lumisections=lumisection,
        )
    except urllib.error.HTTPError as error:
        error.close()
        return False  # it has nothing of the workspace so far
    window = shown["contents"][0]["window"]
    return bool(window["lumisections"] == 1 and window["closed"])


@pytest.mark.realdata
def test_real_files_give_the_check_figures_over_http(real_data: Path, tmp_path: Path) -> None:
    """Events, sizes and HLT passes of run 346373, LS 27 and 28, by the names of the paths."""
    folder = real_data / "cms-streamer"
    files = [str(path) for path in sorted(folder.glob("run346373*.jsn"))]
    settings = {"data": str(tmp_path / "data"), "port": "0"}
    with running(["replay", *files], settings) as program:
        _wait_for_played(program)
        for lumisection, passes in PASSES.items():
            window = {"lumisections": lumisection}
            shown = _get(program, "runs/346373/contents", path="DQMStream/HLT/passed", **window)
            element = shown["contents"][0]
            names = element["element"]["axes"][0]["labels"]
            counts = dict(zip(names, element["arrays"]["values"][1:-1], strict=True))
            assert {name: counts[name] for name in passes} == passes
            events = _get(program, "runs/346373/contents", path="DQMStream/events", **window)
            assert events["contents"][0]["totals"]["value"] == EVENTS[lumisection]
            rows = _get(program, "runs/346373/lumisections")["lumisections"]
            row = next(row for row in rows if row["lumisection"] == lumisection)
            assert row["complete"]
            assert row["selected"] == EVENTS[lumisection]


@pytest.mark.realdata
def test_a_replay_that_ends_prints_a_summary_and_a_second_one_adds_nothing(
    real_data: Path, tmp_path: Path
) -> None:
    """The same run played twice is the same run: the log already holds all of it."""
    settings = {"data": str(tmp_path / "data"), "port": "0"}
    command = ["replay", str(real_data / "cms-streamer"), "--exit", "--json"]
    first = finished(command, settings, timeout=150)
    assert [(run["run"], run["selected"]) for run in first["runs"]] == [
        (346373, 1002),
        (392642, 35),
    ]
    assert [len(run["files"]) for run in first["runs"]] == [2, 1]
    collisions, scouting = (
        [line["outcomes"] for line in run["lumisections"]] for run in first["runs"]
    )
    # Workspaces are those of both runs: NOT_RUN is what reads products that a run has not, or
    # requires conditions that nobody knows; the trend of the rate has too few LSs before.
    assert collisions == [
        {"GOOD": 17, "INSUFFICIENT": 2, "NOT_RUN": 33},
        {"GOOD": 18, "INSUFFICIENT": 1, "NOT_RUN": 33},
    ]
    (outcomes,) = scouting
    assert outcomes.keys() == {"GOOD", "INSUFFICIENT", "NOT_RUN"}
    assert sum(outcomes.values()) == 52
    # Five require conditions, which its own events carry: they may come after the first verdict.
    assert 18 <= outcomes["NOT_RUN"] <= 23
    second = finished(command, settings, timeout=150)
    assert [run["chunks"] for run in second["runs"]] == [0, 0]
    assert [run["selected"] for run in second["runs"]] == [1002, 35]


def test_ctrl_c_ends_the_demo_at_once(tmp_path: Path) -> None:
    """SIGINT stops all services; what was closed is in the store."""
    command = [sys.executable, "-m", "services.cli", "demo", "--port", "0", "--speed", "0"]
    arguments = ["--lumisections", "3", "--rate", "50", "--data", str(tmp_path / "data")]
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("run 1 LS    3"):
                break
        process.send_signal(2)
        output, errors = process.communicate(timeout=150)
        assert process.returncode == 0, output + errors
        assert "Traceback" not in errors
    with running(["run"], {"data": str(tmp_path / "data"), "port": "0"}) as program:
        rows = _get(program, "runs/1/lumisections")["lumisections"]
        assert [row["lumisection"] for row in rows if row["closed"]] == [1, 2, 3]
