"""Compiled kernels are kept where something can be written; where nothing can, it still starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_TINY = """
from dqmstream.kernels.compile import compile_with, kernel
from pathlib import Path
import sys

@kernel
def twice(x):
    return 2 * x

def run():
    assert twice(21) == 42

report = compile_with(run, Path(sys.argv[1]) if sys.argv[1:] else None)
run()
hits = sum(twice.stats.cache_hits.values())
print(report.folder, report.problem, hits, sep="|")
"""


class Start:
    """What a process says that compiles one tiny kernel at its start."""

    def __init__(self, script: Path, *arguments: str, **environment: str) -> None:
        root = str(Path(__file__).parents[3])
        done = subprocess.run(
            [sys.executable, str(script), *arguments],
            env={**os.environ, "PYTHONPATH": root, "NUMBA_CACHE_DIR": "", **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        self.folder, self.problem, self.hits = done.stdout.strip().split("|")
        self.complaints = done.stderr


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A module with a kernel, in a folder of its own."""
    path = tmp_path / "sources" / "tiny.py"
    path.parent.mkdir()
    path.write_text(_TINY)
    return path


def test_the_second_start_reads_what_the_first_compiled(script: Path, tmp_path: Path) -> None:
    starts = [Start(script, str(tmp_path / "cache")) for _ in range(2)]
    assert [start.hits for start in starts] == ["0", "1"]
    assert all(start.problem == "" for start in starts)
    assert Path(starts[0].folder).is_relative_to(tmp_path / "cache")
    assert list((tmp_path / "cache").rglob("*.nbi"))


def test_without_any_folder_to_write_to_it_compiles_at_each_start_and_says_so(
    script: Path,
) -> None:
    start = Start(script, NUMBA_CACHE_LOCATOR_CLASSES="UserProvidedCacheLocator")
    assert start.folder == "None"
    assert "no locator available" in start.problem
    assert "cache of compiled kernels" in start.complaints


def test_a_folder_that_cannot_be_made_is_reported_with_the_one_used_instead(
    script: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    start = Start(script, str(tmp_path / "file"))
    assert start.problem.startswith(f"cannot write to {tmp_path / 'file'}")
    assert start.folder in start.problem


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_a_broken_cache_is_left_aside(script: Path, tmp_path: Path, suffix: str) -> None:
    Start(script, str(tmp_path / "cache"))
    for path in (tmp_path / "cache").rglob(f"*.{suffix}"):
        path.write_bytes(path.read_bytes()[:40])
    start = Start(script, str(tmp_path / "cache"))
    assert start.folder == "None"
    assert start.problem != ""
