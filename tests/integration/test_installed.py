"""The program as it is installed: the wheel is enough, and a plug-in is found."""

import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[2]

PLUGIN = """
from dqmstream.booking import Workspace, histogram, regular

workspace = Workspace(
    "my_detector",
    "What the shifter should know.",
    [histogram("MyDetector/pixels", regular(50, 0, 50, label="clusters"), fill="count(pixel)")],
)
"""
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "my-detector"
version = "1.0"

[project.entry-points."dqmstream.workspaces"]
my_detector = "my_detector.dqm:workspace"

[tool.hatch.build.targets.wheel]
packages = ["my_detector"]
"""


def _run(arguments: list[str], folder: Path, paths: list[Path]) -> str:
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={
            "PYTHONPATH": ":".join(map(str, paths)),
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def _wheel(project: Path, folder: Path) -> Path:
    """The wheel of a project, unpacked."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)],
        cwd=project,
        check=True,
        capture_output=True,
    )
    unpacked = folder / "unpacked"
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(unpacked)
    return unpacked


def _demo(*more: str) -> list[str]:
    size = ["--lumisections", "2", "--rate", "50", "--seconds", "2"]
    ends = ["--speed", "0", "--exit", "--json", "--port", "0"]
    return ["-m", "services.cli", "demo", *size, *ends, *more]


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_the_wheel_holds_all_that_the_demo_needs(tmp_path: Path) -> None:
    """Page, quality tests, migrations: run from the wheel's files alone, elsewhere."""
    wheel = _wheel(ROOT, tmp_path / "wheel")
    for needed in (
        "services/gateway/page/index.html",
        "dqmstream/quality/default.toml",
        "dqmstream/glossary.md",
    ):
        assert (wheel / needed).is_file(), needed
    where = _run(["-c", "import services; print(services.__file__)"], tmp_path, [wheel])
    assert where.startswith(str(wheel))
    run = msgspec.json.decode(_run(_demo(), tmp_path, [wheel]))["runs"][0]
    assert run["selected"] == 200
    assert len(run["lumisections"]) == 2


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_a_workspace_of_another_package_is_found_and_filled(tmp_path: Path) -> None:
    """One small module and an entry point, as the README shows."""
    project = tmp_path / "project"
    (project / "my_detector").mkdir(parents=True)
    (project / "my_detector" / "__init__.py").write_text("")
    (project / "my_detector" / "dqm.py").write_text(PLUGIN)
    (project / "pyproject.toml").write_text(PROJECT)
    plugin = _wheel(project, tmp_path / "wheel")
    data = tmp_path / "data"
    output = _run(
        _demo("--workspaces", "my_detector", "--data", str(data)), tmp_path, [plugin, ROOT]
    )
    assert msgspec.json.decode(output)["runs"][0]["selected"] == 200
    code = (
        "from dqmstream.store.store import Store\n"
        f"store = Store('sqlite:///{data}/store.sqlite')\n"
        "(one,) = store.sets(1)\n"
        "window = store.element_window(one, 1, 'my_detector', 'MyDetector/pixels')\n"
        "print(int(window.contents.cells.sum()))\n"
    )
    assert _run(["-c", code], tmp_path, [plugin, ROOT]).strip() == "200"
