"""The notebook of the documentation runs from top to bottom against a system that runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.integration.conftest import RunningSystem
from tests.integration.test_kafka import closed, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "histograms.ipynb"


def test_the_notebook_runs(faulty_system: RunningSystem, tmp_path: Path) -> None:
    """Every cell, and the drawing is one; what is shipped was executed too."""
    # It asks for histograms as somebody does who looks at a run that goes on.
    wait_for("LSs are closed", lambda: len(closed(faulty_system.url, 1)) > 0)
    copy = tmp_path / NOTEBOOK.name
    shutil.copy(NOTEBOOK, copy)
    executed = subprocess.run(
        [
            *(sys.executable, "-m", "jupyter", "execute", "--inplace"),
            *("--timeout=240", "--startup_timeout=240", str(copy)),
        ],
        env=os.environ | {"DQMSTREAM_URL": faulty_system.url},
        capture_output=True,
        text=True,
        timeout=480,
        check=False,
    )
    assert executed.returncode == 0, executed.stderr
    for path in (NOTEBOOK, copy):
        cells = [
            cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
        ]
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
        shown = [output for cell in cells for output in cell.outputs]
        assert not [each for each in shown if each.output_type == "error"]
        pictures = [each for each in shown if "<svg" in str(each.get("data", {}).get("text/html"))]
        assert pictures, "no histogram draws itself"
