"""What runs come to, counted, so that lists of runs are quick."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op

from dqmstream.store.tallies import count_again

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
older_releases: str = "read"
"""What they record would not be counted."""


def upgrade() -> None:
    op.create_table(
        "tallies",
        sa.Column("run", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("set", sa.String(), autoincrement=False, nullable=False),
        sa.Column("workspace", sa.String(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run", "set", "workspace", "name", name=op.f("pk_tallies")),
    )
    op.create_index(op.f("ix_tallies_name"), "tallies", ["name", "run"], unique=False)
    count_again(op.get_bind())


def lost(connection: sa.Connection) -> Iterator[str]:  # noqa: ARG001 as of all
    """What the schema before cannot hold: nothing, it is counted from what else is stored."""
    yield from ()


def downgrade() -> None:
    op.drop_index(op.f("ix_tallies_name"), table_name="tallies")
    op.drop_table("tallies")
