"""What is seen in watched folders: names of a run's files, and whether they can be used yet."""

from pathlib import Path

import pytest

from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.pair import StreamerName, parse_name
from dqmstream.sources.cms.watching.sighting import look, run_folders, view

NOW = 2_000_000_000_000_000_000
NAME = "run500001_ls0003_streamDQM_pid7.jsn"
JSN = b'{"data":["9","5","0","run500001_ls0003_streamDQM_pid7.dat","3","","1","","DAT","0"]}'


def parsed(name: str) -> StreamerName:
    found = parse_name(name)
    assert found is not None
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run500001"
    made.mkdir()
    return made


def test_run_folders_of_all_roots_are_found_and_other_names_passed_over(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for name in ("run000007", "run500001", "run0", "run99999999999", "runs", "xrun5"):
        (one / name).mkdir(parents=True)
    (two / "run500002").mkdir(parents=True)
    (two / "run500003").write_bytes(b"a file")
    found = run_folders([one, two, tmp_path / "not there"])
    assert sorted(found.values()) == [7, 500001, 500002]


def test_a_view_names_the_runs_own_files_and_its_end(folder: Path) -> None:
    for name in (NAME, "run500002_ls0003_streamDQM_pid7.jsn", "odd.jsn", f".{NAME}.part"):
        (folder / name).touch()
    (folder / "run500001_ls0000_streamDQM_pid7.jsn").touch()
    (folder / "run500001_ls0003_streamDQM_pid7.dat").touch()
    found = view(folder, 500001, NOW)
    assert found is not None
    assert set(found.names) == {folder / NAME}
    assert found.names[folder / NAME].ending == "_pid7"
    assert (found.ended, found.others) == (False, 3)
    (folder / "run500001_ls0000_EoR.jsn").touch()
    again = view(folder, 500001, NOW)
    assert again is not None
    assert again.ended


def test_a_folder_that_has_not_changed_is_not_read_again(folder: Path) -> None:
    """Unless it changed so shortly before that a change since may bear the same date."""
    changed = folder.stat().st_mtime_ns
    old = view(folder, 500001, changed + 5_000_000_000)
    assert view(folder, 500001, changed + 6_000_000_000, old) is old
    fresh = view(folder, 500001, changed + 5_000_000)
    assert view(folder, 500001, changed + 6_000_000, fresh) is not fresh


def test_a_folder_that_has_gone_is_no_view(folder: Path) -> None:
    folder.rmdir()
    assert view(folder, 500001, NOW) is None


def test_a_pair_that_is_whole_can_be_used(folder: Path) -> None:
    (folder / NAME).write_bytes(JSN)
    (folder / NAME).with_suffix(".dat").write_bytes(b"abc")
    found = look(folder / NAME, parsed(NAME), Limits())
    assert found is not None
    assert (found.events, found.trouble, found.ending) == (5, "", "_pid7")


@pytest.mark.parametrize(
    ("content", "trouble", "events"),
    [
        (JSN, "file_missing", 5),
        (JSN[:20], "jsn_unreadable", 0),
        (b"", "jsn_unreadable", 0),
        (b'{"data":[1,2,3]}', "jsn_form", 0),
    ],
)
def test_what_cannot_be_used_yet_says_why(
    folder: Path, content: bytes, trouble: str, events: int
) -> None:
    (folder / NAME).write_bytes(content)
    found = look(folder / NAME, parsed(NAME), Limits())
    assert found is not None
    assert (found.trouble, found.events) == (trouble, events)


def test_a_jsn_that_accepted_nothing_needs_no_data_file(folder: Path) -> None:
    content = b'{"data":["9","0","0","","0","","","","DAT","0"]}'
    (folder / NAME).write_bytes(content)
    found = look(folder / NAME, parsed(NAME), Limits())
    assert found is not None
    assert found.trouble == ""


def test_a_file_that_has_gone_is_not_seen(folder: Path) -> None:
    assert look(folder / NAME, parsed(NAME), Limits()) is None
