"""Run keys: read from the hidden file, and the default is never silent."""

from pathlib import Path

import pytest

from dqmstream.sources.cms.runkey import RUN_KEYS, parse_run_key, read_run_key


@pytest.mark.parametrize("key", sorted(RUN_KEYS))
def test_each_known_key_is_taken(key: str) -> None:
    """As the DAQ writes it, with the unique key beside it."""
    found = parse_run_key(f"run_key = {key}\nrun_unique_key = 4e94e771-add6\n")
    assert (found.run_key, found.run_unique_key, found.note) == (key, "4e94e771-add6", "")


@pytest.mark.parametrize("text", ["", "run_key = \n", "run_key = party_run\n", "\0\xff garbage"])
def test_an_unknown_or_empty_key_is_pp_run_and_says_so(text: str) -> None:
    """The wrong run type once crashed clients; here it is a note."""
    found = parse_run_key(text)
    assert found.run_key == "pp_run"
    assert "taken as pp_run" in found.note


def test_the_file_is_looked_for_in_the_folder_and_above(tmp_path: Path) -> None:
    """The DAQ keeps it beside the run's folder."""
    folder = tmp_path / "run392642"
    folder.mkdir()
    (tmp_path / ".run392642.global").write_text("run_key = hi_run\n")
    assert read_run_key(folder, 392642).run_key == "hi_run"
    (folder / ".run392642.global").write_text("run_key = cosmic_run\n")
    assert read_run_key(folder, 392642).run_key == "cosmic_run"


def test_a_missing_file_is_noted(tmp_path: Path) -> None:
    """A run is monitored all the same."""
    found = read_run_key(tmp_path, 1)
    assert found.run_key == "pp_run"
    assert str(tmp_path / ".run1.global") in found.note
