"""One run of the watched folders."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from dqmstream.sources.cms.watching.order import StreamOrder
from dqmstream.sources.cms.watching.sighting import FolderView
from dqmstream.sources.cms.watching.source import WatchedSource

__all__ = ["WatchedRun"]


@dataclass(slots=True)
class WatchedRun:
    """What the folders of a run hold, and what is sent of it.

    Parameters
    ----------
    folder
        The first that was seen of it; it may be gone.
    joined
        It was there when watching began.
    since, heard
        When it was first seen, and when its folders last changed (monotonic seconds).
    views, orders, sources
        Names by folder; what decides, and what sends, by stream.
    going
        Streams that are being sent.
    ended
        Nothing more is expected.
    """

    folder: Path
    joined: bool
    since: float
    views: dict[Path, FolderView] = field(default_factory=dict)
    orders: dict[str, StreamOrder] = field(default_factory=dict)
    sources: dict[str, WatchedSource] = field(default_factory=dict)
    going: set[str] = field(default_factory=set)
    ended: bool = False
    heard: float = 0.0

    def counts(self) -> Counter[str]:
        """What became of its files that are not read, and of LSs without one."""
        orders = self.orders.values()
        return Counter(
            given_up=sum(source.given_up for source in self.sources.values()),
            skipped_files=sum(order.skipped for order in orders),
            repeated_files=sum(order.repeated for order in orders),
            files_beyond=sum(order.beyond for order in orders),
        )
