"""The files of a release, to be put in front of what is installed, and what they need.

A wheel is unpacked, a revision checked out, once each, into a folder of the cache that is named by
its hash; a directory is taken as it stands. Beside a checkout a `dist-info` with the entry points
of its `pyproject.toml` is written, which goes before the installed one of the same name.
"""

import hashlib
import io
import shutil
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash
from playback.comparing.cache import made_once
from playback.comparing.distributions import CHECKOUT
from playback.comparing.programs import finished, last_words, output, pip
from playback.comparing.release import Directory, Revision, Wheel
from playback.comparing.requirements import Needs, needs_of_project, needs_of_wheel

__all__ = ["Unpacked", "unpacked"]


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """Folders in front of all installed packages, and what these need."""

    path: tuple[Path, ...]
    needs: Needs


def unpacked(release: Wheel | Revision | Directory, cache: Path) -> Unpacked:
    """The files of a release.

    Raises
    ------
    ConfigurationError
        If there is no such release, or it cannot be unpacked.
    """
    match release:
        case Wheel():
            return _of_wheel(release, cache)
        case Revision():
            return _of_checkout(_checked_out(release, cache), cache, str(release))
        case Directory():
            return _of_checkout(release.folder.resolve(), cache, str(release))


def _of_wheel(wheel: Wheel, cache: Path) -> Unpacked:
    name = str(wheel)
    if not wheel.file.is_file():
        msg = f"{name}: no such file"
        raise ConfigurationError(msg)
    needs = needs_of_wheel(wheel.file, name)
    with wheel.file.open("rb") as file:
        key = hashlib.file_digest(file, "sha256").hexdigest()[:16]

    def make(folder: Path) -> None:
        # Whether this Python will do is asked, and said, by us.
        options = ["--no-deps", "--no-index", "--no-compile", "--ignore-requires-python"]
        arguments = ["install", *options, "--target", str(folder), str(wheel.file.resolve())]
        done = pip(arguments, name, use="unpack it")
        if done.returncode:
            msg = f"{name}: {last_words(done, 1)}"
            raise ConfigurationError(msg)

    return Unpacked(path=(made_once(cache / f"wheel-{key}", make),), needs=needs)


def _checked_out(revision: Revision, cache: Path) -> Path:
    git, name = shutil.which("git"), str(revision)
    if git is None:
        msg = f"{name}: there is no git here"
        raise ConfigurationError(msg)
    if not revision.repository.is_dir():
        msg = f"{name}: no such folder: {revision.repository}"
        raise ConfigurationError(msg)
    base = [git, "-C", str(revision.repository)]
    wanted = f"{revision.revision}^{{commit}}"
    found = finished([*base, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted], name)
    commit = found.stdout.decode().strip()
    if found.returncode or not commit:
        msg = f"{name}: {revision.repository} knows no revision {revision.revision!r}"
        raise ConfigurationError(msg)

    def make(folder: Path) -> None:
        archive = output([*base, "archive", "--format=tar", commit], name)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            # As an attribute: Python 3.11.2, Debian's, does not know the argument yet.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(folder)  # noqa: S202 git refuses to make paths that lead elsewhere

    return made_once(cache / f"git-{commit[:16]}", make)


def _of_checkout(folder: Path, cache: Path, name: str) -> Unpacked:
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
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n"
    files = {"METADATA": metadata, "INSTALLER": CHECKOUT, "entry_points.txt": text}

    def make(into: Path) -> None:
        about = into / f"{own}-0.dist-info"
        about.mkdir(parents=True)
        for file, written in files.items():
            (about / file).write_text(written, encoding="utf-8")

    points_of = made_once(cache / f"entry-points-{content_hash([own, files, str(folder)])}", make)
    return Unpacked(path=(points_of, packages), needs=needs_of_project(project, name))


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
