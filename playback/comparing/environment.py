"""What a release runs in: its own files in front of the packages that are installed here.

A wheel is unpacked, a revision checked out, once each, into a folder of the cache that is named by
its hash; a directory is taken as it stands. Dependencies are those of the Python that runs the
comparison: nothing is fetched. The entry points (workspaces, analyses, quality tests) are those of
the release, whatever is installed: beside a checkout a `dist-info` is written from its
`pyproject.toml`, which goes before the installed one of the same name.
"""

import hashlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash
from playback.comparing.identity import Identity
from playback.comparing.release import (
    Configuration,
    Directory,
    Installed,
    Release,
    Revision,
    Wheel,
)

__all__ = ["Environment", "environment_of"]

_SECONDS: Final = 120
_OWN: Final = "dqmstream"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where a release runs.

    Parameters
    ----------
    release
        What was asked for.
    path
        Folders in front of all installed packages.
    identity
        What the release says it is, from within.
    """

    release: Release
    path: tuple[Path, ...]
    identity: Identity

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables of a process of it."""
        return _variables(self.path)


def environment_of(release: Release, cache: Path) -> Environment:
    """A release made ready to run.

    Parameters
    ----------
    cache
        Folder in which environments are kept.

    Raises
    ------
    ConfigurationError
        If there is no such release, it cannot be made ready, or has nothing to run it by.
    """
    match release:
        case Installed() | Configuration():
            path: tuple[Path, ...] = ()
        case Wheel():
            path = (_unpacked(release, cache),)
        case Revision():
            path = _of_checkout(_checked_out(release, cache), cache, str(release))
        case Directory():
            path = _of_checkout(release.folder.resolve(), cache, str(release))
    return Environment(release=release, path=path, identity=_identity(release, path, cache))


def _unpacked(wheel: Wheel, cache: Path) -> Path:
    if not wheel.file.is_file():
        msg = f"{wheel}: no such file"
        raise ConfigurationError(msg)
    if importlib.util.find_spec("pip") is None:
        msg = f"{wheel}: {sys.executable} has no pip to unpack it with"
        raise ConfigurationError(msg)
    with wheel.file.open("rb") as file:
        name = hashlib.file_digest(file, "sha256").hexdigest()[:16]

    def make(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
        command += ["--disable-pip-version-check", "--no-compile", "--target", str(folder)]
        _run([*command, str(wheel.file.resolve())], str(wheel))

    return _made_once(cache / f"wheel-{name}", make)


def _checked_out(revision: Revision, cache: Path) -> Path:
    git = shutil.which("git")
    if git is None:
        msg = f"{revision}: there is no git here"
        raise ConfigurationError(msg)
    if not revision.repository.is_dir():
        msg = f"{revision}: no such folder: {revision.repository}"
        raise ConfigurationError(msg)
    base = [git, "-C", str(revision.repository)]
    wanted = f"{revision.revision}^{{commit}}"
    found = _run([*base, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted], "")
    commit = found.decode().strip()
    if not commit:
        msg = f"{revision}: {revision.repository} knows no revision {revision.revision!r}"
        raise ConfigurationError(msg)

    def make(folder: Path) -> None:
        archive = _run([*base, "archive", "--format=tar", commit], str(revision))
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            # As an attribute: Python 3.11.2, Debian's, does not know the argument yet.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(folder)  # noqa: S202 git refuses to make paths that lead elsewhere

    return _made_once(cache / f"git-{commit[:16]}", make)


def _of_checkout(folder: Path, cache: Path, name: str) -> tuple[Path, ...]:
    """Its own packages, and entry points as `pyproject.toml` has them."""
    project = _project(folder, name)
    packages = folder / "src" if (folder / "src").is_dir() else folder
    points: dict[str, dict[str, str]] = project.get("entry-points", {})
    if "entry-points" in project.get("dynamic", ()):
        msg = f"{name}: entry points are made when it is built: build a wheel, and name that"
        raise ConfigurationError(msg)
    text = "\n".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in points.items()
    )
    own = str(project["name"]).replace("-", "_")
    key = content_hash([own, text, str(folder)])

    def make(into: Path) -> None:
        about = into / f"{own}-0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n", encoding="utf-8"
        )
        (about / "entry_points.txt").write_text(text, encoding="utf-8")

    return (_made_once(cache / f"entry-points-{key}", make), packages)


def _project(folder: Path, name: str) -> dict[str, Any]:
    file = folder / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        if not isinstance(project, dict) or not isinstance(project["name"], str):
            raise KeyError(name)
    except OSError as error:
        msg = f"{name}: no package: {file}: {error.strerror}"
        raise ConfigurationError(msg) from error
    except (KeyError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{name}: {file} has no [project] with a name: {error}"
        raise ConfigurationError(msg) from error
    return project


def _made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, whole: made beside it and renamed, whoever is first."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        make(part / "made")
        (part / "made").rename(folder)
    except OSError:
        if not folder.is_dir():  # another process was first
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _identity(release: Release, path: tuple[Path, ...], cache: Path) -> Identity:
    command = [sys.executable, "-P", "-m", "playback.comparing.identity"]
    found = _finished(
        command,
        f"{release}",
        environment=_variables(path),
        folder=cache if cache.is_dir() else None,
    )
    said = found.stderr.decode(errors="replace").strip()
    if found.returncode:
        if "No module named" in said and "playback.comparing" in said:
            raise ConfigurationError(_without_runner(release))
        msg = f"{release}: does not start: {said.splitlines()[-1] if said else found.returncode}"
        raise ConfigurationError(msg)
    identity = msgspec.json.decode(found.stdout, type=Identity)
    brings = any((folder / _OWN).is_dir() for folder in path)
    for file in (identity.library, identity.runner) if brings else ():
        if not any(Path(file).is_relative_to(folder) for folder in path):
            raise ConfigurationError(_without_runner(release))
    return identity


def _without_runner(release: Release) -> str:
    return (
        f"{release}: this release has no playback.comparing.runner, it is older than comparing: "
        "name its stored run (run:N@STORE) or what it exported (root:FILE, parquet:FILE)"
    )


def _variables(path: tuple[Path, ...]) -> dict[str, str]:
    """One core each, nothing written beside sources, and no setting of this process but its own."""
    left_out = ("PYTHON", "DQMSTREAM_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return kept | {
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
        "ARROW_IO_THREADS": "1",
        "OMP_WAIT_POLICY": "passive",
    }


def _run(command: list[str], what: str) -> bytes:
    """Output of a command; with nothing to call it by its failure is an empty answer."""
    done = _finished(command, what)
    if done.returncode and what:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        msg = f"{what}: {said[-1] if said else done.returncode}"
        raise ConfigurationError(msg)
    return b"" if done.returncode else done.stdout


def _finished(
    command: list[str],
    what: str,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> "subprocess.CompletedProcess[bytes]":
    """A command that has ended; ConfigurationError if it does not in time."""
    try:
        return subprocess.run(  # noqa: S603 git, pip and our own interpreter, arguments of ours
            command,
            env=environment,
            cwd=folder,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"{what or command[0]}: {Path(command[0]).name} did not end within {_SECONDS} s"
        raise ConfigurationError(msg) from error
