"""Installed plug-ins: real distributions in a folder of their own."""

import importlib
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

Installed = Callable[..., list[EntryPoint]]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    """Function of (distribution, module source, {workspace: entry point value}) that installs it.

    Gives the entry points of all that was installed so far.
    """
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(distribution: str, source: str, points: dict[str, str]) -> list[EntryPoint]:
        module = distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source)
        folder = tmp_path / f"{module}-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n"
        )
        lines = [f"{name} = {value}" for name, value in points.items()]
        (folder / "entry_points.txt").write_text("\n".join(["[dqmstream.workspaces]", *lines, ""]))
        importlib.invalidate_caches()
        return [
            point
            for found in distributions(path=[str(tmp_path)])
            for point in found.entry_points.select(group="dqmstream.workspaces")
        ]

    before = set(sys.modules)
    yield installed
    for module in set(sys.modules) - before:
        if Path(getattr(sys.modules[module], "__file__", None) or "").parent == tmp_path:
            del sys.modules[module]
