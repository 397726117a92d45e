"""`dqmstream deploy`: planned, promoted and rolled back on a log, with everything in the record."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dqmstream.clock import SystemClock
from dqmstream.messages.booking import Activation
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import BOOKINGS, COMMANDS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from services.cli import app
from services.log import open_log
from services.settings import Settings

Deploy = Callable[..., Any]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def deploy(data: Path) -> Deploy:
    """Runs a command on one log, with its JSON answer; or, for another status, what it says."""

    def run(*arguments: str, status: int = 0, workspaces: str = "") -> Any:
        command = ["deploy", *arguments, "--data", str(data)]
        command += ["--workspaces", workspaces] if workspaces else []
        command += ["--json"] if status == 0 else []
        result = CliRunner().invoke(app, command)
        assert result.exit_code == status, result.output
        return json.loads(result.stdout) if status == 0 else result.output

    return run


def messages(data: Path, topic: str) -> list[Any]:
    async def read() -> list[Any]:
        async with open_log(Settings(data=data), SystemClock()) as log:
            return [CODEC.decode(one.headers, one.value) async for one in read_to_end(log, topic)]

    return asyncio.run(read())


def test_deployments_are_planned_promoted_and_rolled_back(deploy: Deploy, data: Path) -> None:
    """Readers show the set of what is deployed, from the next run on; the record has each step."""
    assert deploy("status") == {"current": None, "previous": None, "deployments": []}
    first = deploy("plan", "v1", "--why", "begin", workspaces="pixel,ecal")
    assert first["written"] is True
    assert first["before"] == ""
    promoted = deploy("promote", "v1", "--why", "begin")
    assert (promoted["current"], promoted["from_run"]) == ("v1", 1)
    second = deploy("plan", "v2", "--why", "muons", workspaces="pixel,muon")
    assert second["before"] == promoted["after"]
    assert "- added: `muon`" in second["summary"]
    assert "- removed: `ecal`" in second["summary"]
    again = deploy("plan", "v2", "--why", "muons", workspaces="pixel,muon")
    assert again["written"] is False
    assert deploy("promote", "v2", "--why", "muons", "--from-run", "7")["from_run"] == 7
    assert deploy("status")["previous"] == "v1"
    back = deploy("rollback", "--why", "too slow")
    assert (back["deployment"], back["current"], back["from_run"]) == (
        "v2",
        "v1",
        7,
    )  # no run has come
    states = {one["name"]: one["state"] for one in deploy("status")["deployments"]}
    assert states == {"v1": "promoted", "v2": "rolled_back"}
    rows = deploy("history")
    assert [(row["action"], row["deployment"]) for row in rows] == [
        ("plan", "v1"),
        ("promote", "v1"),
        ("plan", "v2"),
        ("promote", "v2"),
        ("rollback", "v2"),
    ]
    assert rows[-1]["why"] == "too slow"
    assert rows[-1]["after"] == rows[1]["after"] == rows[3]["before"]
    shown = [one for one in messages(data, BOOKINGS) if isinstance(one, Activation)]
    sets = [first["described"]["set"], second["described"]["set"], first["described"]["set"]]
    assert [(one.set, one.from_run) for one in shown] == list(zip(sets, (1, 7, 7), strict=True))
    commands = [one for one in messages(data, COMMANDS) if isinstance(one, Command)]
    assert [(one.subject, one.action) for one in commands] == [
        ("configuration/deployments", row["action"]) for row in rows
    ]


def test_what_is_not_allowed_says_why_and_changes_nothing(deploy: Deploy) -> None:
    assert "nothing was ever deployed" in deploy("rollback", "--why", "x", status=2)
    assert "promote v9: it is not planned" in deploy("promote", "v9", "--why", "x", status=2)
    assert "expected 1 to 40 small letters" in deploy("plan", "V 9", "--why", "x", status=2)
    deploy("plan", "v1", "--why", "begin", workspaces="pixel")
    deploy("drop", "v1", "--why", "a mistake")
    assert "it is dropped" in deploy("promote", "v1", "--why", "x", status=2)
    deploy("plan", "v1", "--why", "begin again", workspaces="pixel")
    deploy("promote", "v1", "--why", "now")
    assert "nothing was deployed before it" in deploy("rollback", "--why", "x", status=2)
    assert "it is promoted" in deploy("drop", "v1", "--why", "x", status=2)
    assert [row["void"] for row in deploy("history")] == [False] * 4
    assert (
        "services of several processes meet on a Kafka broker"
        in CliRunner().invoke(app, ["deploy", "candidate", "v1"], env={"COLUMNS": "500"}).output
    )


def test_a_dry_run_writes_nothing_and_a_report_is_kept(deploy: Deploy, tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.mkdir()
    assert "cannot be read" in deploy(
        "plan", "v1", "--why", "x", "--report", str(report), status=2, workspaces="pixel"
    )
    (report / "report.json").write_text('{"verdict": "same", "counts": {"elements": 12}}')
    given = ("plan", "v1", "--why", "x", "--report", str(report))
    assert deploy(*given, "--dry-run", workspaces="pixel")["written"] is False
    assert deploy("history") == []
    planned = deploy(*given, workspaces="pixel")
    assert "**same**: 12 elements (report " in planned["summary"]
    (row,) = deploy("history")
    assert row["report"]["counts"] == {"elements": 12}


def test_people_are_told_in_sentences(deploy: Deploy, data: Path) -> None:
    deploy("plan", "v1", "--why", "begin", workspaces="pixel")
    deploy("promote", "v1", "--why", "begin")

    def said(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["deploy", *arguments, "--data", str(data)])
        assert result.exit_code == 0, result.output
        return result.output

    assert "* v1: promoted since 20" in said("status")
    assert "promote v1 - → " in said("history")
    text = said("plan", "v2", "--why", "ecal too", "--workspaces", "pixel,ecal", "--dry-run")
    assert "# Deployment v2" in text
    assert "nothing was written: a dry run" in text
