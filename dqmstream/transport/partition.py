"""One partition in a folder: segments, appended to at the end, read anywhere, shortened in front.

One thread appends and rolls, another expires and compacts, any number read. The lock guards the
list of segments and what of the newest one is published; records are read and written outside it.
"""

import os
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import attrgetter
from pathlib import Path

from dqmstream.errors import LogError, OffsetExpiredError
from dqmstream.transport.append_file import AppendFile
from dqmstream.transport.compaction import Replacement, compact
from dqmstream.transport.folder import sync_folder
from dqmstream.transport.frame import encode
from dqmstream.transport.log import Outgoing, Record
from dqmstream.transport.recovery import TornTail, recover, segments_in
from dqmstream.transport.segment import Segment
from dqmstream.transport.storage import Fetched

__all__ = ["DiskPartition"]


class DiskPartition:
    """A partition kept in a folder that this process owns.

    Parameters
    ----------
    folder
        Made if it does not exist.
    segment_bytes
        Size at which a new file is begun.
    fsync
        Whether every append waits for the disk, and so survives a loss of power.

    Attributes
    ----------
    torn
        What had to be cut off when it was opened, if anything.

    Raises
    ------
    LogError
        If acknowledged records at its end are damaged: names the file and the byte.
    """

    def __init__(
        self, folder: Path, topic: str, partition: int, *, segment_bytes: int, fsync: bool = False
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        *self._closed, self._active = segments_in(folder)
        self._end, cut = recover(self._active)
        self.torn = self._torn(topic, partition, cut) if cut else None
        self._folder = folder
        self._where = topic, partition
        self._segment_bytes = segment_bytes
        self._fsync = fsync
        self._lock = threading.Lock()
        self._file = AppendFile(self._active.path, self._active.size, fsync=fsync)

    def _torn(self, topic: str, partition: int, cut: int) -> TornTail:
        return TornTail(
            topic=topic,
            partition=partition,
            path=str(self._active.path),
            position=self._active.size,
            bytes_cut=cut,
            following=self._end,
        )

    @property
    def start(self) -> int:
        """First offset kept; on a compacted partition the record itself may be gone."""
        return next(iter(self._closed), self._active).base

    @property
    def end(self) -> int:
        """Offset of the next record."""
        return self._end

    @property
    def size(self) -> int:
        """Bytes of all its files, roughly while it is written."""
        return sum(segment.size for segment in self._closed) + self._active.size

    @property
    def uncompacted_bytes(self) -> int:
        """Bytes written since the last compaction, roughly."""
        return sum(segment.size for segment in self._closed if segment.dense) + self._active.size

    def close(self) -> None:
        """Close the file being written; reads that run go on to their end."""
        self._file.close()

    # Appending: the writing thread

    def append(self, messages: Sequence[Outgoing], timestamp: int) -> list[Record]:
        """Write messages as the next records, stamped `timestamp` (nanoseconds since 1970).

        Raises
        ------
        LogError
            If the system refused to write, for example on a full disk. Files written to the end
            before stay; the piece that failed is cut off again.
        """
        records = [
            Record(*self._where, offset, timestamp, m.key, m.value, m.headers)
            for offset, m in enumerate(messages, self._end)
        ]
        written = 0
        while written < len(records):
            if self._active.size >= self._segment_bytes:
                self.roll()
            written += self._append_some(records, written)
        return records

    def _append_some(self, records: list[Record], begin: int) -> int:
        """Write from the `begin`th record on until the segment is full; returns how many."""
        position = self._active.size
        buffers: list[bytes] = []
        positions: list[int] = []
        for record in islice(records, begin, None):
            if position >= self._segment_bytes:
                break
            head, value = encode(record)
            buffers.append(head)
            if value:
                buffers.append(value)
            positions.append(position)
            position += len(head) + len(value)
        self._file.write(buffers)
        with self._lock:
            for record, at in zip(islice(records, begin, None), positions, strict=False):
                self._active.index.note(record.offset, at)
            self._active.newest = max(self._active.newest, records[begin].timestamp)
            self._active.size = position
            self._end += len(positions)
        return len(positions)

    def roll(self) -> None:
        """Begin a new file, unless the newest is empty.

        Raises
        ------
        LogError
            If it cannot be made; the newest file is then still in use.
        """
        if self._active.size == 0:
            return
        fresh = Segment.empty(self._folder, self._end)
        file = AppendFile(fresh.path, 0, fsync=self._fsync)
        with self._lock:
            self._closed.append(self._active)
            self._active = fresh
        self._file.close()
        self._file = file

    # Reading: any thread

    def read(self, offset: int, max_records: int, max_bytes: int) -> Fetched:
        """Records from `offset` on: at least one if there is any, then within both limits.

        Raises
        ------
        OffsetExpiredError
            If `offset` is below `start`.
        LogError
            If a record is damaged: names the file and the byte.
        """
        while offset < self._end:
            with self._refusing("read"):
                fd, segment, size, following = self._open_at(offset)
                try:
                    size = segment.look_through(fd, size, following)
                    limits = max_records, max_bytes
                    records, behind = segment.read(fd, size, self._where, offset, limits)
                finally:
                    os.close(fd)
            if records:
                return Fetched(records, records[-1].offset + 1)
            offset = following if behind is None else behind
        return Fetched([], offset)

    def _open_at(self, offset: int) -> tuple[int, Segment, int, int]:
        """File that holds `offset`, what of it is published, and the offset after that."""
        with self._lock:
            if offset < self.start:
                raise OffsetExpiredError(*self._where, offset, self.start)
            segment, following = self._active, self._end
            if offset < self._active.base:
                behind = bisect_right(self._closed, offset, key=attrgetter("base"))
                segment = self._closed[behind - 1]
                following = next(islice(self._closed, behind, None), self._active).base
            fd = os.open(segment.path, os.O_RDONLY)
            return fd, segment, segment.size, following

    # Maintenance: one thread at a time

    def expire(self, horizon: int | None, keep_bytes: int | None) -> None:
        """Delete closed files from the front.

        Parameters
        ----------
        horizon
            Files whose newest record is older (nanoseconds since 1970) go.
        keep_bytes
            Files go as long as what remains is at least this large.
        """
        while self._closed:
            oldest = self._closed[0]
            too_large = keep_bytes is not None and self.size - oldest.size >= keep_bytes
            if not too_large and not (horizon is not None and self._newest(oldest) < horizon):
                return
            with self._refusing("shortened"), self._lock:
                oldest.path.unlink()
                self._closed.pop(0)

    def expired(self, horizon: int) -> bool:
        """Whether the newest record of all is older than `horizon`, and there is any."""
        return self._active.size > 0 and self._active.newest < horizon

    def _newest(self, segment: Segment) -> int:
        if not segment.surveyed:
            with self._refusing("read"):
                fd, _, size, following = self._open_at(segment.base)
                try:
                    segment.look_through(fd, size, following)
                finally:
                    os.close(fd)
        return segment.newest

    def compact(self, tombstones_from: int) -> None:
        """Keep of the closed files the newest record of each key.

        Parameters
        ----------
        tombstones_from
            Tombstones with an older timestamp (nanoseconds since 1970) go with their key.

        Raises
        ------
        LogError
            If a record is damaged or a new file cannot be written; nothing is lost.
        """
        with self._lock:
            closed, end = tuple(self._closed), self._active.base
        with self._refusing("compacted"):
            compact(
                closed,
                end=end,
                tombstones_from=tombstones_from,
                segment_bytes=self._segment_bytes,
                swap=self._swap,
            )

    def _swap(self, new: Replacement) -> None:
        # The name may be that of a file it supersedes: nobody may open the one as the other.
        with self._lock:
            new.unfinished.replace(new.segment.path)
            at = self._closed.index(new.of[0])
            self._closed[at : at + len(new.of)] = [new.segment]
        sync_folder(self._folder)
        for segment in new.of:
            if segment.path != new.segment.path:
                segment.path.unlink()

    @contextmanager
    def _refusing(self, done: str) -> Iterator[None]:
        """Say which partition the system would not let us work on."""
        try:
            yield
        except OSError as error:
            msg = f"{self._folder} cannot be {done}: {error.strerror}"
            raise LogError(msg) from error
