"""The beam spot of real collisions, from files to the gateway: fitted, stored, judged, shown."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import pytest

from playback.bench.program import Program, running

# The first reading may have to compile the kernels of decoding.
pytestmark = [pytest.mark.integration, pytest.mark.realdata, pytest.mark.timeout(600)]

FIGURES = {"x": (0.1691, 0.1739), "y": (-0.1912, -0.1860), "width_x": (0.0145, 0.0123)}
"""Of LS 27 and 28, by an independent fit of each axis."""
TESTS = 5


def get(program: Program, route: str, **query: object) -> Any:
    url = f"{program.address}/api/v1/{route}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 ours
        return msgspec.json.decode(answer.read())


def trend(program: Program, path: str, quantity: str = "mean") -> list[Any]:
    asked = {"path": f"BeamSpot/{path}", "quantity": quantity}
    return list(get(program, "runs/346373/trend", **asked)["values"])


def wait_for_analysed(program: Program) -> None:
    """Until both LSs are shown, and the last one is judged: the gateway reads histograms and
    reports each by itself."""
    for _ in range(600):
        try:
            rows = get(program, "runs/346373/reports", workspace="beam_spot")["reports"]
            shown = get(program, "runs/346373/lumisections")["lumisections"]
        except urllib.error.HTTPError:  # it does not know the run
            rows, shown = [], []
        judged = len(rows) >= TESTS and {row["lumisection"] for row in rows} == {28}
        if judged and [row["lumisection"] for row in shown if row["closed"]] == [27, 28]:
            return
        time.sleep(0.3)
    pytest.fail("the beam spot of LS 28 was never judged")


def test_real_collisions_give_the_known_beam_spot_over_http(
    real_data: Path, tmp_path: Path
) -> None:
    files = [str(path) for path in sorted((real_data / "cms-streamer").glob("run346373*.jsn"))]
    settings = {"data": str(tmp_path / "data"), "port": "0"}
    with running(["replay", *files, "--workspaces", "beam_spot"], settings) as program:
        for line in program.lines():
            if line.startswith("run 346373 LS   28"):
                break
        wait_for_analysed(program)
        for name, figures in FIGURES.items():
            values = trend(program, f"PerLS/{name}")
            spreads, entries = (trend(program, f"PerLS/{name}", q) for q in ("rms", "entries"))
            for value, known, rms, used in zip(values, figures, spreads, entries, strict=True):
                assert value == pytest.approx(known, abs=0.4 * rms / used**0.5), name
        assert trend(program, "PerLS/used") == [83, 56]
        payload = json.loads(trend(program, "LastN/payload")[-1])
        assert payload["stringParams_"]["LUMI_RANGE"] == "27 - 28"
        assert payload["lastAnalyzedFill_"] == 7517
        assert payload["intParams_"]["NUM_TRACKS"] == 907 + 742
        reports = get(program, "runs/346373/reports", workspace="beam_spot")["reports"]
        assert {report["outcome"] for report in reports} == {"GOOD"}
        assert len(reports) == TESTS
