"""Which releases can go on with a store while, and after, another one has brought its schema up.

Each migration says what releases of the schema before it can still do. The store itself keeps what
follows for all of them, for a release does not know the migrations of those that come after it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import Column, Connection, MetaData, String, Table, delete, inspect, select

__all__ = ["TABLE", "Fit", "Migration", "Older", "fit_of", "note", "noted", "strictest"]


class Older(StrEnum):
    """What releases of the schema before a migration can do with a store after it."""

    RECORD = "record"
    """All: what they record, compact, prune and read is right."""
    READ = "read"
    """Read what is there; but what they record would lack something."""
    NOTHING = "nothing"
    """They would fail, or show what is wrong."""


class Migration(NamedTuple):
    """A schema, and what releases of the one before it can do with it."""

    revision: str
    older: Older


class Fit(NamedTuple):
    """The oldest schemas whose releases can read a store, and record into it."""

    read: str
    record: str


TABLE: Final = Table(
    "releases",
    MetaData(),
    Column("read", String, nullable=False),
    Column("record", String, nullable=False),
)
"""One row. It is beside the schema, as Alembic's own table is: older releases look into it."""


def fit_of(migrations: Sequence[Migration]) -> Fit:
    """Which releases fit a schema, by all migrations up to it, the oldest first.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not migrations:
        msg = "no schema is before the first migration"
        raise ValueError(msg)
    newest = migrations[-1].revision
    read = record = newest
    may_read = may_record = True
    for before, after in zip(migrations[-2::-1], migrations[::-1], strict=False):
        may_read &= after.older is not Older.NOTHING
        may_record &= after.older is Older.RECORD
        read = before.revision if may_read else read
        record = before.revision if may_record else record
    return Fit(read, record)


def strictest(migrations: Sequence[Migration]) -> Older:
    """What releases from before all of these can do after them."""
    order = list(Older)
    return max((one.older for one in migrations), key=order.index, default=Older.RECORD)


def note(connection: Connection, fit: Fit | None) -> None:
    """Write down who fits; None for a store without a schema."""
    TABLE.create(connection, checkfirst=True)
    connection.execute(delete(TABLE))
    if fit is not None:
        connection.execute(TABLE.insert(), fit._asdict())


def noted(connection: Connection) -> Fit | None:
    """Who fits, as was written down; None if nobody has."""
    if not inspect(connection).has_table(TABLE.name):
        return None
    row = connection.execute(select(TABLE)).one_or_none()
    return None if row is None else Fit(row.read, row.record)
