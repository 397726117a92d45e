"""The workflow for GitHub in the docs: it is one, and its commands have the options it uses."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from services.cli import app

EXAMPLE = Path(__file__).parents[4] / "docs" / "examples" / "playback.yaml"


@pytest.fixture(scope="module")
def steps() -> list[dict[str, Any]]:
    workflow = yaml.safe_load(EXAMPLE.read_text())
    # YAML 1.1 reads the key `on` as a boolean.
    assert "main" in workflow[True]["pull_request"]["branches"]
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    (job,) = workflow["jobs"].values()
    assert job["timeout-minutes"] <= 60
    found: list[dict[str, Any]] = job["steps"]
    return found


def _commands(steps: list[dict[str, Any]]) -> list[list[str]]:
    lines = [
        line
        for step in steps
        for line in step.get("run", "").replace("\\\n", " ").splitlines()
        if "/dqmstream " in line
    ]
    return [shlex.split(line)[1:] for line in lines]


def test_its_commands_are_there_with_all_their_options(steps: list[dict[str, Any]]) -> None:
    commands = _commands(steps)
    assert [words[:2] for words in commands] == [["playback", "verify"], ["playback", "compare"]]
    for words in commands:
        told = CliRunner().invoke(app, [*words[:2], "--help"], env={"COLUMNS": "200"})
        assert told.exit_code == 0
        known = set(re.findall(r"--[a-z-]+", told.output))
        assert {word for word in words if word.startswith("--")} <= known


def test_no_text_of_a_pull_request_becomes_part_of_a_command(steps: list[dict[str, Any]]) -> None:
    """Whoever opens one writes its title and the name of its branch."""
    assert not [step for step in steps if "${{" in step.get("run", "")]


def test_the_report_is_kept_whatever_the_verdict(steps: list[dict[str, Any]]) -> None:
    after = steps[[step.get("id") for step in steps].index("compare") + 1 :]
    assert after
    assert all(step["if"].startswith("always()") for step in after)
