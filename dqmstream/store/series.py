"""A series, the contents of one workspace of one set over one run: what names and dates them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, select

from dqmstream.messages.histograms import HistogramSet, ScalarValue
from dqmstream.store.tables import MERGED, SERIES

__all__ = [
    "Beside",
    "MergedAt",
    "Moment",
    "Selection",
    "Series",
    "Version",
    "find_series",
    "merged_at",
    "merged_versions",
    "series_of",
]

_MAX_LUMISECTION: Final = 2**31 - 1


class Version(NamedTuple):
    """Which of two closed sets of one key is newer, as `HistogramSet.order` has it."""

    whole: bool
    epoch: int
    through: int

    @classmethod
    def of(cls, piece: HistogramSet) -> "Version":
        """The version of a closed set."""
        return cls(piece.whole, piece.epoch, piece.through)


class Beside(NamedTuple):
    """What a workspace has beside its cells: scalars, and elements that were not filled."""

    scalars: dict[int, ScalarValue]
    invalid: dict[int, str]

    def encode(self) -> bytes | None:
        """MessagePack; None when there is nothing."""
        return msgspec.msgpack.encode(self) if self.scalars or self.invalid else None

    @classmethod
    def decode(cls, packed: bytes | None) -> "Beside":
        """What `encode` packed."""
        return cls({}, {}) if packed is None else _BESIDE.decode(packed)


_BESIDE: Final = msgspec.msgpack.Decoder(Beside)
_VERSIONS: Final = msgspec.json.Decoder(tuple[Version, ...])
_MERGED_AT: Final = select(MERGED.c.versions, MERGED.c.first_time, MERGED.c.first_offset).where(
    MERGED.c.series == bindparam("of_series"), MERGED.c.lumisection == bindparam("of_lumisection")
)


@dataclass(frozen=True, slots=True)
class Series:
    """A row of the table `series`."""

    id: int
    set: str
    run: int
    workspace: str
    booking: str
    partitions: int
    chunk_length: int
    summed: int | None = None

    def chunk(self, lumisection: int) -> int:
        """First LS of the chunk that `lumisection` belongs to."""
        return lumisection - lumisection % self.chunk_length


def find_series(connection: Connection, set: str, run: int, workspace: str) -> Series | None:
    """The series of that name, None if nothing of it is stored."""
    c = SERIES.c
    query = select(SERIES).where(c.set == set, c.run == run, c.workspace == workspace)
    row = connection.execute(query).first()
    return None if row is None else series_of(row)


def series_of(row: Any) -> Series:
    """The series in a row that has all columns of the table, and perhaps others."""
    return Series(**{name: getattr(row, name) for name in Series.__slots__})


def merged_versions(
    connection: Connection, series: Series, lumisection: int
) -> tuple[Version, ...] | None:
    """Per partition, the version that the stored contents of an LS were summed from."""
    held = merged_at(connection, series, lumisection)
    return None if held is None else held.versions


class Moment(NamedTuple):
    """When something became known: `time` in nanoseconds since 1970, `offset` of its record in
    `dqm.histograms`; None where nobody can say."""

    time: int | None
    offset: int | None

    @classmethod
    def of(cls, published: int, offset: int | None) -> "Moment":
        """The moment of contents whose newest set was published then, at that record."""
        return cls(published or None, offset)

    def columns(self, name: Literal["known", "first"]) -> dict[str, int | None]:
        """As the columns of a table."""
        return {f"{name}_time": self.time, f"{name}_offset": self.offset}


class MergedAt(NamedTuple):
    """What stored contents of an LS were summed from, and when there first were any."""

    versions: tuple[Version, ...]
    first: Moment


def merged_at(connection: Connection, series: Series, lumisection: int) -> MergedAt | None:
    """What is said of the stored contents of an LS, None if there are none."""
    place = {"of_series": series.id, "of_lumisection": lumisection}
    row = connection.execute(_MERGED_AT, place).first()
    if row is None:
        return None
    return MergedAt(_VERSIONS.decode(row.versions), Moment(row.first_time, row.first_offset))


class Selection(NamedTuple):
    """Which LSs are asked for: those from `first` to `last`, only `members` if given."""

    first: int
    last: int
    members: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, lumisections: Iterable[int] | None) -> "Selection":
        """All for None; a range stays a range."""
        if lumisections is None:
            return cls(0, _MAX_LUMISECTION)
        if isinstance(lumisections, range) and lumisections.step == 1:
            return cls(lumisections.start, lumisections.stop - 1)
        members = np.unique(np.fromiter(lumisections, np.int64))
        if not members.size:
            return cls(1, 0)
        return cls(int(members[0]), int(members[-1]), members)

    def chosen(self, lumisections: Sequence[int]) -> list[int]:
        """Those of `lumisections` that are asked for."""
        asked = self.mask(np.array(lumisections, np.int64))
        return [n for n, is_asked in zip(lumisections, asked, strict=True) if is_asked]

    def mask(self, lumisections: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of `lumisections` are asked for: bool[n]."""
        inside = (lumisections >= self.first) & (lumisections <= self.last)
        return inside if self.members is None else inside & np.isin(lumisections, self.members)
