"""One file of consecutive records of a partition, and where to look in it.

A segment is named by the offset it begins at: `<base>.log`. One that compaction made is named
`<base>-<end>.log`, and holds all that is left of the offsets base..end-1: files inside that range
are superseded, whatever became of the process that should have deleted them.
"""

import mmap
import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from dqmstream.errors import LogError
from dqmstream.transport.frame import MAGIC, BrokenFrameError, decode, frames
from dqmstream.transport.record import Record, TopicPartition

__all__ = ["INDEX_BYTES", "Segment", "SparseIndex", "intact_frame_after", "mapped"]

INDEX_BYTES = 64 * 1024


class SparseIndex:
    """Positions of some frames of a file: one every `INDEX_BYTES`, 16 bytes each.

    Appended by one thread while others look up; what is beyond the size they know is clipped.
    """

    __slots__ = ("_offsets", "_positions")

    def __init__(self) -> None:
        self._offsets = array("Q")
        self._positions = array("Q")

    def __len__(self) -> int:
        return len(self._positions)

    def note(self, offset: int, position: int) -> None:
        """Tell of a frame; kept if the last one kept lies far enough back."""
        if not self._positions or position - self._positions[-1] >= INDEX_BYTES:
            self._positions.append(position)
            self._offsets.append(offset)

    def span(
        self, offset: int, max_records: int, max_bytes: int, size: int
    ) -> tuple[int, int, int | None]:
        """Bytes of the file to read for `max_records` records from `offset` on.

        Returns
        -------
        tuple of (int, int, int or None)
            Begin and end, both frame boundaries, and the offset of the frame at the end (`None`
            at `size`). The span begins at or before the frame wanted (at most `INDEX_BYTES` and a
            frame before) and covers one step of the index, or more up to `max_bytes`.
        """
        count = len(self._offsets)  # the positions may be one ahead: they are appended first
        at = max(bisect_right(self._offsets, offset, 0, count) - 1, 0)
        begin = self._positions[at] if count else 0
        stop = bisect_left(self._offsets, offset + max_records, at, count)
        if begin + max_bytes < size:
            stop = min(stop, bisect_right(self._positions, begin + max_bytes, at, count) - 1)
        stop = max(stop, at + 1)
        if stop < count and self._positions[stop] < size:
            return begin, self._positions[stop], self._offsets[stop]
        return begin, size, None


@dataclass(slots=True)
class Segment:
    """A file of records with growing offsets from `base` on.

    Parameters
    ----------
    dense
        Whether no offset is missing; compaction leaves gaps.
    size
        Bytes of whole frames.
    newest
        Timestamp of the newest record, 0 if there is none.
    index, surveyed
        The index is filled, and `newest` known, once the file was looked through.
    """

    path: Path
    base: int
    dense: bool = True
    size: int = 0
    newest: int = 0
    index: SparseIndex = field(default_factory=SparseIndex, repr=False)
    surveyed: bool = False

    @classmethod
    def empty(cls, folder: Path, base: int) -> Self:
        """The segment that new records from `base` on go to; the file is not made yet."""
        return cls(folder / f"{base:020d}.log", base, surveyed=True)

    @classmethod
    def found(cls, path: Path) -> tuple[Self, int | None]:
        """A segment of an existing file, and the end its name tells if compaction made it."""
        base, _, end = path.stem.partition("-")
        try:
            segment = cls(path, int(base), dense=not end, size=path.stat().st_size)
            return segment, int(end) if end else None
        except ValueError as error:
            msg = f"{path} is not a segment of a log: expected <base>.log or <base>-<end>.log"
            raise LogError(msg) from error

    def survey(self, view: memoryview, *, verify: bool) -> int:
        """Look through the file: sets index, newest and size; returns the next offset.

        Raises
        ------
        BrokenFrameError
            At the first frame that is broken or out of order; what comes before it is noted.
        """
        index, newest, size, following = SparseIndex(), 0, 0, self.base
        try:
            for frame in frames(view, verify=verify):
                if frame.offset < following or (self.dense and frame.offset != following):
                    reason = f"frame has offset {frame.offset} instead of {following}"
                    raise BrokenFrameError(frame.position, reason)
                index.note(frame.offset, frame.position)
                newest, size = max(newest, frame.timestamp), frame.end
                following = frame.offset + 1
        finally:
            self.newest, self.size, self.index = newest, size, index
        self.surveyed = True
        return following

    def look_through(self, fd: int, size: int, following: int) -> int:
        """Survey a file before its first use.

        Parameters
        ----------
        size
            Bytes of it that are published.
        following
            Offset at which the next file begins.

        Returns
        -------
        int
            Bytes of it to read.

        Raises
        ------
        LogError
            If it is damaged or does not reach to the next file.
        """
        if self.surveyed:
            return size
        try:
            with mapped(fd) as view:
                end = self.survey(view, verify=False)
        except BrokenFrameError as error:
            raise self.damaged(error) from error
        if self.dense and end != following:
            msg = f"{self.path} is damaged: ends at offset {end}, the next file is at {following}"
            raise LogError(msg)
        return self.size

    def read(
        self, fd: int, size: int, where: TopicPartition, offset: int, limits: tuple[int, int]
    ) -> tuple[list[Record], int | None]:
        """Records of one stretch of the file, from `offset` on.

        Parameters
        ----------
        fd, size
            The open file, and how many bytes of it are published.
        where
            Topic and partition, for the records.
        limits
            Greatest number of records, and of bytes of keys and values unless one is larger.

        Returns
        -------
        tuple of (list of Record, int or None)
            There may be none; then the offset to look at next, `None` at the end of the file.

        Raises
        ------
        LogError
            If a record is damaged: names the file and the byte.
        """
        begin, stop, behind = self.index.span(offset, *limits, size)
        view = memoryview(os.pread(fd, stop - begin, begin))
        max_records, room = limits
        records: list[Record] = []
        position = 0
        try:
            while position < len(view) and len(records) < max_records:
                record, position = decode(view, position, *where)
                if record.offset < offset:
                    continue
                room -= record.size()
                if records and room < 0:
                    break
                records.append(record)
        except BrokenFrameError as error:
            raise self.damaged(error, begin) from error
        return records, behind

    def damaged(self, error: BrokenFrameError, begin: int = 0) -> LogError:
        """The error to raise for a broken frame, found in what was read from byte `begin` on."""
        return LogError(f"{self.path} is damaged: {error.reason} at byte {begin + error.position}")


@contextmanager
def mapped(fd: int) -> Iterator[memoryview]:
    """The whole file as memory: only the pages looked at are read."""
    if os.fstat(fd).st_size == 0:  # an empty file cannot be mapped
        yield memoryview(b"")
        return
    with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as pages, memoryview(pages) as view:
        yield view


def intact_frame_after(view: memoryview, position: int) -> bool:
    """Whether an intact frame begins anywhere after `position`."""
    content = bytes(view[position:])
    found = content.find(MAGIC, 1)
    while found >= 0 and not _intact(view, position + found):
        found = content.find(MAGIC, found + 1)
    return found >= 0


def _intact(view: memoryview, position: int) -> bool:
    try:
        next(frames(view, position, verify=True))
    except BrokenFrameError:
        return False
    return True
