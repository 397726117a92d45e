"""What a partition's folder holds after whatever happened to the process that wrote it."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dqmstream.transport.frame import BrokenFrameError
from dqmstream.transport.segment import Segment, intact_frame_after, mapped

__all__ = ["TornTail", "recover", "segments_in"]


class TornTail(msgspec.Struct, frozen=True, kw_only=True):
    """What was cut off a partition at start: the write that a dying process did not finish.

    `position` is the byte of the file it began at, `following` the offset given out next.
    """

    topic: str
    partition: int
    path: str
    position: int
    bytes_cut: int
    following: int


def segments_in(folder: Path) -> list[Segment]:
    """Segments of a partition in order; the last one is where new records go.

    Unfinished and superseded files of compaction are removed.

    Raises
    ------
    LogError
        If a file's name is not one of a segment.
    """
    for unfinished in folder.glob("*.tmp"):
        unfinished.unlink()
    found = [Segment.found(path) for path in folder.glob("*.log")]
    segments = list(_not_superseded(found))
    ends = {segment.path: end for segment, end in found}
    if not segments or not segments[-1].dense:
        base = ends[segments[-1].path] if segments else 0
        segments.append(Segment.empty(folder, base or 0))
        segments[-1].path.touch()
    return segments


def _not_superseded(found: list[tuple[Segment, int | None]]) -> Iterator[Segment]:
    """Of the files that cover the same offsets, the one that covers most; the others go."""
    covered = -1
    for segment, end in sorted(found, key=lambda pair: (pair[0].base, -(pair[1] or 0))):
        if segment.base < covered:
            segment.path.unlink()
        else:
            yield segment
            covered = end or segment.base


def recover(segment: Segment) -> tuple[int, int]:
    """Look through the segment written last, and cut a torn end off it.

    A process that dies while it writes leaves the beginning of what it wrote: a frame cut off by
    the end of the file. After a loss of power the end may hold anything. An intact frame behind a
    broken one means that acknowledged records are damaged, and nothing is cut.

    Returns
    -------
    tuple of (int, int)
        The next offset, and the bytes cut off.

    Raises
    ------
    LogError
        If acknowledged records are damaged: names the file and the byte.
    """
    fd = os.open(segment.path, os.O_RDWR)
    try:
        with mapped(fd) as view:
            try:
                return segment.survey(view, verify=True), 0
            except BrokenFrameError as error:
                if not error.torn and intact_frame_after(view, segment.size):
                    raise segment.damaged(error) from error
                cut = len(view) - segment.size
        os.ftruncate(fd, segment.size)
        with mapped(fd) as view:
            return segment.survey(view, verify=False), cut
    finally:
        os.close(fd)
