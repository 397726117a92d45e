"""The folder of an embedded log: who owns it, which log it is, which topics it holds.

::

    log.json                            identity and format
    owner                               locked by the process that owns the folder; its id
    topics/<topic>/topic.json           the TopicSpec, written last
    topics/<topic>/<partition>/*.log    segments
    commits/*.log                       what consumer groups committed
"""

import fcntl
import os
import uuid
from pathlib import Path
from typing import TypeVar

import msgspec

from dqmstream.errors import LogError, LogOwnedError
from dqmstream.transport.topic_spec import TopicSpec

__all__ = ["LogFolder", "sync_folder"]

_FORMAT = 1
_T = TypeVar("_T")


class _Marker(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    identity: str


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a loss of power."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class LogFolder:
    """A folder this process owns until `close`. Every call blocks.

    Parameters
    ----------
    path
        Made if it does not exist.
    identity
        Identity of the log if the folder is new; drawn at random if `None`.

    Attributes
    ----------
    identity
        Identity of the log in the folder.

    Raises
    ------
    LogOwnedError
        If another process, or another log of this one, owns it.
    LogError
        If it cannot be used, or was written in a format this release does not know.
    """

    def __init__(self, path: Path, identity: str | None = None) -> None:
        self._path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._owner = _owned(path)
        except OSError as error:
            msg = f"log folder {path} cannot be used: {error.strerror}"
            raise LogError(msg) from error
        try:
            self.identity = self._identity(identity)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the folder up."""
        os.close(self._owner)

    def _identity(self, identity: str | None) -> str:
        path = self._path / "log.json"
        if not path.exists():
            marker = _Marker(format=_FORMAT, identity=identity or uuid.uuid4().hex)
            _write_whole(path, marker)
        marker = _read(path, _Marker)
        if marker.format != _FORMAT:
            msg = f"{path}: format {marker.format}, this release reads format {_FORMAT}"
            raise LogError(msg)
        return marker.identity

    def topics(self) -> list[TopicSpec]:
        """The topics in the folder; one whose making was cut short is not among them."""
        return [_read(path, TopicSpec) for path in sorted(self._path.glob("topics/*/topic.json"))]

    def partition(self, topic: str, partition: int) -> Path:
        """Folder of one partition."""
        return self._path / "topics" / topic / str(partition)

    def commits(self) -> Path:
        """Folder of the partition that keeps what groups committed."""
        return self._path / "commits"

    def keep_topic(self, spec: TopicSpec) -> None:
        """Note a topic whose partitions have been made."""
        _write_whole(self._path / "topics" / spec.name / "topic.json", spec)
        sync_folder(self._path / "topics")
        sync_folder(self._path)


def _owned(path: Path) -> int:
    """File descriptor that holds the lock of the folder."""
    fd = os.open(path / "owner", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = os.read(fd, 32).decode(errors="replace").strip() or "unknown"
        os.close(fd)
        msg = f"log folder {path} is owned by process {pid}: stop it, or use another folder"
        raise LogOwnedError(msg) from error
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def _write_whole(path: Path, content: msgspec.Struct) -> None:
    """Write a file that is there whole, or not at all."""
    unfinished = path.with_suffix(".tmp")
    with unfinished.open("wb") as output:
        output.write(msgspec.json.encode(content) + b"\n")
        output.flush()
        os.fsync(output.fileno())
    unfinished.replace(path)
    sync_folder(path.parent)


def _read(path: Path, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        msg = f"{path} is damaged: {error}"
        raise LogError(msg) from error
