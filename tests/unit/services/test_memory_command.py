"""`dqmstream memory` says what plots cost, and whether they keep to their budgets."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import app

FILE = """
workspace = "mine"
[[elements]]
kind = "histogram"
path = "Mine/xy"
axes = [
  { type = "regular", bins = 98, lower = 0, upper = 1 },
  { type = "regular", bins = 48, lower = 0, upper = 1 },
]
fill = ["x", "x"]
[[elements]]
kind = "scalar"
path = "Mine/n"
value = "1"
combine = "sum"
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    return str(path)


def test_the_dearest_workspace_and_element_come_first(file: str) -> None:
    done = CliRunner().invoke(app, ["memory", file, "castor", "--largest", "3"])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["mine", "castor"]
    row = next(line for line in lines if "Mine/xy" in line)
    assert "98 x 48" in row
    assert "40.0 kB" in row
    assert "79.2 kB or" in row


def test_programs_get_all_elements_and_what_is_held_of_them_at_most(file: str) -> None:
    done = CliRunner().invoke(app, ["memory", file, "--json"])
    told = json.loads(done.output)
    [row] = told["workspaces"]
    assert [each["path"] for each in row["elements"]] == ["Mine/xy", "Mine/n"]
    assert row["elements"][0]["bytes"] == 8 * (100 * 50 + 2)
    assert row["elements"][0]["doubled"] == [8 * (198 * 50 + 2), 8 * (100 * 98 + 2)]
    assert told["fillers_hold"] == told["partitions"] * told["max_open"] == 16


def test_over_a_budget_the_status_is_one(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DQMSTREAM_ELEMENT_MEMORY", "Mine/**=1kB")
    done = CliRunner().invoke(app, ["memory", file])
    assert done.exit_code == 1
    assert "mine: over its budget" in done.output


def test_an_unknown_workspace_is_said_to_be_one() -> None:
    done = CliRunner().invoke(app, ["memory", "pixl"])
    assert done.exit_code == 2
    assert "did you mean 'pixel'" in " ".join(done.output.split())
