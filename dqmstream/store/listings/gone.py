"""What is not there: removed by the retention policy, or expired before it was recorded."""

from sqlalchemy import Connection, select

from dqmstream.store.answers import Hole, Removed
from dqmstream.store.tables import HOLES, REMOVED

__all__ = ["holes", "removed"]


def removed(connection: Connection) -> tuple[Removed, ...]:
    """What the retention policy took, in the order it did."""
    return tuple(
        Removed(
            run=row.run,
            kept=row.kept,
            when=row.when,
            why=row.why,
            lumisections=row.lumisections,
            bytes=row.bytes,
        )
        for row in connection.execute(select(REMOVED).order_by(REMOVED.c.id))
    )


def holes(connection: Connection) -> tuple[Hole, ...]:
    """What expired before it was recorded, in the order it was noticed."""
    query = select(HOLES).order_by(HOLES.c.noticed, HOLES.c.topic, HOLES.c.partition)
    return tuple(
        Hole(
            topic=row.topic,
            partition=row.partition,
            first=row.first,
            next_offset=row.next_offset,
            noticed=row.noticed,
        )
        for row in connection.execute(query)
    )
