"""The cache of comparisons stays within its bounds, and nothing that is in use leaves it."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dqmstream.errors import ConfigurationError
from playback.comparing.cache import Cache, note_use
from playback.comparing.command import Options, run_comparison
from playback.comparing.release import parse_release
from playback.recordings import record
from services.cli import app
from tests.recorded import SmallRun


def _result(cache: Path, name: str, *, used: int, size: int = 10_000, whole: bool = True) -> Path:
    folder = cache / "results" / name
    folder.mkdir(parents=True)
    (folder / "contents").write_bytes(b"x" * size)
    (folder.parent / f"{name}.lock").touch()
    if whole:
        (folder / "ended.json").write_text("{}")
    os.utime(folder, (used, used))
    return folder


def _names(cache: Path, kind: str = "results") -> set[str]:
    return {path.name for path in (cache / kind).iterdir()}


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    for number, name in enumerate("abcde"):
        _result(tmp_path, name, used=1000 + number)
    note_use(tmp_path / "results" / "a")
    assert Cache(tmp_path, most_results=3).tidy()
    assert _names(tmp_path) == {"a", "e", "d", "a.lock", "e.lock", "d.lock"}
    each = Cache(tmp_path).entries()[0].size
    assert Cache(tmp_path, most_bytes=2 * each).tidy()
    assert _names(tmp_path) == {"a", "e", "a.lock", "e.lock"}


def test_environments_references_and_kernels_count_too(tmp_path: Path) -> None:
    _result(tmp_path, "a", used=1000)
    for kind, used in (("environments", 900), ("references", 1100), ("kernels", 800)):
        (tmp_path / kind / "one").mkdir(parents=True)
        (tmp_path / kind / "one" / "file").write_bytes(b"x" * 10_000)
        os.utime(tmp_path / kind / "one", (used, used))
    entries = Cache(tmp_path).entries()
    assert [one.kind for one in entries] == ["references", "results", "environments", "kernels"]
    assert all(one.size > 10_000 for one in entries)
    assert Cache(tmp_path, most_bytes=entries[0].size + entries[1].size).tidy()
    assert [one.kind for one in Cache(tmp_path).entries()] == ["references", "results"]


def test_what_was_killed_half_way_is_removed(tmp_path: Path) -> None:
    _result(tmp_path, "whole", used=1000)
    _result(tmp_path, "half", used=2000, whole=False)
    (tmp_path / "results" / "gone.lock").touch()
    (tmp_path / "made-x" / "production").mkdir(parents=True)
    (tmp_path / "environments" / ".git-1-x" / "made").mkdir(parents=True)
    (tmp_path / "environments" / "git-2").mkdir()
    (tmp_path / "references").mkdir()
    (tmp_path / "references" / ".a.references.7.part").touch()
    assert Cache(tmp_path).tidy()
    assert _names(tmp_path) == {"whole", "whole.lock"}
    assert _names(tmp_path, "environments") == {"git-2"}
    assert _names(tmp_path, "references") == set()
    assert not (tmp_path / "made-x").exists()


def test_nothing_goes_while_a_comparison_holds_it(tmp_path: Path) -> None:
    _result(tmp_path, "a", used=1000)
    _result(tmp_path, "b", used=2000)
    small, large = Cache(tmp_path, most_results=1), Cache(tmp_path)
    with large.held():
        half = _result(tmp_path, "half", used=3000, whole=False)
        with small.held():  # another one, at the same time
            assert not small.tidy()
            assert not small.clear()
        assert {"a", "b", "half"} < _names(tmp_path)
        assert half.is_dir()
    with small.held():
        assert _names(tmp_path) == {"b", "b.lock"}


def test_the_command_says_what_there_is_and_clears_it(tmp_path: Path) -> None:
    def said(*words: str, status: int = 0) -> str:
        called = CliRunner().invoke(app, ["playback", "cache", "--cache", str(tmp_path), *words])
        assert called.exit_code == status, called.output
        return called.output

    _result(tmp_path, "a", used=1000)
    assert "results: 1, " in said()
    (entry,) = json.loads(said("--json"))["entries"]
    assert (entry["kind"], entry["path"]) == ("results", str(tmp_path / "results" / "a"))
    with Cache(tmp_path).held():
        assert "nothing was removed" in said("--clear", status=1)
    assert "cleared" in said("--clear")
    assert Cache(tmp_path).entries() == []
    assert "0 bytes" in said()


@pytest.mark.parametrize(
    ("option", "status", "says"),
    [
        ("--cache=file", 2, "cache {tmp_path}/file: no folder to write into: File exists"),
        ("--report=file/in", 2, "report file/in: no folder to write into: Not a directory"),
        ("--cache=damaged", 3, "could not be judged: {tmp_path}/damaged/results: File exists"),
    ],
)
def test_a_folder_that_cannot_be_written_is_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, status: int, says: str
) -> None:
    """Status 1 is that of a difference; what is asked wrongly is said before anything is run."""
    monkeypatch.chdir(tmp_path)
    record([SmallRun()], tmp_path / "recording", made="then")
    (tmp_path / "file").write_text("")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "results").write_text("")
    words = ["playback", "compare", "recording", "--candidate", "installed", "--cache", "cache"]
    called = CliRunner().invoke(app, [*words, option])
    assert called.exit_code == status, called.output
    assert says.format(tmp_path=tmp_path) in " ".join(called.output.split())
    assert not (tmp_path / "cache").exists()


@pytest.mark.timeout(120)
def test_a_side_that_is_refused_ends_the_other_at_once(tmp_path: Path) -> None:
    """Production would sleep for an hour when its workspaces are loaded."""
    record([SmallRun()], tmp_path / "recording", made="then")
    package = tmp_path / "slow"
    (package / "slow_dqm").mkdir(parents=True)
    (package / "slow_dqm" / "__init__.py").write_text("import time\ntime.sleep(3600)\n")
    points = '[project.entry-points."dqmstream.workspaces"]\nslow = "slow_dqm:workspace"\n'
    (package / "pyproject.toml").write_text(f'[project]\nname = "slow"\n{points}')
    (tmp_path / "slow.toml").write_text('workspaces = ["slow"]\n')
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('workspaces = ["no_such"]\n')
    cache = tmp_path / "cache"
    with pytest.raises(ConfigurationError, match=r"candidate \(configuration:.*no_such"):
        run_comparison(
            parse_release(f"directory:{package}"),
            parse_release(f"configuration:{wrong}"),
            Options(
                recording=tmp_path / "recording",
                configuration=tmp_path / "slow.toml",
                cache=cache,
                memory=False,
            ),
        )
    assert _names(cache) == set(), "neither is kept, half made"
