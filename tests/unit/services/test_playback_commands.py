"""`dqmstream playback` as people type it: recording, looking, checking, and mistakes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dqmstream.errors import ConfigurationError
from services.cli import app
from services.recording import parse_offsets

GOLDEN = Path(__file__).parents[2] / "resources" / "recordings"
SYNTHETIC = ["--synthetic", "--lumisections", "2", "--rate", "1", "--run", "9"]


def _called(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["playback", *arguments])
    assert result.exit_code == status, result.output
    return result.output


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short synthetic run."""
    folder = tmp_path_factory.mktemp("recorded") / "recording"
    said = _called("record", *SYNTHETIC, "--out", str(folder))
    assert "run 9 LS 1 synthetic: 23 of 23 events in 1 chunks" in said
    return folder


def test_info_says_what_is_in_it(recorded: Path) -> None:
    told = json.loads(_called("info", str(recorded), "--json"))
    (run,) = told["runs"]
    (source,) = run["sources"]
    assert (run["run"], source["name"], source["lumisections"]) == (9, "synthetic", "1-2")
    assert (source["selected"], source["marks"]) == (46, ["simulated"])
    assert source["columns"]["pixel.charge"] == "float"
    assert (told["conditions"], told["origin"]) == (2, ["the synthetic detector"])
    said = _called("info", str(recorded))
    assert "run 9 synthetic (pp_run, simulated):" in said
    assert "conditions of 2 LSs" in said


def test_verify_ends_with_status_1_if_anything_is_wrong(recorded: Path, tmp_path: Path) -> None:
    assert "sound: 2 LSs, 46 events" in _called("verify", str(recorded))
    again = tmp_path / "again"
    assert "contents" in _called("record", str(recorded), "--out", str(again))
    one = json.loads(_called("verify", str(recorded), "--json"))
    assert json.loads(_called("verify", str(again), "--json"))["contents"] == one["contents"]
    path = next(again.rglob("000002.arrows"))
    path.write_bytes(path.read_bytes()[:-1])
    said = _called("verify", str(again), status=1)
    assert "000002.arrows: run 9 LS 2 of synthetic: " in said
    told = json.loads(_called("verify", str(again), "--json", status=1))
    assert told["problems"][0]["file"].endswith("000002.arrows")


def test_only_the_columns_of_named_workspaces_are_recorded(tmp_path: Path, recorded: Path) -> None:
    """Of sources that can choose: the columns of a table are its own."""
    csv = tmp_path / "events.csv"
    csv.write_text("run,luminosityBlock,event,MET_pt\n1,1,1,5.0\n1,2,2,6.0\n")
    _called("record", str(csv), "--out", str(tmp_path / "a"))
    told = json.loads(_called("info", str(tmp_path / "a"), "--json"))
    columns = told["runs"][0]["sources"][0]["columns"]
    assert {"event", "MET_pt"} <= set(columns)
    _called("record", str(csv), "--out", str(tmp_path / "b"), "--first-lumisection", "2")
    told = json.loads(_called("info", str(tmp_path / "b"), "--json"))
    assert told["runs"][0]["sources"][0]["lumisections"] == "2"
    said = _called("record", str(recorded), "--out", str(tmp_path / "c"), "--run", "4", status=2)
    assert "run 4 is not there: found runs 9" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["record"], "give one of SOURCE"),
        (["record", "x", "--synthetic"], "give one of SOURCE"),
        (["record", *SYNTHETIC, "--offsets", "0:1-2"], "need --from-log"),
        (["record", "nix.jsn"], "no such file or folder"),
        (["record", *SYNTHETIC, "--first-lumisection", "5", "--last-lumisection", "2"], "lower"),
        (["record", "--from-log", "--offsets", "0:9-3"], "PARTITION:FIRST-END"),
        (["replay", str(GOLDEN / "v2"), "--runs", "3"], "needs --loop"),
        (["replay", str(GOLDEN / "v2"), "--daemon", "--exit"], "no summary"),
        (["replay", str(GOLDEN / "v2"), "--late", "small+3", "--speed", "0"], "takes a pace"),
        (["replay", str(GOLDEN / "v2"), "--send-only"], "name one by --kafka"),
        (["status", "--socket", "nix"], "no replay answers at nix"),
        (["verify", "nix"], "No such file"),
    ],
)
def test_what_is_asked_wrongly_is_said_in_a_sentence(arguments: list[str], says: str) -> None:
    said = " ".join(_called(*arguments, status=2).replace("│", " ").split())
    assert says in said
    assert "Traceback" not in said


def test_offsets_are_read_as_they_are_written() -> None:
    assert parse_offsets("") is None
    assert parse_offsets("0:100-2000, 3:80-") == {0: (100, 2000), 3: (80, None)}
    for text in ("1", "1:2", "x:1-2", "1:3-2", "1:-5", "-1:0-2", "1:5-5"):
        with pytest.raises(ConfigurationError, match="PARTITION:FIRST-END"):
            parse_offsets(text)
