"""The file that the newest records of a partition are written to."""

import os
from pathlib import Path

from dqmstream.errors import LogUnavailableError
from dqmstream.transport.folder import sync_folder

__all__ = ["AppendFile"]

_BUFFERS = os.sysconf("SC_IOV_MAX")


class AppendFile:
    """A file that only grows by whole writes.

    Parameters
    ----------
    path
        Made if it does not exist.
    size
        Bytes it holds.
    fsync
        Whether every write waits for the disk.

    Raises
    ------
    LogUnavailableError
        If it cannot be opened.
    """

    def __init__(self, path: Path, size: int, *, fsync: bool) -> None:
        self._path = path
        self._size = size
        self._fsync = fsync
        self._failed: OSError | None = None
        try:
            self._fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
            if fsync:
                sync_folder(path.parent)
        except OSError as error:
            raise self._refused(error) from error

    def close(self) -> None:
        os.close(self._fd)

    def write(self, buffers: list[bytes]) -> None:
        """Append all buffers, or nothing.

        Raises
        ------
        LogUnavailableError
            If the system refused, for example on a full disk. What was written is cut off again;
            if that fails, or the disk failed to sync, nothing more is taken until the log is
            opened anew.
        """
        if self._failed:
            raise self._refused(self._failed)
        try:
            size = sum(_append(self._fd, part) for part in _parts(buffers))
            if self._fsync:
                os.fdatasync(self._fd)
        except OSError as error:
            self._cut_back(error)
            raise self._refused(error) from error
        self._size += size

    def _cut_back(self, error: OSError) -> None:
        if self._fsync:  # pages the disk refused count as clean from now on: syncing again lies
            self._failed = error
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self._failed = error

    def _refused(self, error: OSError) -> LogUnavailableError:
        return LogUnavailableError(f"{self._path} cannot be written: {error.strerror}")


def _parts(buffers: list[bytes]) -> list[list[bytes]]:
    """Buffers in pieces that one call takes."""
    return [buffers[at : at + _BUFFERS] for at in range(0, len(buffers), _BUFFERS)]


def _append(fd: int, buffers: list[bytes]) -> int:
    """Write buffers in one call, or in more if the system takes only some; returns the bytes."""
    size = sum(map(len, buffers))
    written = os.writev(fd, buffers)
    if written < size:
        rest = memoryview(b"".join(buffers))[written:]
        while rest:
            rest = rest[os.write(fd, rest) :]
    return size
