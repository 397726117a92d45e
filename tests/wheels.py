"""Tiny distributions for tests: wheels written by hand, and environments over this one."""

import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["environment_over_this", "write_wheel"]


def write_wheel(
    folder: Path,
    name: str,
    version: str,
    files: Mapping[str, str | bytes],
    *,
    requires: Sequence[str] = (),
    python: str = "",
    points: str = "",
) -> Path:
    """A wheel of some modules; `points` is what its `entry_points.txt` says."""
    folder.mkdir(parents=True, exist_ok=True)
    own = name.replace("-", "_")
    about = f"{own}-{version}.dist-info"
    metadata = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    if python:
        metadata.append(f"Requires-Python: {python}")
    written = {
        **files,
        f"{about}/METADATA": "\n".join(["Metadata-Version: 2.1", *metadata, ""]),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": points,
    }
    record = "".join(f"{one},,\n" for one in [*written, f"{about}/RECORD"])
    path = folder / f"{own}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for one, text in {**written, f"{about}/RECORD": record}.items():
            archive.writestr(one, text)
    return path


def environment_over_this(folder: Path, *wheels: Path) -> Path:
    """A venv with what is unpacked from these wheels, and behind it all that is installed here."""
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)
    below = sysconfig.get_path("purelib")
    (packages / "_below.pth").write_text(f"import site; site.addsitedir({below!r})\n")
    return folder
