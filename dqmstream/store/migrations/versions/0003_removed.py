"""Sums of runs whose lumisections are no longer kept, and what was removed."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
older_releases: str = "nothing"
"""Of runs that are summed they would find nothing."""


def upgrade() -> None:
    op.add_column("series", sa.Column("summed", sa.BigInteger(), nullable=True))
    op.create_table(
        "removed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.String(), nullable=False),
        sa.Column("when", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("lumisections", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removed")),
    )
    op.create_index(op.f("ix_removed_run"), "removed", ["run"], unique=False)
    op.create_table(
        "totals",
        sa.Column("series", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("late", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lumisections", sa.LargeBinary(), nullable=False),
        sa.Column("cells", sa.LargeBinary(), nullable=False),
        sa.Column("beside", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name=op.f("fk_totals_series_series")),
        sa.PrimaryKeyConstraint("series", "late", name=op.f("pk_totals")),
    )


def lost(connection: sa.Connection) -> Iterator[str]:
    """What the schema before cannot hold."""
    summed = "SELECT DISTINCT run FROM series WHERE summed IS NOT NULL ORDER BY run"
    if runs := connection.scalars(sa.text(summed)).all():
        few = ", ".join(map(str, runs[:10])) + f" and {len(runs) - 10} more" * (len(runs) > 10)
        yield f"the contents of runs {few}, of which only the sum is kept"
    if entries := connection.scalar(sa.text("SELECT count(*) FROM removed")):
        yield f"{entries} entries of what retention took"


def downgrade() -> None:
    op.drop_table("totals")
    op.drop_index(op.f("ix_removed_run"), table_name="removed")
    op.drop_table("removed")
    op.drop_column("series", "summed")
