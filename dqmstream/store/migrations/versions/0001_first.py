"""The first schema."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
older_releases: str = "nothing"
"""There were none."""


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("set", sa.String(), autoincrement=False, nullable=False),
        sa.Column("run", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lumisection", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("segment", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "set", "run", "lumisection", "segment", "partition", name=op.f("pk_accounts")
        ),
    )
    op.create_table(
        "activations",
        sa.Column("from_run", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("when", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("set", sa.String(), autoincrement=False, nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("from_run", "when", "set", name=op.f("pk_activations")),
    )
    op.create_table(
        "bookings",
        sa.Column("hash", sa.String(), autoincrement=False, nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_bookings")),
    )
    op.create_table(
        "conditions",
        sa.Column("run", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lumisection", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run", "lumisection", name=op.f("pk_conditions")),
    )
    op.create_table(
        "holes",
        sa.Column("topic", sa.String(), autoincrement=False, nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("noticed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "first", name=op.f("pk_holes")),
    )
    op.create_table(
        "log",
        sa.Column("identity", sa.String(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_log")),
    )
    op.create_table(
        "lumisections",
        sa.Column("set", sa.String(), autoincrement=False, nullable=False),
        sa.Column("run", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lumisection", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("late_segments", sa.Integer(), nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("late_account", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("set", "run", "lumisection", name=op.f("pk_lumisections")),
    )
    op.create_table(
        "positions",
        sa.Column("topic", sa.String(), autoincrement=False, nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_positions")),
    )
    op.create_table(
        "reports",
        sa.Column("run", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lumisection", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace", sa.String(), autoincrement=False, nullable=False),
        sa.Column("scope", sa.String(), autoincrement=False, nullable=False),
        sa.Column("set", sa.String(), autoincrement=False, nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("outcomes", sa.Text(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "run", "lumisection", "workspace", "scope", "set", name=op.f("pk_reports")
        ),
    )
    op.create_table(
        "runs",
        sa.Column("run", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("run_type", sa.String(), nullable=False),
        sa.Column("fill", sa.BigInteger(), nullable=True),
        sa.Column("first_lumisection", sa.Integer(), nullable=True),
        sa.Column("last_lumisection", sa.Integer(), nullable=True),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_runs")),
    )
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("set", sa.String(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("booking", sa.String(), nullable=False),
        sa.Column("partitions", sa.Integer(), nullable=False),
        sa.Column("chunk_length", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["booking"], ["bookings.hash"], name=op.f("fk_series_booking_bookings")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint("set", "run", "workspace", name=op.f("uq_series_set")),
    )
    op.create_index(op.f("ix_series_run"), "series", ["run"], unique=False)
    op.create_table(
        "blocks",
        sa.Column("series", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lumisection", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cells", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name=op.f("fk_blocks_series_series")),
        sa.PrimaryKeyConstraint("series", "lumisection", name=op.f("pk_blocks")),
    )
    op.create_table(
        "chunk_elements",
        sa.Column("series", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("element", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cells", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series"], ["series.id"], name=op.f("fk_chunk_elements_series_series")
        ),
        sa.PrimaryKeyConstraint("series", "element", "first", name=op.f("pk_chunk_elements")),
    )
    op.create_table(
        "chunks",
        sa.Column("series", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lumisections", sa.LargeBinary(), nullable=False),
        sa.Column("total", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name=op.f("fk_chunks_series_series")),
        sa.PrimaryKeyConstraint("series", "first", name=op.f("pk_chunks")),
    )
    op.create_table(
        "merged",
        sa.Column("series", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lumisection", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("beside", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name=op.f("fk_merged_series_series")),
        sa.PrimaryKeyConstraint("series", "lumisection", name=op.f("pk_merged")),
    )
    op.create_table(
        "pieces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("lumisection", sa.Integer(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name=op.f("fk_pieces_series_series")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pieces")),
    )
    op.create_index(op.f("ix_pieces_series"), "pieces", ["series", "lumisection"], unique=False)


_TABLES = (
    "accounts activations conditions holes log lumisections positions reports runs blocks "
    "chunk_elements chunks merged pieces series bookings"
)


def lost(connection: sa.Connection) -> Iterator[str]:
    """What a store without a schema cannot hold."""
    if runs := connection.scalar(sa.text("SELECT count(*) FROM runs")):
        yield f"all that is stored, of {runs} runs"


def downgrade() -> None:
    for table in _TABLES.split():
        op.drop_table(table)
