"""Releases with dependencies of their own, compared by the real command: in Pythons of their own,
and with what they need installed, without a network, from a folder of wheels."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

import playback.recordings
from dqmstream.errors import ConfigurationError
from playback.comparing.environment import environment_of
from playback.comparing.release import Installed, Wheel
from tests.recorded import SmallRun
from tests.wheels import environment_over_this, write_wheel

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

_ROOT = Path(__file__).parents[2]
_POINTS = "[dqmstream.workspaces]\nmine = mine:workspace\n"
_MINE = """
import tiny
from dqmstream.booking import Workspace, histogram, regular

X = regular(tiny.BINS, 0, 1_000_000)
workspace = Workspace("mine", "", [histogram("Mine/event", X, fill="event")])
"""


@dataclass(frozen=True)
class Bench:
    """A recording, wheels, and the command with a cache."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def index(self) -> Path:
        return self.folder / "index"

    @property
    def offline(self) -> dict[str, str]:
        """Settings by which pip has nothing but these wheels."""
        return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index)}

    def tiny(self, version: str) -> Path:
        """Something that a release needs, of which each version has its own number of bins."""
        text = f"BINS = {10 * int(version)}\n"
        return write_wheel(self.index, "tiny", version, {"tiny.py": text})

    def mine(self, *requires: str, version: str = "1") -> Path:
        """A package of workspaces."""
        files = {"mine.py": _MINE}
        return write_wheel(self.folder, "mine", version, files, requires=requires, points=_POINTS)

    def compare(
        self, production: str, candidate: str, *arguments: str
    ) -> tuple[int, dict[str, Any], str]:
        """Status, report and what was said."""
        command = [
            *(sys.executable, "-m", "services.cli", "playback", "compare"),
            *(str(self.folder / "recording"), "--production", production),
            *("--candidate", candidate, "--config", str(self.folder / "both.toml")),
            *("--cache", str(self.cache), "--no-memory", "--json", *arguments),
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
            cwd=_ROOT,
            env=os.environ | self.offline,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("environments")
    playback.recordings.record([SmallRun()], folder / "recording")
    (folder / "both.toml").write_text('workspaces = ["mine"]\n')
    return Bench(folder)


def _found(report: dict[str, Any]) -> set[tuple[str, str]]:
    costs = {"time", "cpu", "memory"}
    return {(f["kind"], f["subject"]) for f in report["findings"] if f["kind"] not in costs}


def _differ(report: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {one["name"]: (one["production"], one["candidate"]) for one in report["dependencies"]}


def test_pythons_with_another_dependency_are_compared_and_it_is_named(bench: Bench) -> None:
    """The same workspaces on another version of what they need: other bins come of it."""
    mine, old, new = bench.mine(), bench.tiny("1"), bench.tiny("2")
    first = environment_over_this(bench.folder / "first", mine, old)
    second = environment_over_this(bench.folder / "second", mine, new)
    report_folder = bench.folder / "report"
    status, report, said = bench.compare(
        f"python:{first}", f"python:{second}/bin/python", "--report", str(report_folder)
    )
    assert status == 1, said
    assert _found(report) == {("rebinned", "Mine/event")}
    assert _differ(report) == {"tiny": ("1", "2")}
    assert report["production"]["python"] == report["candidate"]["python"]
    assert "| `tiny` | 1 | 2 |" in (report_folder / "report.md").read_text()
    assert (
        "<code>tiny</code></td><td>1</td><td>2</td>" in (report_folder / "report.html").read_text()
    )
    policy = bench.folder / "policy.toml"
    policy.write_text(
        'pinned = ["tiny"]\n[[allow]]\nwhat = ["rebinned", "time", "cpu"]\nwhy = "finer"\n'
    )
    status, report, said = bench.compare(
        f"python:{first}", f"python:{second}", "--policy", str(policy)
    )
    assert (status, report["counts"]) == (1, {"dependency": 1}), said
    assert report["production"]["kept"]
    assert report["candidate"]["kept"], "it is the same Python, however it is named"


def test_a_release_whose_requirements_are_not_met_is_refused_and_with_install_runs_with_them(
    bench: Bench,
) -> None:
    bench.tiny("3")
    old = environment_over_this(bench.folder / "third", bench.mine(), bench.tiny("1"))
    wheel = f"wheel:{bench.mine('tiny>=3', 'dqmstream', version='2')}"
    results = bench.cache / "results"
    before = sorted(results.glob("*")) if results.is_dir() else []
    status, report, said = bench.compare("installed", wheel)
    assert (status, report) == (2, {})
    assert f"{wheel}: needs what is not here: tiny>=3 (not installed); --install" in said
    assert sorted(results.glob("*")) == before, "nothing was run"
    status, report, said = bench.compare(f"python:{old}", wheel, "--install")
    assert status == 1, said
    assert _found(report) == {("rebinned", "Mine/event")}
    assert _differ(report) == {"mine": ("1", "2"), "tiny": ("1", "3")}
    (rebinned,) = (one for one in report["findings"] if one["kind"] == "rebinned")
    assert "from 10 regular bins" in rebinned["text"]
    assert "to 30 regular bins" in rebinned["text"]


def _wheel_of_dqmstream(bench: Bench) -> Path:
    """Of this checkout, which needs more than it does, and has a package of workspaces beside."""
    here = distribution("dqmstream")
    files: dict[str, str | bytes] = {
        str(path.relative_to(_ROOT)): path.read_bytes()
        for package in ("dqmstream", "playback")
        for path in (_ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and "bench" not in path.parts
    }
    init = files["dqmstream/__init__.py"]
    assert isinstance(init, bytes)
    files["dqmstream/__init__.py"] = init + b'\nimport tiny\n\n__version__ = f"9.{tiny.BINS}"\n'
    files["mine.py"] = _MINE
    points = here.read_text("entry_points.txt") or ""
    assert "[dqmstream.workspaces]\n" in points
    return write_wheel(
        bench.folder,
        "dqmstream",
        "9",
        files,
        requires=[*(here.requires or ()), "tiny>=4"],
        points=points.replace("[dqmstream.workspaces]\n", _POINTS),
    )


def test_a_release_of_dqmstream_itself_gets_what_it_needs_more(bench: Bench) -> None:
    """What it needs and is installed here stays, of the same version."""
    bench.tiny("4")
    wheel = Wheel(_wheel_of_dqmstream(bench))
    with pytest.raises(ConfigurationError, match=r"needs what is not here: tiny>=4 \("):
        environment_of(wheel, bench.cache)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in bench.offline.items():
            patch.setenv(name, value)
        environment = environment_of(wheel, bench.cache, install=True)
    assert environment.identity.version == "9.40"
    assert Path(environment.identity.runner).is_relative_to(environment.path[0])
    here = environment_of(Installed(), bench.cache).ran_in.distributions
    found = environment.ran_in.distributions
    assert found == here | {"dqmstream": "9", "tiny": "4"}


@pytest.mark.slow
def test_a_release_of_dqmstream_itself_runs_with_what_it_needs_more(bench: Bench) -> None:
    bench.tiny("4")
    wheel = f"wheel:{_wheel_of_dqmstream(bench)}"
    status, report, said = bench.compare(wheel, wheel, "--install")
    assert status in {0, 1}, said
    assert _found(report) == set()
    assert report["candidate"]["version"] == "9.40"
    assert report["compared"]["contents"] == 5
    assert _differ(report) == {}
