"""Compaction of a partition: which records are still the newest of their key, and their copy.

Only whole closed files are read. A new file is complete and on the disk before it gets its name,
and its name says which files it supersedes; so a crash at any moment loses nothing and brings
nothing back. A file that is compacted again keeps its name: who reads files by name must be kept
away while it is given.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dqmstream.transport.frame import BrokenFrameError, Frame, frames
from dqmstream.transport.segment import Segment, mapped

__all__ = ["Replacement", "compact"]


@dataclass(frozen=True, slots=True)
class Replacement:
    """A file that holds what is left of some consecutive segments.

    Parameters
    ----------
    segment
        It, as it is once it has its name.
    unfinished
        Where it lies until then.
    of
        What it supersedes: maybe a file of the same name.
    """

    segment: Segment
    unfinished: Path
    of: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class _Survivors:
    """Offsets of the records to keep, and how many bytes of each segment they are."""

    offsets: frozenset[int]
    bytes_of: tuple[int, ...]


def compact(
    segments: Sequence[Segment],
    *,
    end: int,
    tombstones_from: int,
    segment_bytes: int,
    swap: Callable[[Replacement], None],
) -> None:
    """Keep of closed segments the newest record of every key.

    Memory: one entry per distinct key while it runs, and the pages of one file.

    Parameters
    ----------
    segments
        All closed segments of the partition, in order.
    end
        Offset after the last of them.
    tombstones_from
        Tombstones with an older timestamp (nanoseconds since 1970) go too.
    segment_bytes
        Neighbours are merged up to this size.
    swap
        Called for each new file, which is on the disk, to give it its name: oldest first, so that
        a tombstone never goes before what it buries.

    Raises
    ------
    LogError
        If a frame is damaged.
    OSError
        If a file cannot be written; what was swapped before stays valid.
    """
    survivors = _survivors(segments, tombstones_from)
    ends = [segment.base for segment in segments[1:]] + [end]
    for group in _groups(segments, survivors, segment_bytes):
        of = tuple(segments[index] for index in group)
        new = _rewrite(of, ends[group[-1]], survivors.offsets)
        try:
            swap(new)
        except OSError:
            new.unfinished.unlink(missing_ok=True)
            raise


def _survivors(segments: Sequence[Segment], tombstones_from: int) -> _Survivors:
    newest: dict[bytes | None, tuple[int, Frame]] = {}
    for number, segment in enumerate(segments):
        with _frames(segment) as (view, all_frames):
            for frame in all_frames:
                newest[frame.key(view)] = (number, frame)
    bytes_of, offsets = [0] * len(segments), set()
    for number, frame in newest.values():
        if not frame.tombstone or frame.timestamp >= tombstones_from:
            bytes_of[number] += frame.length
            offsets.add(frame.offset)
    return _Survivors(frozenset(offsets), tuple(bytes_of))


def _groups(
    segments: Sequence[Segment], survivors: _Survivors, segment_bytes: int
) -> Iterator[list[int]]:
    """Consecutive segments to write as one file; none for a file that would stay as it is."""
    group: list[int] = []
    total = 0
    for number, left in enumerate(survivors.bytes_of):
        if group and total + left > segment_bytes:
            yield from _worth_writing(group, segments, survivors)
            group, total = [], 0
        group.append(number)
        total += left
    yield from _worth_writing(group, segments, survivors)


def _worth_writing(
    group: list[int], segments: Sequence[Segment], survivors: _Survivors
) -> Iterator[list[int]]:
    alone = len(group) == 1 and not segments[group[0]].dense
    if group and not (alone and segments[group[0]].size == survivors.bytes_of[group[0]]):
        yield group


def _rewrite(of: tuple[Segment, ...], end: int, offsets: frozenset[int]) -> Replacement:
    base = of[0].base
    path = of[0].path.with_name(f"{base:020d}-{end:020d}.log")
    unfinished = path.with_suffix(".tmp")
    try:
        with unfinished.open("wb") as output:
            for segment in of:
                _copy(segment, offsets, output.write)
            output.flush()
            os.fsync(output.fileno())
            size = output.tell()
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    return Replacement(Segment(path, base, dense=False, size=size), unfinished, of)


def _copy(segment: Segment, offsets: frozenset[int], write: Callable[[memoryview], int]) -> None:
    with _frames(segment) as (view, all_frames):
        for frame in all_frames:
            if frame.offset in offsets:
                write(view[frame.position : frame.end])


@contextmanager
def _frames(segment: Segment) -> Iterator[tuple[memoryview, Iterator[Frame]]]:
    """The segment's file and its frames, checked."""
    fd = os.open(segment.path, os.O_RDONLY)
    try:
        with mapped(fd) as view:
            yield view, frames(view, verify=True)
    except BrokenFrameError as error:
        raise segment.damaged(error) from error
    finally:
        os.close(fd)
