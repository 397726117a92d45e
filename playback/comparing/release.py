"""What is compared: a release that is to be run, or something that is made already.

Written as one word, in one of the `FORMS`. Reading it touches nothing. What `parquet` names is a
table of histograms, or the folder that `dqmstream store archive` made.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from dqmstream.errors import ConfigurationError

__all__ = [
    "FORMS",
    "Archive",
    "Configuration",
    "Directory",
    "Installed",
    "Interpreter",
    "Made",
    "Release",
    "Revision",
    "StoredRun",
    "Wheel",
    "parse_release",
]

FORMS: Final = (
    "installed",
    "wheel:FILE",
    "git:REVISION[@REPOSITORY]",
    "directory:PATH",
    "python:PATH",
    "configuration:FILE.toml",
    "run:N[@STORE]",
    "root:FILE",
    "parquet:FILE",
)
_REVISION: Final = re.compile(r"[0-9A-Za-z_./^~{}@][0-9A-Za-z_./^~{}@+-]*")
_PASSWORD: Final = re.compile(r"(?<=://)[^/@]*(?=@)")
_MOST_RUN: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Installed:
    """The release that this command belongs to."""

    def __str__(self) -> str:
        return "installed"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A release as a wheel, of dqmstream or of a package of workspaces."""

    file: Path

    def __str__(self) -> str:
        return f"wheel:{self.file}"


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit, tag or branch of a git repository, whose own files are not touched."""

    revision: str
    repository: Path

    def __str__(self) -> str:
        return f"git:{self.revision}@{self.repository}"


@dataclass(frozen=True, slots=True)
class Directory:
    """A checkout as it is now, of dqmstream or of a package of workspaces."""

    folder: Path

    def __str__(self) -> str:
        return f"directory:{self.folder}"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, or the folder of its environment, with a release and all it needs installed."""

    path: Path

    def __str__(self) -> str:
        return f"python:{self.path}"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The installed release with other workspaces, quality tests, alarm rules or references."""

    file: Path

    def __str__(self) -> str:
        return f"configuration:{self.file}"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as a store has it: a SQLite file, a folder of `--data`, or an address."""

    run: int
    store: str

    def __str__(self) -> str:
        """Without the password of an address."""
        store = _PASSWORD.sub("***", self.store)
        return f"run:{self.run}@{store}" if store else f"run:{self.run}"


@dataclass(frozen=True, slots=True)
class Archive:
    """Histograms in a ROOT file of DQM, in a Parquet table, or in the archive of a run."""

    format: str
    file: Path

    def __str__(self) -> str:
        return f"{self.format}:{self.file}"


Release: TypeAlias = Installed | Wheel | Revision | Directory | Interpreter | Configuration
"""What has to be run on the recording."""
Made: TypeAlias = StoredRun | Archive
"""What is there already, and needs no recording."""


def parse_release(text: str) -> Release | Made:
    """What a word names.

    Raises
    ------
    ConfigurationError
        Saying what came, and which forms there are.
    """
    if text == "installed":
        return Installed()
    form, colon, rest = text.partition(":")
    if not colon or not rest or form == "installed":
        raise _wrong(text, f"expected one of {', '.join(FORMS)}")
    match form:
        case "wheel":
            return Wheel(_file(text, rest, ".whl"))
        case "git":
            return _revision(text, rest)
        case "directory":
            return Directory(Path(rest))
        case "python":
            return Interpreter(Path(rest))
        case "configuration":
            return Configuration(_file(text, rest, ".toml"))
        case "run":
            return _stored_run(text, rest)
        case "root":
            return Archive(form, _file(text, rest, ".root"))
        case "parquet":
            return Archive(form, Path(rest))
    raise _wrong(text, f"{form!r} is none of {', '.join(FORMS)}")


def _file(text: str, name: str, suffix: str) -> Path:
    if not name.endswith(suffix) or Path(name).name == suffix:
        raise _wrong(text, f"expected a file whose name ends in {suffix}")
    return Path(name)


def _revision(text: str, rest: str) -> Revision:
    """The last `@` divides, unless it begins git's own `@{...}`."""
    revision, at, repository = rest.rpartition("@")
    if not at or repository.startswith("{"):
        revision, repository = rest, "."
    if not revision or not repository:
        raise _wrong(text, "expected git:REVISION or git:REVISION@REPOSITORY")
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise _wrong(text, f"{revision!r} is no single revision")
    return Revision(revision, Path(repository))


def _stored_run(text: str, rest: str) -> StoredRun:
    number, at, store = rest.partition("@")
    if not (number.isascii() and number.isdigit()) or not 1 <= int(number) <= _MOST_RUN:
        raise _wrong(text, f"run {number!r}: expected a number from 1 to {_MOST_RUN}")
    if at and not store:
        raise _wrong(text, "expected the store's file, folder or address behind the @")
    return StoredRun(int(number), store)


def _wrong(text: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"{text[:200]!r} names nothing that can be compared: {why}")
