"""The tables of the store. Types are portable: SQLite by default, PostgreSQL by URL.

Contents of histograms lie in two places, and a lumisection (LS) is in one of them or in both:

- `blocks`, the tail: one row per LS with the cells of all elements, as they were merged;
- `chunks` and `chunk_elements`: `chunk_length` LSs turned on their side, one row per element, so
  that one element over a whole run is a few rows.

A block is newer than what a chunk says of the same LS, so replacing an old LS is writing a block.
Compaction folds blocks into chunks and deletes them in the same transaction (`compaction`).

Messages that are kept whole (`body`) have the `schema` they were written with beside them, and
are read by the wire codec, which brings older ones up.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "ACCOUNTS",
    "ACTIVATIONS",
    "BLOCKS",
    "BOOKINGS",
    "CHUNKS",
    "CHUNK_ELEMENTS",
    "CONDITIONS",
    "HOLES",
    "LOG",
    "LUMISECTIONS",
    "MERGED",
    "METADATA",
    "PIECES",
    "POSITIONS",
    "REMOVED",
    "REPORTS",
    "RUNS",
    "SERIES",
    "TALLIES",
    "TOTALS",
]

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _key(name: str, of: type[String | BigInteger | Integer]) -> Column[object]:
    return Column(name, of, primary_key=True, autoincrement=False)


def _known() -> tuple[Column[int], ...]:
    """When and at which offset of `dqm.histograms` it became known; NULL: nobody can say."""
    names = ("known_time", "known_offset", "first_time", "first_offset")
    return tuple(Column(name, BigInteger) for name in names)


def _of_series() -> Column[int]:
    return Column("series", Integer, ForeignKey("series.id"), primary_key=True, autoincrement=False)


LOG: Final = Table("log", METADATA, _key("identity", String))
"""One row: the log this is a projection of."""

POSITIONS: Final = Table(
    "positions",
    METADATA,
    _key("topic", String),
    _key("partition", Integer),
    Column("next_offset", BigInteger, nullable=False),
)
"""Where to go on reading: everything below is in this store, or was refused with a reason."""

HOLES: Final = Table(
    "holes",
    METADATA,
    _key("topic", String),
    _key("partition", Integer),
    _key("first", BigInteger),
    Column("next_offset", BigInteger, nullable=False),
    Column("noticed", BigInteger, nullable=False),
)
"""Offsets [first, next_offset) that had expired before they were read here."""

BOOKINGS: Final = Table(
    "bookings",
    METADATA,
    _key("hash", String),
    Column("workspace", String, nullable=False),
    Column("schema", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

ACTIVATIONS: Final = Table(
    "activations",
    METADATA,
    _key("from_run", BigInteger),
    _key("when", BigInteger),
    _key("set", String),
    Column("schema", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

RUNS: Final = Table(
    "runs",
    METADATA,
    _key("run", BigInteger),
    Column("run_type", String, nullable=False),
    Column("fill", BigInteger),
    Column("first_lumisection", Integer),
    Column("last_lumisection", Integer),
    Column("started", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("sources", Text, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("marks", Text),
)
"""`sources` says of each source whether it is expected, started or ended; `marks` are those of all
of them (JSON)."""

SERIES: Final = Table(
    "series",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("set", String, nullable=False),
    Column("run", BigInteger, nullable=False),
    Column("workspace", String, nullable=False),
    Column("booking", String, ForeignKey("bookings.hash"), nullable=False),
    Column("partitions", Integer, nullable=False),
    Column("chunk_length", Integer, nullable=False),
    Column("summed", BigInteger),
    UniqueConstraint("set", "run", "workspace"),
    Index(None, "run"),
    Index(None, "set", "workspace", "booking"),
)
"""One workspace of one set over one run: one booking, one number of partitions. `summed` is when
its LSs were replaced by their sum (wall clock, nanoseconds since 1970), NULL while they are kept.
"""

TOTALS: Final = Table(
    "totals",
    METADATA,
    _of_series(),
    _key("late", Integer),
    Column("lumisections", LargeBinary, nullable=False),
    Column("cells", LargeBinary, nullable=False),
    Column("beside", LargeBinary),
)
"""The sum of a summed series, and that of what came late (`late` is 1): of which LSs (little-endian
int32[n], rising), block of int64[cells], scalars and invalid elements as in `merged`."""

REMOVED: Final = Table(
    "removed",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run", BigInteger, nullable=False),
    Column("kept", String, nullable=False),
    Column("when", BigInteger, nullable=False),
    Column("why", String, nullable=False),
    Column("lumisections", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Index(None, "run"),
)
"""What the retention policy took: of which run, whether its sum or nothing was `kept`, when (wall
clock, nanoseconds since 1970) and why, how many LSs of contents and how many bytes it was."""

MERGED: Final = Table(
    "merged",
    METADATA,
    _of_series(),
    _key("lumisection", Integer),
    Column("versions", Text, nullable=False),
    Column("beside", LargeBinary),
    *_known(),
)
"""Each stored LS of a series: versions [whole, epoch, through] per partition it was summed from
(JSON); scalars and invalid elements (MessagePack; NULL when there are none). `first_...` is when
the LS was first known, with contents that may have been replaced since."""

BLOCKS: Final = Table(
    "blocks",
    METADATA,
    _of_series(),
    _key("lumisection", Integer),
    Column("cells", LargeBinary, nullable=False),
)

CHUNKS: Final = Table(
    "chunks",
    METADATA,
    _of_series(),
    _key("first", Integer),
    Column("lumisections", LargeBinary, nullable=False),
    Column("total", LargeBinary, nullable=False),
)
"""LSs from `first` to before `first + chunk_length` that are in (block of int64[n]), and the sum
of all their cells (block of int64[cells])."""

CHUNK_ELEMENTS: Final = Table(
    "chunk_elements",
    METADATA,
    _of_series(),
    _key("element", Integer),
    _key("first", Integer),
    Column("cells", LargeBinary, nullable=False),
)
"""Block of int64[size of the element, n]: the LSs of one cell lie side by side."""

PIECES: Final = Table(
    "pieces",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("series", Integer, ForeignKey("series.id"), nullable=False),
    Column("lumisection", Integer, nullable=False),
    Column("segment", Integer, nullable=False),
    Column("schema", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    *_known(),
    Index(None, "series", "lumisection"),
)
"""HistogramSets that are not in `merged` alone: partitions and parts whose companions are still
awaited, partitions of recent LSs (a newer epoch of one needs the others), all late segments. Of a
set that replaced another one, the piece that made it whole has in `first_...` when its place was
first filled."""

ACCOUNTS: Final = Table(
    "accounts",
    METADATA,
    _key("set", String),
    _key("run", BigInteger),
    _key("lumisection", Integer),
    _key("segment", Integer),
    _key("partition", Integer),
    Column("schema", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""The newest closed HistogramSet of each partition and segment, without contents: its account is
that of all workspaces."""

LUMISECTIONS: Final = Table(
    "lumisections",
    METADATA,
    _key("set", String),
    _key("run", BigInteger),
    _key("lumisection", Integer),
    Column("closed", Boolean, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("late_segments", Integer, nullable=False),
    Column("published", BigInteger, nullable=False),
    Column("account", Text, nullable=False),
    Column("late_account", Text, nullable=False),
)
"""What `accounts` of an LS say together (MergedAccount as JSON)."""

CONDITIONS: Final = Table(
    "conditions",
    METADATA,
    _key("run", BigInteger),
    _key("lumisection", Integer),
    Column("schema", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

REPORTS: Final = Table(
    "reports",
    METADATA,
    _key("run", BigInteger),
    _key("lumisection", Integer),
    _key("workspace", String),
    _key("scope", String),
    _key("set", String),
    Column("complete", Boolean, nullable=False),
    Column("outcomes", Text, nullable=False),
    Column("schema", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""QualityReports of one workspace and LS; `outcomes` counts reports by outcome (JSON)."""

TALLIES: Final = Table(
    "tallies",
    METADATA,
    _key("run", BigInteger),
    _key("set", String),
    _key("workspace", String),
    _key("name", String),
    Column("count", BigInteger, nullable=False),
    Index(None, "name", "run"),
)
"""What a run comes to, counted from `reports`, `lumisections` and `conditions`: see `tallies`."""
