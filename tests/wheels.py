"""Distributions for tests: tiny wheels written by hand, environments over this one, and another
release of dqmstream in one."""

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import distribution
from pathlib import Path

__all__ = ["another_release", "environment_over_this", "write_wheel"]

_ROOT = Path(__file__).parents[1]


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


def another_release(folder: Path, version: str, added: Mapping[str, str]) -> Path:
    """Python of a venv with a release made from this checkout.

    What is compiled of its kernels is copied with them, times of files and all: nothing is
    compiled anew.

    Parameters
    ----------
    added
        Text of files that this release has not.
    """
    points = distribution("dqmstream").read_text("entry_points.txt") or ""
    about = write_wheel(folder / "about", "dqmstream", version, {}, points=points)
    environment = environment_over_this(folder / "environment", about)
    (packages,) = environment.glob("lib/python*/site-packages")
    for package in ("dqmstream", "services", "playback"):
        shutil.copytree(_ROOT / package, packages / package)
    init = packages / "dqmstream" / "__init__.py"
    init.write_text(f'{init.read_text()}\n__version__ = "{version}"\n')
    for name, text in added.items():
        (packages / name).write_text(text)
    return environment / "bin" / "python"
