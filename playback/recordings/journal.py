"""What of a recording is done while it is made: one line for each LS that is on the disk.

After a crash recording goes on from here. A line that was cut short was not written: its LS is
recorded again.
"""

import fcntl
import os
from pathlib import Path
from typing import IO, Final, Self

import msgspec

from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.transport.folder import sync_folder
from playback.recordings.manifest import LumisectionEntry, SourceEntry

__all__ = ["JOURNAL", "Begun", "Journal", "RecordedLine", "SourceLine"]

JOURNAL: Final = "journal.jsonl"


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first line. `request` is the hash of all that decides what is recorded.

    `made` and `origin` are those of the manifest; `ends` are the offsets up to which each
    partition of a log is read.
    """

    schema: int
    request: str
    made: str
    origin: tuple[str, ...]
    ends: dict[int, int] = {}


class SourceLine(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A source as it announced itself, without LSs."""

    run: int
    source: SourceEntry


class RecordedLine(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An LS that is on the disk."""

    run: int
    source: str
    entry: LumisectionEntry


Line = Begun | SourceLine | RecordedLine
_DECODER: Final = msgspec.json.Decoder(Line)


class Journal:
    """The journal of a folder, held by one process until `close`.

    Raises
    ------
    ConfigurationError
        If another process records into the folder, or another recording was begun in it.
    SourceError
        With reason `bad_recording` if a line in its middle cannot be read.
    """

    def __init__(self, folder: Path, begun: Begun) -> None:
        self._path = folder / JOURNAL
        self._stream = _locked(self._path)
        try:
            self.lines = self._read(begun)
        except BaseException:
            self.close()
            raise

    @property
    def begun(self) -> Begun:
        """The first line: of an earlier life, if there was one."""
        first = self.lines[0]
        assert isinstance(first, Begun)  # noqa: S101 it was checked when it was read
        return first

    def append(self, line: Line) -> None:
        """Write a line; it is on the disk when this returns."""
        self._stream.write(msgspec.json.encode(line) + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self.lines.append(line)

    def close(self) -> None:
        """Let another process have it."""
        self._stream.close()

    def remove(self) -> None:
        """All of it is in the manifest."""
        self._path.unlink()
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, begun: Begun) -> list[Line]:
        raw = self._stream.read()
        whole = raw[: raw.rfind(b"\n") + 1]
        self._stream.truncate(len(whole))
        self._stream.seek(0, os.SEEK_END)
        lines: list[Line] = []
        for number, text in enumerate(whole.splitlines(), start=1):
            try:
                lines.append(_DECODER.decode(text))
            except msgspec.MsgspecError as error:
                detail = f"{self._path} line {number}: {error}"
                raise SourceError("bad_recording", detail) from error
        self.lines = lines
        if not lines:
            self.append(begun)
            sync_folder(self._path.parent)
            return self.lines
        first = lines[0]
        if not isinstance(first, Begun) or first.schema != begun.schema:
            detail = f"{self._path} line 1: expected the beginning of schema {begun.schema}"
            raise SourceError("bad_recording", detail)
        if first.request != begun.request:
            msg = (
                f"{self._path.parent} holds another recording that was not ended "
                f"({'; '.join(first.origin) or 'nothing is said of it'}): go on with the same "
                "sources and options, or use another folder"
            )
            raise ConfigurationError(msg)
        return lines


def _locked(path: Path) -> IO[bytes]:
    stream = path.open("a+b")
    stream.seek(0)
    try:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        msg = f"{path.parent}: another process is recording into it"
        raise ConfigurationError(msg) from error
    return stream
