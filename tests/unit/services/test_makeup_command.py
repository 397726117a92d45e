"""`dqmstream makeup`: files that can be replayed, and one sentence where it is asked wrongly."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dqmstream.sources.cms.file import StreamerFile
from services.cli import app


def run(*arguments: str, status: int = 0) -> str:
    """What the command says, and that it ends with this status."""
    result = CliRunner().invoke(app, ["makeup", *arguments])
    assert result.exit_code == status, result.output
    return result.output


@pytest.mark.parametrize("stream", ["beamspot", "scouting"])
def test_files_of_a_plan_are_read_as_real_ones(tmp_path: Path, stream: str) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("run = 400123\nevents = 7\n")
    folder = tmp_path / "files"
    said = json.loads(
        run(str(folder), "--stream", stream, "--lumisections", "2", "--plan", str(plan), "--json")
    )
    assert (said["run"], said["events"]) == (400123, 14)
    assert sorted(folder.glob("*.dat")) == [Path(file) for file in said["files"]]
    for place, name in enumerate(said["files"]):
        batches = StreamerFile(Path(name)).batches()
        events = [event for batch in batches for event in batch["event"].to_pylist()]
        assert events == [(place + 1) * 1_000_000 + one for one in range(1, 8)]


def test_files_that_are_there_are_written_over_only_if_asked(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("run = 400123\nevents = 1\n")
    asked = [str(tmp_path), "--lumisections", "1", "--plan", str(plan)]
    run(*asked)
    (file,) = tmp_path.glob("*.dat")
    file.write_bytes(b"of somebody")
    said = run(*asked[:2], "2", *asked[3:], status=2)
    assert file.name in said
    assert "--replace" in said
    assert [*tmp_path.glob("*.dat")] == [file]
    assert file.read_bytes() == b"of somebody"
    run(*asked, "--replace")
    assert sum(batch.num_rows for batch in StreamerFile(file).batches()) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--stream", "muons"], "--stream: 'muons', expected one of beamspot, scouting"),
        (["--plan", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_a_wrong_question_is_answered_in_a_sentence(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    assert sentence in run(str(tmp_path), *arguments, status=2)
