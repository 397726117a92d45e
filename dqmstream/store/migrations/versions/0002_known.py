"""When contents became known, and what data of a run are marked with.

Of what was stored before, only bounds are left: it was known at the latest when its newest set was
published, and before the offset the store stood at when it was brought up.
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
older_releases: str = "read"
"""What they record would be known at no time."""

_KNOWN = ("known_time", "known_offset", "first_time", "first_offset")
_STAMP = """
UPDATE {table} SET
  known_time = ({published}), first_time = {first_published},
  known_offset = ({stood}), first_offset = {first_stood}
"""
_PUBLISHED = """
SELECT lumisections.published FROM lumisections
JOIN series ON series."set" = lumisections."set" AND series.run = lumisections.run
WHERE series.id = {table}.series AND lumisections.lumisection = {table}.lumisection
"""
_STOOD = "SELECT max(next_offset) - 1 FROM positions WHERE topic = 'dqm.histograms'"


def upgrade() -> None:
    op.add_column("runs", sa.Column("marks", sa.Text(), nullable=True))
    for table in ("merged", "pieces"):
        for name in _KNOWN:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=True))
    for table, has_first in (("merged", True), ("pieces", False)):
        published = _PUBLISHED.format(table=table)
        stamp = _STAMP.format(
            table=table,
            published=published,
            stood=_STOOD,
            first_published=f"({published})" if has_first else "NULL",
            first_stood=f"({_STOOD})" if has_first else "NULL",
        )
        op.execute(sa.text(stamp))


def lost(connection: sa.Connection) -> Iterator[str]:
    """What the schema before cannot hold."""
    marked = "SELECT count(*) FROM runs WHERE marks IS NOT NULL AND marks NOT IN ('', '[]')"
    if runs := connection.scalar(sa.text(marked)):
        yield f"the marks of {runs} runs"
    known = "SELECT count(*) FROM merged WHERE known_offset IS NOT NULL"
    if contents := connection.scalar(sa.text(known)):
        yield f"when {contents} contents of LSs became known: only bounds of it are left"


def downgrade() -> None:
    for table in ("merged", "pieces"):
        for name in _KNOWN:
            op.drop_column(table, name)
    op.drop_column("runs", "marks")
