"""Two releases on one recording, by the real command: each seeded change is found and named.

Both sides are checkouts of this release, of which source or shipped configuration was changed in
one. Every side runs in a process of its own. What is changed together is to be found together, and
nothing else is.
"""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import playback.recordings
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticDetector
from dqmstream.sources.synthetic.source import SyntheticSource
from tests.wheels import write_wheel

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

_ROOT = Path(__file__).parents[2]
_TESTS = "dqmstream/quality/default.toml"
_FILLER = "dqmstream/kernels/filler.py"
_CHUNKS = "dqmstream/booking/chunk.py"
_COSTS = {"time", "cpu", "memory"}
"""Of machines that do much else: what they say is not asked for where it is not seeded."""

Patches = Mapping[str, list[tuple[str, str]]]
"""Texts of files, and what comes in their place."""


@dataclass(frozen=True)
class Case:
    """What is changed in one recording's workspace, and what is to be found of it."""

    workspace: str
    changed: Patches
    found: set[tuple[str, str]]
    verdict: tuple[str, str]
    """Path whose verdict changes by the threshold, and the quality test."""
    harmless: Patches
    removed: str
    """How the paths of all elements begin that are removed."""


_SYNTHETIC = Case(
    workspace="pixel",
    changed={
        "dqmstream/workspaces/pixel.py": [
            (
                'integer(0, 80, label="clusters in an event")',
                'integer(0, 60, label="clusters in an event")',
            ),
            (
                '        title="Clusters by layer",',
                '        select=f"{pixel}.charge > 25",\n        title="Clusters by layer",',
            ),
            (
                '        fill=f"{pixel}.layer",\n        value=f"{pixel}.charge",',
                '        fill=f"{pixel}.layer + 1",\n        value=f"{pixel}.charge",',
            ),
            (
                "    for layer in LADDERS:\n        yield from _layer",
                "    for layer in (1, 2, 3):\n        yield from _layer",
            ),
        ],
        _TESTS: [
            ("{ xmin = 24.0, xmax = 26.5 }", "{ xmin = 25.8, xmax = 26.5 }"),
            ('name = "pixel cluster size"\n', 'name = "pixel cluster size"\nenabled = false\n'),
        ],
    },
    found={
        ("rebinned", "Pixel/clusters_per_event"),
        ("declared", "Pixel/clusters_by_layer"),
        ("contents", "Pixel/clusters_by_layer"),
        ("declared", "Pixel/charge_by_layer"),
        ("contents", "Pixel/charge_by_layer"),
        ("test-changed", "pixel cluster charge"),
        ("test-changed", "pixel disk cluster charge"),
        ("test-disabled", "pixel cluster size"),
    },
    verdict=("Pixel/Layer1/charge", "pixel cluster charge"),
    harmless={
        "dqmstream/workspaces/pixel.py": [
            ("_CALL", "_ASK"),
            ("    chain_elements(CHAIN),", "    reversed(list(chain_elements(CHAIN))),"),
        ],
    },
    removed="Pixel/Layer4/",
)

_REAL = Case(
    workspace="vertex",
    changed={
        "dqmstream/workspaces/vertex.py": [
            (
                'regular(100, 0, 200, label="degrees of freedom")',
                'regular(50, 0, 200, label="degrees of freedom")',
            ),
            (
                '        title="Tracks of a vertex",',
                '        select="vertices.tracks > 20",\n        title="Tracks of a vertex",',
            ),
            (
                '        fill="where(vertices.valid, 1, 0)",',
                '        fill="where(vertices.valid, 1, 0) + 1",',
            ),
            (
                "[*_numbers(), *_places(), *_fits(), *_errors()]",
                "[*_numbers(), *_places(), *_fits()]",
            ),
        ],
        _TESTS: [
            ("{ xmin = 0.4, xmax = 2.0 }", "{ xmin = 0.4, xmax = 0.9 }"),
            (
                'name = "vertices near the middle of the detector"\n',
                'name = "vertices near the middle of the detector"\nenabled = false\n',
            ),
        ],
    },
    found={
        ("rebinned", "Vertex/Fit/ndof"),
        ("declared", "Vertex/Fit/tracks"),
        ("contents", "Vertex/Fit/tracks"),
        ("declared", "Vertex/valid"),
        ("contents", "Vertex/valid"),
        ("test-changed", "vertices fit their tracks"),
        ("test-disabled", "vertices near the middle of the detector"),
    },
    verdict=("Vertex/Fit/normalized_chi2", "vertices fit their tracks"),
    harmless={
        "dqmstream/workspaces/vertex.py": [
            ("_CALL", "_ASK"),
            (
                "[*_numbers(), *_places(), *_fits(), *_errors()]",
                "[*_errors(), *_fits(), *_places(), *_numbers()]",
            ),
        ],
    },
    removed="Vertex/Error/",
)


@dataclass
class Bench:
    """A recording, the checkout that is changed, and the command."""

    case: Case
    folder: Path
    recording: Path
    pristine: Path
    checkout: Path
    configuration: Path
    touched: dict[Path, os.stat_result] = field(default_factory=dict)

    def change(self, patches: Patches) -> None:
        """Make the checkout what it was but for these changes."""
        for path, before in self.touched.items():
            path.write_bytes((self.pristine / path.relative_to(self.checkout)).read_bytes())
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.touched.clear()
        for name, replaced in patches.items():
            path = self.checkout / name
            self.touched[path] = path.stat()
            text = path.read_text()
            for old, new in replaced:
                assert old in text, f"{name} has no {old!r} any more"
                text = text.replace(old, new)
            path.write_text(text)

    def command(self, *arguments: str, candidate: str = "") -> list[str]:
        return [
            *(sys.executable, "-m", "services.cli", "playback", "compare", str(self.recording)),
            *("--production", f"directory:{self.pristine}"),
            *("--candidate", candidate or f"directory:{self.checkout}"),
            *("--config", str(self.configuration), "--cache", str(self.folder / "cache")),
            *("--json", *arguments),
        ]

    def compare(self, *arguments: str, candidate: str = "") -> tuple[int, dict[str, Any], str]:
        """Status, report and what was said."""
        done = subprocess.run(
            self.command(*arguments, candidate=candidate),
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
            cwd=_ROOT,
        )
        report = json.loads(done.stdout) if done.stdout else {}
        return done.returncode, report, done.stderr


_ONCE = pytest.mark.parametrize("bench", ["synthetic"], indirect=True, scope="module")
"""What is the same on either recording."""


def _found(report: Mapping[str, Any], *, costs: bool = False) -> set[tuple[str, str]]:
    return {
        (one["kind"], one["subject"])
        for one in report["findings"]
        if costs or one["kind"] not in _COSTS
    }


def _assert_no_difference(status: int, report: Mapping[str, Any]) -> None:
    """Of costs there may be one, and then the status and the verdict say so."""
    assert _found(report) == set(), report["findings"]
    assert status == (1 if report["counts"] else 0)
    assert (report["verdict"] == "no difference") is (not report["findings"])


@pytest.fixture(
    scope="module", params=["synthetic", pytest.param("run 346373", marks=pytest.mark.realdata)]
)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One for each recording: 13 LSs, of the synthetic detector and of real collisions."""
    folder = tmp_path_factory.mktemp("compare")
    pristine, checkout = folder / "pristine", folder / "checkout"
    for package in ("dqmstream", "playback"):
        ignored = shutil.ignore_patterns("__pycache__", "bench", "broker")
        shutil.copytree(_ROOT / package, pristine / package, ignore=ignored)
    shutil.copy(_ROOT / "pyproject.toml", pristine)
    shutil.copytree(pristine, checkout)
    case = _SYNTHETIC if request.param == "synthetic" else _REAL
    recording = folder / "recording"
    if case is _SYNTHETIC:
        config = SyntheticConfig(run=7, lumisections=13, rate=12, chunk_events=70)
        playback.recordings.record([SyntheticSource(SyntheticDetector(config))], recording)
    else:
        data: Path = request.getfixturevalue("real_data")
        files = [str(path) for path in sorted((data / "cms-streamer").glob("run346373*.jsn"))]
        command = [sys.executable, "-m", "services.cli", "playback", "record", *files]
        command += ["--as-run", "346373", "--loop-for", "13", "--workspaces", "vertex,hlt"]
        subprocess.run([*command, "--out", str(recording)], check=True, cwd=_ROOT)
    configuration = folder / "both.toml"
    configuration.write_text(f'workspaces = ["{case.workspace}", "hlt"]\n')
    return Bench(case, folder, recording, pristine, checkout, configuration)


def test_the_same_release_does_not_differ(bench: Bench) -> None:
    """Run twice in processes of their own, and every number is the same."""
    status, report, said = bench.compare("--no-memory")
    _assert_no_difference(status, report)
    assert report["compared"]["lumisections"] == 13
    assert report["compared"]["contents"] == 13 * report["compared"]["elements"] > 300
    assert report["compared"]["events"] > 3000
    assert report["compared"]["verdicts"] > 20
    assert re.search(r"production \(directory:.*\): 13 LSs done", said)


def test_what_changes_no_number_is_not_reported(bench: Bench) -> None:
    """Other names in the code and another order of elements."""
    bench.change(bench.case.harmless)
    status, report, _ = bench.compare("--no-memory")
    _assert_no_difference(status, report)
    assert report["production"]["kept"], "the result of production is found again"
    assert report["production"]["hash"] != report["candidate"]["hash"]


def test_chunks_of_another_size_are_not_reported(bench: Bench) -> None:
    other = bench.folder / "cut.toml"
    other.write_text(f"{bench.configuration.read_text()}chunk_events = 41\n")
    status, report, _ = bench.compare(
        "--no-memory", "--production", "installed", candidate=f"configuration:{other}"
    )
    _assert_no_difference(status, report)
    assert report["production"]["hash"] != report["candidate"]["hash"]


def test_each_change_of_workspaces_and_tests_is_found_and_nothing_else(bench: Bench) -> None:
    """Binning, selection, an off-by-one in a fill, plots removed, a threshold, a test disabled."""
    bench.change(bench.case.changed)
    folder = bench.folder / "report"
    status, report, _ = bench.compare("--no-memory", "--report", str(folder))
    assert status == 1
    removed = {one for one in _found(report) if one[0] == "removed"}
    assert removed, "plots were removed"
    assert all(path.startswith(bench.case.removed) for _, path in removed)
    others = {one for one in _found(report) if one[0] not in {"removed", "verdict", "alarm"}}
    assert others == bench.case.found
    verdicts = [one for one in report["findings"] if one["kind"] == "verdict"]
    assert bench.case.verdict in {(one["subject"], one["test"]) for one in verdicts}
    texts = {(one["kind"], one["subject"]): one["text"] for one in report["findings"]}
    for (kind, subject), text in texts.items():
        if kind == "rebinned":
            assert re.search(r"axis 1 \(.*\) from \d+ \w+ bins from .* to \d+ \w+ bins", text), text
        if kind == "contents":
            assert "in LS 1-13 (13 of 13 LSs)" in text, (subject, text)
    written = (folder / "report.md").read_text()
    page = (folder / "report.html").read_text()
    for _, subject in bench.case.found:
        assert f"`{subject}`" in written
        assert f"<code>{subject}</code>" in page
    assert page.count('class="overlay"') >= 3
    assert "http" not in page.replace("http://www.w3.org/2000/svg", ""), "it needs no other file"
    assert json.loads((folder / "report.json").read_text())["status"] == 1


def test_a_policy_allows_what_is_wanted_and_no_more(bench: Bench) -> None:
    bench.change(bench.case.changed)
    kinds = sorted(
        {kind for kind, _ in bench.case.found} | {"removed", "verdict", "alarm"} | _COSTS
    )
    rule = f'[[allow]]\nwhat = {json.dumps(kinds)}\nwhy = "a new layout"\n'
    policy = bench.folder / "policy.toml"
    policy.write_text(rule)
    status, report, _ = bench.compare("--no-memory", "--policy", str(policy))
    assert (status, report["counts"]) == (0, {})
    assert all("a new layout" in one["allowed"] for one in report["findings"])
    policy.write_text(rule.replace('"rebinned"', '"added"'))
    status, report, _ = bench.compare("--no-memory", "--policy", str(policy))
    assert (status, report["counts"]) == (1, {"rebinned": 1})


def test_a_slower_and_a_leaking_workspace_are_named(bench: Bench) -> None:
    name = bench.case.workspace
    slow = (
        "        results = self._program.run(columns)\n",
        f'        if self.layout.workspace == "{name}":\n'
        "            for _ in range(columns.events):\n"
        "                np.cumsum(_WORK)\n"
        '        if self.layout.workspace == "hlt":\n'
        "            _LEAK.append(np.ones(10_000))\n"
        "        results = self._program.run(columns)\n",
    )
    bench.change(
        {
            _FILLER: [
                slow,
                (
                    "_EVERY: Final",
                    "_LEAK: Final[list[Any]] = []\n_WORK = np.ones(100_000)\n_EVERY: Final",
                ),
            ]
        }
    )
    status, report, _ = bench.compare()
    assert status == 1
    over = {(one["kind"], one["subject"]) for one in report["findings"]}
    assert ("time", name) in over
    assert ("leak", "hlt") in over
    assert ("leak", name) not in over
    assert ("time", "hlt") not in over
    (leak,) = (one for one in report["findings"] if one["kind"] == "leak")
    assert "kept of each LS" in leak["text"]
    assert {kind for kind, _ in over} <= {"time", "leak", *_COSTS}


def test_a_crash_is_told_with_its_lumisection(bench: Bench) -> None:
    """Of the process itself: nothing in it can catch that."""
    crash = (
        "    columns = decode_batch(",
        "    if chunk.lumisection == 12:\n"
        "        import os\n\n"
        "        os.abort()\n"
        "    columns = decode_batch(",
    )
    bench.change({_CHUNKS: [crash]})
    status, report, _ = bench.compare("--no-memory")
    assert status == 3
    assert report["verdict"] == "could not be judged"
    assert _found(report) == {("crash", "candidate"), ("missing", "candidate")}
    (found,) = (one for one in report["findings"] if one["kind"] == "crash")
    assert found["text"] == "in LS 12, reading: ended by signal SIGABRT"
    assert report["candidate"]["crash"]["lumisection"] == 12
    (missing,) = (one for one in report["findings"] if one["kind"] == "missing")
    assert "LS 12-13" in missing["text"]


@_ONCE
def test_an_exception_is_told_with_its_lumisection_and_workspace(bench: Bench) -> None:
    raised = (
        "        results = self._program.run(columns)\n",
        '        if self.layout.workspace == "hlt" and source == "synthetic":\n'
        '            raise KeyError("a list that is not there")\n'
        "        results = self._program.run(columns)\n",
    )
    bench.change({_FILLER: [raised]})
    status, report, _ = bench.compare("--no-memory")
    assert status == 3
    crash = report["candidate"]["crash"]
    assert (crash["lumisection"], crash["doing"]) == (1, "filling hlt")
    assert "a list that is not there" in crash["why"]
    assert "Traceback" in crash["said"]


@_ONCE
def test_an_off_by_one_in_the_kernel_is_found_where_it_counts(bench: Bench) -> None:
    """No declaration differs: only contents of integer axes do."""
    kernel = "np.floor(x[j]) - lower, bins, nan)"
    wrong = (kernel, kernel.replace("- lower", "- lower + 1"))
    bench.change({"dqmstream/kernels/filling.py": [wrong]})
    status, report, _ = bench.compare("--no-memory")
    assert status == 1
    found = _found(report)
    assert {kind for kind, _ in found} <= {"contents", "verdict", "alarm"}
    assert ("contents", "Pixel/clusters_per_event") in found
    assert ("contents", "Pixel/Layer1/charge") not in found, "its axis is no integer one"


@_ONCE
def test_nothing_read_is_a_failure(bench: Bench, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    config = SyntheticConfig(run=7, lumisections=2, rate=0)
    playback.recordings.record([SyntheticSource(SyntheticDetector(config))], empty)
    bench = dataclasses.replace(bench, recording=empty)
    status, report, _ = bench.compare("--no-memory", candidate=f"directory:{bench.pristine}")
    assert (status, report["verdict"]) == (3, "could not be judged")
    assert {kind for kind, _ in _found(report)} == {"nothing-read"}


@_ONCE
def test_a_killed_comparison_leaves_nothing_running_and_is_made_again(bench: Bench) -> None:
    bench.change({_TESTS: [('name = "pixel cluster size"', 'name = "pixel size of clusters"')]})
    with subprocess.Popen(
        bench.command("--no-memory"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=_ROOT
    ) as process:
        results = bench.folder / "cache" / "results"
        before = set(results.glob("*/begun.json"))
        until = time.monotonic() + 400
        while not (begun := set(results.glob("*/begun.json")) - before):
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    (half,) = {path.parent for path in begun}
    assert not (half / "ended.json").exists()
    (left,) = (bench.folder / "cache").glob("made-*")
    status, report, _ = bench.compare("--no-memory")
    assert status == 1
    assert {kind for kind, _ in _found(report)} >= {"test-added", "test-removed"}
    assert (half / "ended.json").exists()
    assert not left.exists()


@_ONCE
def test_a_wheel_and_a_revision_run_with_their_own_entry_points(
    bench: Bench, tmp_path: Path
) -> None:
    """A package of workspaces, as its pull request would be compared: built, and as a commit."""
    package = tmp_path / "package"
    (package / "my_pixel").mkdir(parents=True)
    source = package / "my_pixel" / "__init__.py"
    source.write_text(
        "from dqmstream.booking import Workspace, histogram, regular\n"
        "X = regular(50, 0, 100)\n"
        'workspace = Workspace("my_pixel", "", [histogram("My/charge", X, fill="pixel.charge")])\n'
    )
    points = '[project.entry-points."dqmstream.workspaces"]\nmy_pixel = "my_pixel:workspace"\n'
    (package / "pyproject.toml").write_text(f'[project]\nname = "my-pixel"\n{points}')
    git = ["git", "-C", str(package), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"], ["tag", "v1"]):
        subprocess.run([*git, *words], check=True)
    source.write_text(source.read_text().replace("regular(50", "regular(40"))
    files = {"my_pixel/__init__.py": source.read_text()}
    points = "[dqmstream.workspaces]\nmy_pixel = my_pixel:workspace\n"
    wheel = write_wheel(tmp_path, "my-pixel", "2", files, points=points)
    both = tmp_path / "both.toml"
    both.write_text('workspaces = ["my_pixel"]\n')
    own = dataclasses.replace(bench, configuration=both)
    revision = f"git:v1@{package}"
    status, report, said = own.compare(
        "--no-memory", "--production", revision, candidate=f"wheel:{wheel}"
    )
    assert status == 1, said
    assert _found(report) == {("rebinned", "My/charge")}
    status, report, said = own.compare(
        "--no-memory", "--production", revision, candidate=f"directory:{package}"
    )
    assert _found(report) == {("rebinned", "My/charge")}, said


@_ONCE
def test_what_cannot_be_compared_is_said_in_a_sentence(bench: Bench, tmp_path: Path) -> None:
    old = tmp_path / "old"
    (old / "dqmstream").mkdir(parents=True)
    (old / "dqmstream" / "__init__.py").write_text('__version__ = "0.0"\n')
    (old / "pyproject.toml").write_text('[project]\nname = "dqmstream"\n')
    for candidate, expected in (
        ("release:1", "names nothing that can be compared"),
        (f"directory:{tmp_path / 'none'}", "no package"),
        ("git:no-such-branch", "knows no revision 'no-such-branch'"),
        (f"wheel:{tmp_path / 'none.whl'}", "no such file"),
        (f"directory:{old}", "does not start"),
    ):
        status, report, said = bench.compare(candidate=candidate)
        assert (status, report) == (2, {}), said
        assert expected in said
