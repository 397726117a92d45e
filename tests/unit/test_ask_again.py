"""Failed tests are asked again alone: chance is told of, all else still fails the run."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / "scripts" / "ask_again.py"

_COUNTED = """
from pathlib import Path

def test_counted():
    tally = Path(__file__).with_name("tally")
    tally.write_text(tally.read_text() + "x" if tally.exists() else "x")
    assert len(tally.read_text()) not in {failing}
"""

_SHARED = """
from pathlib import Path
import pytest

@pytest.fixture(scope="module")
def program():
    tally = Path(__file__).with_name("tally")
    tally.write_text(tally.read_text() + "x" if tally.exists() else "x")
    assert len(tally.read_text()) != 1

@pytest.mark.parametrize("number", range(5))
def test_of_it(program, number):
    pass
"""


def _runs(folder: Path, files: dict[str, str]) -> tuple[int, str]:
    """Status and words of the script after a run of these tests."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    first = _run(folder, "-m", "pytest", "-q")
    assert first.returncode in {0, 1}, first.stdout
    again = _run(folder, str(_SCRIPT))
    return again.returncode, again.stdout


def _run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
        capture_output=True,
        text=True,
    )


def test_what_fails_once_is_told_of_and_passes(tmp_path: Path) -> None:
    status, said = _runs(tmp_path, {"test_a.py": _COUNTED.format(failing="{1}")})
    assert status == 0
    assert "UNSTEADY: test_a.py::test_counted" in said
    assert (tmp_path / "tally").read_text() == "xxxx"


@pytest.mark.parametrize("failing", ["{1, 2}", "{1, 4}", "range(9)"])
def test_what_fails_again_fails_the_run(tmp_path: Path, failing: str) -> None:
    status, said = _runs(tmp_path, {"test_a.py": _COUNTED.format(failing=failing)})
    assert status == 1
    assert "FAILED again: test_a.py" in said


@pytest.mark.parametrize("name", ["tests/crash/test_a.py", "tests/unit/fold/deep/test_a.py"])
def test_exactness_has_no_second_chance(tmp_path: Path, name: str) -> None:
    status, said = _runs(tmp_path, {name: _COUNTED.format(failing="{1}")})
    assert status == 1
    assert f"no second chance: {name}" in said


def test_what_has_no_second_chance_is_there() -> None:
    """A file that was moved would have one."""
    exact = runpy.run_path(str(_SCRIPT))["EXACT"]
    assert all((_SCRIPT.parents[1] / path).exists() for path in exact)


def test_a_program_that_all_tests_of_a_file_share_may_fail_once(tmp_path: Path) -> None:
    status, said = _runs(tmp_path, {"test_a.py": _SHARED})
    assert status == 0
    assert said.count("UNSTEADY: ") == 5


def test_failures_in_many_files_are_no_chance(tmp_path: Path) -> None:
    many = {f"{letter}/test_{letter}.py": _COUNTED.format(failing="{1}") for letter in "abcd"}
    status, said = _runs(tmp_path, many)
    assert status == 1
    assert "4 files failed" in said


def test_a_run_that_fails_without_a_failed_test_fails(tmp_path: Path) -> None:
    status, said = _runs(tmp_path, {"test_a.py": "def test_good():\n    pass\n"})
    assert status == 1
    assert "the run itself did" in said
