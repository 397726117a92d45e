"""The cache of comparisons: environments, results, references and compiled kernels, within bounds.

Whoever compares holds the cache; what is in it is removed only while nobody does: first what was
left half made by who was killed, then what was used longest ago. Blocks.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

__all__ = ["MOST_BYTES", "MOST_RESULTS", "Cache", "Entry", "made_once", "note_use"]

MOST_BYTES: Final = 5 << 30
MOST_RESULTS: Final = 200
_KINDS: Final = ("results", "environments", "references", "kernels")
_BLOCK: Final = 512


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One result, environment, catalogue or folder of kernels; `used` in seconds since 1970."""

    kind: str
    path: Path
    size: int
    used: float


class Cache:
    """A folder.

    Parameters
    ----------
    folder
        Need not be there.
    most_bytes, most_results
        How much is left in it by `tidy`.
    """

    def __init__(
        self, folder: Path, *, most_bytes: int = MOST_BYTES, most_results: int = MOST_RESULTS
    ) -> None:
        self.folder = folder
        self._most_bytes, self._most_results = most_bytes, most_results

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is removed meanwhile. It is tidied before and after, if nobody else holds it."""
        self.tidy()
        try:
            with self._lock() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH)
                yield
        finally:
            self.tidy()

    def entries(self) -> list[Entry]:
        """All that is whole, what was used last first."""
        found = [
            Entry(kind=kind, path=path, size=_size(path), used=_used(path))
            for kind in _KINDS
            for path in self._paths(kind)
            if not _half_made(kind, path)
        ]
        return sorted(found, key=lambda one: (-one.used, one.path))

    def tidy(self) -> bool:
        """Remove what was left half made, and what is too much; False if somebody holds it."""
        with self._alone() as alone:
            if alone:
                self._remove_half_made()
                self._remove_beyond()
            return alone

    def clear(self) -> bool:
        """Remove everything; False, and nothing is removed, if somebody holds it."""
        with self._alone() as alone:
            for kind in _KINDS if alone else ():
                _remove(self.folder / kind)
            if alone:
                self._remove_half_made()
            return alone

    def _remove_half_made(self) -> None:
        for path in self.folder.glob("made-*"):
            _remove(path)
        for kind in _KINDS:
            for path in self._paths(kind):
                if _half_made(kind, path):
                    _remove(path)
        for lock in (self.folder / "results").glob("*.lock"):
            if not lock.with_suffix("").is_dir():
                _remove(lock)

    def _remove_beyond(self) -> None:
        size = results = 0
        for one in self.entries():
            size += one.size
            results += one.kind == "results"
            if size > self._most_bytes or (one.kind == "results" and results > self._most_results):
                size -= one.size
                _remove(one.path)
                _remove(one.path.with_suffix(".lock"))

    def _paths(self, kind: str) -> list[Path]:
        folder = self.folder / kind
        if not folder.is_dir():
            return []
        return [path for path in sorted(folder.iterdir()) if path.suffix != ".lock"]

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        if not self.folder.is_dir():
            yield True
            return
        with self._lock() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    @contextmanager
    def _lock(self) -> Iterator[IO[str]]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "held").open("a") as lock:
            yield lock


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """An entry, whole: made in a folder beside it, which is renamed, whoever is first."""
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


def note_use(*paths: Path) -> None:
    """These entries are used now, and so go last."""
    for path in paths:
        with suppress(OSError):
            os.utime(path)


def _half_made(kind: str, path: Path) -> bool:
    if kind == "results":
        return not (path / "ended.json").is_file()
    return path.name.startswith(".")  # as `made_once` makes it


def _used(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _size(path: Path) -> int:
    """Bytes that it takes on the disk."""
    found = 0
    for one in (path, *path.rglob("*")):
        with suppress(OSError):
            found += one.lstat().st_blocks * _BLOCK
    return found


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
