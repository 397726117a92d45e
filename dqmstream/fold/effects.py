"""What follows from one record of the fold."""

from typing import NamedTuple

from dqmstream.messages.events import LumisectionEnd

__all__ = ["Closed", "Effect", "Marked", "Opened", "RunEnded", "SegmentId"]


class SegmentId(NamedTuple):
    """A segment on this partition."""

    run: int
    lumisection: int
    segment: int


class Opened(NamedTuple):
    """A segment began with this record.

    `expired` are offset ranges that were lost unread and may have held chunks of its LS.
    """

    segment: SegmentId
    expired: tuple[tuple[int, int], ...] = ()


class Marked(NamedTuple):
    """A source's LumisectionEnd counts for this segment."""

    segment: SegmentId
    marker: LumisectionEnd


class Closed(NamedTuple):
    """A segment is closed: `why` and which awaited sources had not spoken."""

    segment: SegmentId
    why: str
    missing: tuple[str, ...]


class RunEnded(NamedTuple):
    """A run is over on this partition."""

    run: int


Effect = Opened | Marked | Closed | RunEnded
