"""Faults injected into the synthetic detector are found, and only they."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from playback.bench.program import finished

DEMO = ["demo", "--lumisections", "8", "--rate", "300", "--speed", "0", "--exit", "--json"]


def _played(data: Path, *more: str) -> Any:
    answer = finished([*DEMO, *more], {"data": str(data), "port": "0"}, timeout=150)
    return answer["runs"][0]


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_a_dead_module_and_a_hot_channel_are_reported_within_two_lumisections(
    tmp_path: Path,
) -> None:
    """Both are injected at LS 5; before it nothing is reported."""
    run = _played(tmp_path)
    outcomes = {line["lumisection"]: line["outcomes"] for line in run["lumisections"]}
    assert sorted(outcomes) == list(range(1, 9))
    for lumisection in range(1, 5):
        assert set(outcomes[lumisection]) <= {"GOOD", "INSUFFICIENT"}
    for lumisection in range(6, 9):
        assert outcomes[lumisection]["BAD"] >= 2
    truth = msgspec.json.decode((tmp_path / "truth.json").read_bytes())
    assert len(truth["faults"]) == 2


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_a_run_without_faults_has_no_complaint(tmp_path: Path) -> None:
    """Nothing but GOOD, or INSUFFICIENT where the LS has too few entries."""
    run = _played(tmp_path, "--no-faults")
    assert set(run["outcomes"]) <= {"GOOD", "INSUFFICIENT"}
    assert run["outcomes"]["GOOD"] > 0
