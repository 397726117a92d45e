"""What the store answers with: values that own their memory and know nothing of SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from dqmstream.errors import WindowError
from dqmstream.fold.merged_account import MergedAccount
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.histograms import ScalarValue
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome

__all__ = [
    "NOW",
    "AsOf",
    "ElementTrend",
    "Hole",
    "Lumisection",
    "OutcomeCounts",
    "Page",
    "Removed",
    "Run",
    "Window",
]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """Some of what was asked for; `after`, if not None, asks for the next page."""

    items: tuple[T, ...]
    after: tuple[Any, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AsOf:
    """A moment in the past, as of which to answer; without either it is now.

    Contents count if they were known then. An LS whose contents have been replaced since was known
    then with others, which are gone: it does not count, and the answer names it in `replaced`.

    Parameters
    ----------
    time_ns
        Wall clock, nanoseconds since 1970. Contents are known from the moment their newest set was
        published; what no filler stamped was known at no time.
    offset
        Of the workspace's partition of `dqm.histograms`: as a reader stood that had read all
        records below it.

    Raises
    ------
    WindowError
        If both are given.
    """

    time_ns: int | None = None
    offset: int | None = None

    def __post_init__(self) -> None:
        if self.time_ns is not None and self.offset is not None:
            msg = f"as of time {self.time_ns} and offset {self.offset}: expected one of them"
            raise WindowError(msg)

    @property
    def is_now(self) -> bool:
        """Whether everything that is stored counts."""
        return self.time_ns is None and self.offset is None


NOW: Final = AsOf()
"""Everything that is stored counts."""


class Window(NamedTuple):
    """Sum over the stored LSs of a window, and which those are (rising).

    `replaced` are LSs that were known as of the moment asked for, with contents that are gone.
    """

    contents: Contents
    lumisections: tuple[int, ...]
    replaced: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ElementTrend:
    """One element LS by LS.

    `lumisections` is int64[n], rising; `cells` int64[n, element.size], the element's cells in
    each; `scalars` and `invalid` map an LS to its value, or to why the element was not filled.
    `replaced` are LSs that were known as of the moment asked for, with contents that are gone.
    """

    element: ElementLayout
    lumisections: NDArray[np.int64]
    cells: NDArray[np.int64]
    scalars: Mapping[int, ScalarValue]
    invalid: Mapping[int, str]
    replaced: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run as far as it is stored.

    `first_lumisection` and `last_lumisection` are stored ones. `started` and `updated` are wall
    clocks, nanoseconds since 1970, 0 if unknown: the earliest that a source or filler stamped, and
    that of its newest closed set. `sources` says of each source whether it is `expected`,
    `started` or `ended`; `ended` once all are, or fillers closed the run, or a later run is there
    in the same set. `marks` are those of all its sources, words of
    `dqmstream.messages.events.MARKS`: what about the data is not as a detector took it. `summed`
    when the retention policy has left its sum, and no LS by itself.
    """

    run: int
    run_type: str
    fill: int | None
    first_lumisection: int | None
    last_lumisection: int | None
    started: int
    updated: int
    sources: Mapping[str, str]
    ended: bool
    marks: tuple[str, ...] = ()
    summed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Lumisection:
    """The account of one LS of one set, all workspaces alike.

    `closed` when every partition's segment 0 is, `complete` when besides every chunk that any
    source announced is in, `whole` when no input had expired before it was read; what came late
    is in `late_account` and nowhere else. `changed` if it was asked for as of a moment since when
    contents or account have changed: what is said here is the newest.
    """

    set: str
    run: int
    lumisection: int
    closed: bool
    complete: bool
    whole: bool
    late_segments: int
    published: int
    account: MergedAccount
    late_account: MergedAccount
    conditions: Conditions | None
    changed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeCounts:
    """How many reports of one workspace and LS had which outcome."""

    set: str
    run: int
    lumisection: int
    workspace: str
    scope: str
    complete: bool
    counts: Mapping[Outcome, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Removed:
    """What the retention policy took of a run, and when (nanoseconds since 1970): `kept` is what it
    left; `bytes` is the packed size, `lumisections` how many had contents of their own."""

    run: int
    kept: str
    when: int
    why: str
    lumisections: int
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Hole:
    """Offsets [first, next_offset) of a partition that expired before they were recorded.

    `noticed` is the recorder's wall clock, nanoseconds since 1970.
    """

    topic: str
    partition: int
    first: int
    next_offset: int
    noticed: int
