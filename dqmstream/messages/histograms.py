"""HistogramSet: the whole contents of one workspace for one (run, LS, segment, partition)."""

from typing import ClassVar, Final, NamedTuple

from dqmstream.messages.struct import Message, Value

__all__ = [
    "NO_SOURCE_HAS",
    "Account",
    "HistogramKey",
    "HistogramSet",
    "Refusal",
    "ScalarValue",
    "SourceAccount",
]

NO_SOURCE_HAS: Final = "no source of this run has "
"""How the reason begins why an element is invalid that needs what the run's sources do not send."""


class HistogramKey(NamedTuple):
    """What a HistogramSet replaces: readers keep the newest for each key."""

    set: str
    run: int
    lumisection: int
    segment: int
    workspace: str
    partition: int


class SourceAccount(Value, frozen=True, kw_only=True):
    """What one incarnation of a source brought to one segment of one partition.

    `chunks` is a bit mask (little-endian bytes, bit i of byte i/8 is chunk number i) of the chunks
    filled here. `marker` is the number of chunks its LumisectionEnd announced, None before.
    `seen`, `selected` and `dropped` are sums of the chunk headers; `notes` from the marker.
    """

    source: str
    incarnation: str
    rereadable: bool
    chunks: bytes = b""
    marker: int | None = None
    seen: int = 0
    selected: int = 0
    dropped: int = 0
    notes: dict[str, int] = {}


class Refusal(Value, frozen=True, kw_only=True):
    """A chunk in the log that was not filled, and why; it stands on the dead topic in whole."""

    reason: str
    offset: int
    source: str = ""
    incarnation: str = ""
    number: int = -1
    events: int = 0


class Account(Value, frozen=True, kw_only=True):
    """Every chunk of one segment by name. A chunk is in exactly one account, or refused."""

    sources: tuple[SourceAccount, ...] = ()
    refused: tuple[Refusal, ...] = ()
    missing: tuple[str, ...] = ()
    """Sources that were awaited and had not spoken when the segment closed."""
    duplicates: int = 0
    closed_by: str = ""
    """Why it closed: `markers`, `timeout`, `too_many_open`, `run_close`, `hole`; `imported` if it
    was filled elsewhere; empty while open."""
    expired: tuple[tuple[int, int], ...] = ()
    """Offsets [first, following) that expired unread and may have held chunks of this LS."""


class ScalarValue(Value, frozen=True, kw_only=True):
    """The value of a scalar or text element, and the chunk it came from (for `last`)."""

    value: int | float | str
    source: str = ""
    number: int = -1


class HistogramSet(Message, frozen=True, kw_only=True, tag=True):
    """Whole contents at `through`; replaces what readers hold for its key.

    `cells` is zstd over little-endian int64[n_cells] in the order of the booking's layout
    (`dqmstream.histograms.layout`); when `parts` > 1 it is the `part`-th slice of those compressed
    bytes, and counts only when all are there. `scalars` maps element index to value. `invalid`
    names elements whose filling failed in this segment, with the reason. It is `whole` if nothing
    of the LS can have expired before it was read.
    """

    version: ClassVar[int] = 2

    set: str
    run: int
    lumisection: int
    segment: int
    workspace: str
    partition: int
    partitions: int
    booking: str
    through: int
    epoch: int
    closed: bool
    whole: bool
    writer: str
    account: Account
    cells: bytes
    scalars: dict[int, ScalarValue] = {}
    invalid: dict[int, str] = {}
    part: int = 0
    parts: int = 1
    published: int = 0
    """Wall clock of the filler, nanoseconds since 1970; display and latency only."""
    heard: int = 0
    """Log time of the newest chunk in it, nanoseconds since 1970; display and latency only."""

    @property
    def key(self) -> HistogramKey:
        return HistogramKey(
            self.set, self.run, self.lumisection, self.segment, self.workspace, self.partition
        )

    @property
    def order(self) -> tuple[bool, bool, int, int]:
        """Which of two sets of one key is newer: (closed, whole, epoch, through)."""
        return (self.closed, self.whole, self.epoch, self.through)
