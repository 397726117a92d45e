"""What a release runs in: a Python, and folders in front of the packages that are installed there.

Most releases run in the Python of this command, their own files in front of what is installed; if
that does not meet their requirements they are refused, or these are installed, where that was asked
for, in an environment of its own. Or a release is installed in another Python, and nothing of ours
is on its path. Entry points (workspaces, analyses, quality tests) are those of the release.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash
from playback.comparing import distributions
from playback.comparing.dependencies import InstalledDistribution, RanIn
from playback.comparing.identity import Identity
from playback.comparing.installation import installation
from playback.comparing.programs import finished, last_words, variables
from playback.comparing.release import Configuration, Installed, Interpreter, Release
from playback.comparing.requirements import Needs, Unmet, unmet
from playback.comparing.unpacked import unpacked

__all__ = ["Environment", "environment_of"]

_OWN: Final = "dqmstream"
_ASKED: Final = "playback.comparing.identity"
_HINT: Final = (
    "--install installs that in an environment of its own, python:PATH names one that has it"
)
_NOT_KNOWN: Final = "its requirements are made when it is built, and were not checked"
_COMPILES: Final = ("numba", "llvmlite", "numpy")
"""Distributions whose versions are in what is compiled."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where a release runs.

    Parameters
    ----------
    release
        What was asked for.
    path
        Folders in front of all installed packages.
    python
        Its interpreter.
    identity
        What the release says it is, from within.
    ran_in
        What is installed there.
    """

    release: Release
    path: tuple[Path, ...]
    python: Path
    identity: Identity
    ran_in: RanIn

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables of a process of it."""
        return variables(self.path)

    @cached_property
    def hash(self) -> str:
        """Of its code, of its Python and of the versions of all that is installed there."""
        ran_in = self.ran_in
        return content_hash([self.identity.hash, ran_in.python, ran_in.distributions])

    @cached_property
    def compiling(self) -> str:
        """Hash of what compiled kernels depend on beside their sources."""
        held = self.ran_in.distributions
        return content_hash([self.ran_in.python, [held.get(name, "") for name in _COMPILES]])


class _Probed(msgspec.Struct, frozen=True):
    """What `distributions` prints."""

    python: str
    distributions: dict[str, InstalledDistribution]


def environment_of(
    release: Release, cache: Path, *, install: bool = False, named: Sequence[str] = ()
) -> Environment:
    """A release made ready to run.

    Parameters
    ----------
    cache
        Folder in which environments are kept.
    install
        Whether what it needs and is not there is installed, in an environment of its own.
    named
        Packages that bring something to be tried without an entry point: a configuration names it.

    Raises
    ------
    ConfigurationError
        If there is no such release, it cannot be made ready, needs what is not installed, has
        nothing to run it by, or brings nothing that is tried.
    """
    name = str(release)
    cache = cache.absolute()  # no process of it runs here
    path: tuple[Path, ...] = ()
    needs = Needs()
    python = Path(sys.executable)
    match release:
        case Installed() | Configuration():
            pass
        case Interpreter():
            python = _interpreter(release)
        case _:
            files = unpacked(release, cache)
            path, needs = files.path, files.needs
            _check_python(needs, name)
    found = _probed(python, path, name)
    if lacking := unmet(needs, found.distributions):
        if not install:
            raise _not_met(name, lacking, _HINT)
        here = _probed(python, (), name).distributions
        python = installation(needs, here, cache, name)
        found = _probed(python, path, name)
        if lacking := unmet(needs, found.distributions):
            raise _not_met(name, lacking, "pip installed what it was asked for")
    notes = () if needs.known else (_NOT_KNOWN,)
    return Environment(
        release=release,
        path=path,
        python=python,
        identity=_identity(release, python, path, found, named),
        ran_in=RanIn.of(found.python, found.distributions, notes),
    )


def _interpreter(release: Interpreter) -> Path:
    """Not resolved: behind the link of a venv is the Python it was made of, without the venv."""
    path = release.path.absolute()
    if not path.exists():
        msg = f"{release}: no such file or folder"
        raise ConfigurationError(msg)
    if path.is_dir():
        path = path / "bin" / "python"
        if not path.exists():
            msg = f"{release}: no environment of Python: it has no bin/python"
            raise ConfigurationError(msg)
    return path


def _check_python(needs: Needs, name: str) -> None:
    here = ".".join(map(str, sys.version_info[:3]))
    if not needs.python.contains(here, prereleases=True):
        msg = (
            f"{name}: needs Python {needs.python}, this is {here}: install it in such a one, "
            "and name that by python:PATH"
        )
        raise ConfigurationError(msg)


def _not_met(name: str, lacking: Sequence[Unmet], more: str) -> ConfigurationError:
    listed = ", ".join(map(str, lacking))
    return ConfigurationError(f"{name}: needs what is not here: {listed}; {more}")


def _probed(python: Path, path: tuple[Path, ...], name: str) -> _Probed:
    command = [str(python), "-P", str(Path(distributions.__file__).resolve())]
    done = finished(command, name, environment=variables(path), folder=Path("/"))
    if done.returncode:
        old = b"Unknown option: -P" in done.stderr
        why = "it is older than 3.11" if old else last_words(done, 1)
        msg = f"{name}: {python} is no Python that a release runs in: {why}"
        raise ConfigurationError(msg)
    try:
        return msgspec.json.decode(done.stdout, type=_Probed)
    except msgspec.MsgspecError as error:
        msg = f"{name}: {python} is no Python: it prints {done.stdout[:60]!r}"
        raise ConfigurationError(msg) from error


def _identity(
    release: Release,
    python: Path,
    path: tuple[Path, ...],
    found: _Probed,
    named: Sequence[str],
) -> Identity:
    done = finished(
        [str(python), "-P", "-m", _ASKED, *named],
        str(release),
        environment=variables(path),
        folder=Path("/"),
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        if "No module named" in said and "playback.comparing" in said:
            there = _OWN in found.distributions or path
            raise ConfigurationError(_without_runner(release) if there else _without_ours(release))
        msg = f"{release}: does not start: {last_words(done, 1)}"
        raise ConfigurationError(msg)
    identity = msgspec.json.decode(done.stdout, type=Identity)
    brings = any((folder / _OWN).is_dir() for folder in path)
    for file in (identity.library, identity.runner) if brings else ():
        if not _is_of(file, path):
            raise ConfigurationError(_without_runner(release))
    if path and not any(_is_of(place, path) for place in identity.places or (identity.library,)):
        raise ConfigurationError(_without_anything(release))
    return identity


def _is_of(file: str, path: tuple[Path, ...]) -> bool:
    """The file is resolved; the cache may be behind a link, as homes are."""
    return any(Path(file).is_relative_to(folder.resolve()) for folder in path)


def _without_ours(release: Release) -> str:
    return f"{release}: no dqmstream is installed there: install the release with what it needs"


def _without_anything(release: Release) -> str:
    return (
        f"{release}: nothing of it would be tried: it has no dqmstream, and neither entry points "
        f"({', '.join(sorted(distributions.GROUPS))}) nor `workspaces` of a configuration name a "
        "package of it"
    )


def _without_runner(release: Release) -> str:
    return (
        f"{release}: this release has no playback.comparing.runner, it is older than comparing: "
        "name its stored run (run:N@STORE) or what it exported (root:FILE, parquet:FILE)"
    )
