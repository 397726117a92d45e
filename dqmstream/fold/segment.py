"""A segment of an LS on one partition while a filler holds it: contents and account."""

from dqmstream.fold.account import Ledger
from dqmstream.fold.effects import SegmentId
from dqmstream.histograms.contents import Contents

__all__ = ["Segment"]


class Segment:
    """One segment's contents and account, from the record that opened it.

    `start` is that record's offset, `since` its log time (nanoseconds since 1970) and `before` the
    control state before it. `through` is the offset after the record that closed it, None while
    open. `heard` is the log time of the newest chunk filled, 0 before the first.
    """

    def __init__(
        self,
        identity: SegmentId,
        start: int,
        before: bytes,
        workspaces: int,
        *,
        since: int = 0,
        expired: tuple[tuple[int, int], ...] = (),
    ) -> None:
        self.id = identity
        self.start = start
        self.since = since
        self.heard = 0
        self.before = before
        self.ledger = Ledger(expired)
        self.contents: list[Contents | None] = [None] * workspaces
        self.through: int | None = None
        self.changes = 0

    @property
    def closed(self) -> bool:
        return self.through is not None
