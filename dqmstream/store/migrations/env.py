"""How Alembic reaches the store: over the connection whose transaction `schema.upgrade` holds."""

from alembic import context

from dqmstream.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
