"""Conditions from a file to the page: in selections, in quality tests, in accounts, in trends."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from dqmstream.store.store import Store
from playback.bench.program import finished, running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

WORKSPACE = """
workspace = "by_conditions"
description = "Pixel charge by pile-up."

[[elements]]
kind = "histogram"
path = "All/pileup"
axes = [{ type = "regular", bins = 100, lower = 0, upper = 100, label = "pile-up" }]
fill = "ls_pileup"

[[elements]]
kind = "histogram"
path = "High/pileup"
axes = [{ type = "regular", bins = 100, lower = 0, upper = 100, label = "pile-up" }]
fill = "ls_pileup"
select = "ls_pileup > 40 and ls_dcs_bpix"
"""
TEST = """
[[quality_test]]
name = "pile-up in range"
algorithm = "ContentsXRange"
path = "All/pileup"
parameters = { xmin = 0.0, xmax = 100.0 }
require = "beam_mode == 'STABLE BEAMS' and dcs.bpix and pileup > 5"
"""
EVENTS = 200
KNOWN = {
    1: {"pileup": 60.5, "beams_stable": True, "bpix_ready": True},
    2: {"pileup": 43.5, "beams_stable": True, "bpix_ready": False},
    3: {"pileup": 2.5, "beams_stable": True, "bpix_ready": True},
    5: {"pileup": 41.5, "beams_stable": False, "bpix_ready": True},
    6: {"pileup": None, "beams_stable": True, "bpix_ready": True},
}
OUTCOMES = {
    1: {"GOOD": 1},
    2: {"DISABLED": 1},
    3: {"DISABLED": 1},
    4: {"NOT_RUN": 1},
    5: {"DISABLED": 1},
    6: {"NOT_RUN": 1},
}


def write_files(folder: Path) -> list[Path]:
    """Conditions, workspace and quality tests."""
    rows = [
        {"run_number": 7, "lumisection_number": n, "fill_number": 9000} | one
        for n, one in KNOWN.items()
    ]
    paths = [folder / "oms.json", folder / "workspace.toml", folder / "tests.toml"]
    for path, text in zip(paths, [json.dumps(rows), WORKSPACE, TEST], strict=True):
        path.write_text(text)
    return paths


def fetch(address: str, path: str) -> Any:
    with urllib.request.urlopen(f"{address}/api/v1/{path}", timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def test_what_files_say_of_lumisections_is_selected_by_required_shown_and_stored(
    tmp_path: Path,
) -> None:
    """All of it from one command on the embedded log; a gateway started later has it as well."""
    oms, workspace, tests = write_files(tmp_path)
    settings = {
        "data": str(tmp_path / "data"),
        "port": "0",
        "quality_tests": str(tests),
        "workspaces": str(workspace),
    }
    demo = ["demo", "--run", "7", "--lumisections", "6", "--rate", str(EVENTS), "--seconds", "1"]
    told = ["--speed", "0", "--conditions", str(oms), "--exit", "--json"]
    (played,) = finished([*demo, *told], settings, timeout=240)["runs"]
    assert played["selected"] == 6 * EVENTS
    assert played["notes"] == {"no_conditions": EVENTS}, "LS 4 is in no file"
    with Store(f"sqlite:///{tmp_path / 'data' / 'store.sqlite'}") as store:
        (chosen,) = store.sets(7)
        high = store.element_trend(chosen, 7, "by_conditions", "High/pileup", range(1, 7))
        assert high.cells[:, : high.element.cells].sum(axis=1).tolist() == [
            EVENTS,
            0,
            0,
            0,
            EVENTS,
            0,
        ]
        counted = store.outcomes(7, set=chosen, scope="lumisection").items
        assert {one.lumisection: dict(one.counts) for one in counted} == OUTCOMES
        reports = store.reports(7, set=chosen, lumisection=3).items
        assert reports[0].conditions.endswith("dcs.bpix=true pileup=2.5")
    with running(["run"], settings) as program:
        rows = fetch(program.address, "runs/7/lumisections")["lumisections"]
        of = {row["lumisection"]: row["conditions"] for row in rows}
        assert of[4] is None
        assert (of[2]["fill"], of[2]["pileup"], of[2]["dcs_off"]) == (9000, 43.5, ["bpix"])
        assert (of[5]["beams_stable"], of[5]["beam_mode"], of[6]["pileup"]) == (False, "", None)
        trend = fetch(program.address, "runs/7/trend?path=All/pileup&quantity=mean&against=pileup")
        assert trend["x"] == [60.5, 43.5, 2.5, None, 41.5, None]
        assert trend["values"][:3] == [60.5, 43.5, 2.5], "pile-up against pile-up"
        header = fetch(program.address, "runs/7")["conditions"]
        assert (header["lumisection"], header["beam_mode"]) == (6, "STABLE BEAMS")
