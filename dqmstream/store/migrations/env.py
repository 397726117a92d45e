"""How Alembic reaches the store: over the connection whose transaction `schema.upgrade` holds.

Each migration says in `older_releases` what releases of the schema before it can still do with a
store after it: `record`, `read` or `nothing` (see `releases.Older`). Only after `record`, as where
it adds a table or an index that they need not know, services bring stores up by themselves.
"""

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
