"""`dqmstream playback` as people type it: recording, looking, checking, and mistakes."""

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dqmstream.errors import ConfigurationError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.workspaces.registry import load_workspaces
from playback.comparing.recorded import decoded, side_by_side
from playback.recordings import Recording
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


def _columns(folder: Path) -> set[str]:
    told = json.loads(_called("info", str(folder), "--json"))
    return set(told["runs"][0]["sources"][0]["columns"])


def _table(folder: Path) -> Path:
    file = folder / "events.csv"
    file.write_text("run,luminosityBlock,event,MET_pt,other\n1,1,1,5.0,1\n1,2,2,6.0,2\n")
    return file


_HLT = {"bunch_crossing", "hlt", "hlt.path", "hlt_stream", "hlt_stream.stream", "prescale_index"}


@pytest.mark.parametrize("source", ["a table", "the synthetic detector", "a recording"])
def test_only_the_columns_of_named_workspaces_are_recorded(
    tmp_path: Path, recorded: Path, source: str
) -> None:
    """Whether a source can choose its columns or not; all events stay, in the same chunks."""
    if source == "a table":
        chosen, workspace, expected = [str(_table(tmp_path))], "nano_met", {"MET_pt"}
    else:
        chosen = SYNTHETIC if source == "the synthetic detector" else [str(recorded)]
        workspace, expected = "hlt", {*_HLT, "time"}
    _called("record", *chosen, "--out", str(tmp_path / "all"))
    _called("record", *chosen, "--out", str(tmp_path / "few"), "--workspaces", workspace)
    everything, few = _columns(tmp_path / "all"), _columns(tmp_path / "few")
    assert expected <= few < everything
    assert "event" in everything
    assert not few & {"other", "pixel", "pixel.charge"}
    whole, part = (Recording(tmp_path / name) for name in ("all", "few"))
    events_of = [
        [(entry.lumisection, [c.selected for c in entry.chunks]) for *_, entry in entries]
        for entries in (whole.manifest.lumisections(), part.manifest.lumisections())
    ]
    assert events_of[0] == events_of[1]
    assert whole.contents != part.contents
    assert [one.incarnation for one in whole.sources] != [one.incarnation for one in part.sources]
    assert "sound" in _called("verify", str(tmp_path / "few"))


def test_columns_that_are_kept_fill_the_same_contents(tmp_path: Path, recorded: Path) -> None:
    _called("record", str(recorded), "--out", str(tmp_path / "few"), "--workspaces", "hlt,pixel")
    layouts = [Layout(one) for one in load_workspaces(["hlt", "pixel"])]
    filled = []
    for folder in (recorded, tmp_path / "few"):
        made = [Contents.empty(layout) for layout in layouts]
        for one in side_by_side(Recording(folder).sources):
            for chunk, columns in decoded(one, 0, Counter()):
                for layout, contents in zip(layouts, made, strict=True):
                    WorkspaceFiller(layout).fill(
                        contents, columns, source=chunk.source, number=chunk.number
                    )
        assert all(one.cells.any() and not one.invalid for one in made)
        filled.append(made)
    assert all(one.equals(other) for one, other in zip(*filled, strict=True))


def test_a_source_that_has_none_of_the_columns_is_refused(tmp_path: Path, recorded: Path) -> None:
    few = ["record", str(recorded), "--out", str(tmp_path / "few"), "--workspaces", "nano_met"]
    said = _called(*few, status=2)
    assert "run 9 of 'synthetic' has none of the columns that the workspaces read" in said
    assert not (tmp_path / "few").exists()


def test_lumisections_and_runs_are_chosen(tmp_path: Path, recorded: Path) -> None:
    for name, source in (("a", _table(tmp_path)), ("b", recorded)):
        out = ["--out", str(tmp_path / name)]
        _called("record", str(source), *out, "--first-lumisection", "2")
        told = json.loads(_called("info", str(tmp_path / name), "--json"))
        assert told["runs"][0]["sources"][0]["lumisections"] == "2"
    said = _called("record", str(recorded), "--out", str(tmp_path / "c"), "--run", "4", status=2)
    assert "run 4 is not there: found runs 9" in said


def test_a_run_that_the_log_has_begun_otherwise_is_refused_and_not_waited_for(
    tmp_path: Path, recorded: Path
) -> None:
    """With a hole it is another run than without: what came of it now would be refused."""
    replay = ["replay", str(recorded), "--data", str(tmp_path / "data"), "--port", "0", "--exit"]
    replay += ["--speed", "0", "--workspaces", "hlt"]
    assert "run 9: 1 LSs, 23 of 23 events" in _called(*replay, "--hole", "2-")
    said = _called(*replay, status=2)
    assert "run 9 of 'synthetic' is in the log already (all of it)" in said
    assert "play it as another run (--run)" in said
    assert "run 10: 2 LSs, 46 of 46 events" in _called(*replay, "--run", "10")
    assert "nothing was sent" in _called(*replay, "--hole", "2-")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["record"], "give one of SOURCE"),
        (["record", "x", "--synthetic"], "give one of SOURCE"),
        (["record", *SYNTHETIC, "--offsets", "0:1-2"], "need --from-log"),
        (["record", "--from-log", "--workspaces", "hlt"], "recorded as they were sent"),
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
