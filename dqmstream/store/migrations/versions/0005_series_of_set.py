"""An index by set and workspace: what a set has booked is found without reading all runs."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
older_releases: str = "record"


def upgrade() -> None:
    columns = ["set", "workspace", "booking"]
    op.create_index(op.f("ix_series_set"), "series", columns, unique=False)


def lost(connection: sa.Connection) -> Iterator[str]:  # noqa: ARG001 as of all
    """What the schema before cannot hold: nothing, an index holds nothing of its own."""
    yield from ()


def downgrade() -> None:
    op.drop_index(op.f("ix_series_set"), table_name="series")
