"""The schema of a store: brought up to this release's, or refused when it is a newer one's."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from dqmstream.errors import StoreError
from dqmstream.store.database import Database

__all__ = ["is_current", "require_current", "upgrade"]


def is_current(database: Database) -> bool:
    """Whether the store has this release's schema.

    Raises
    ------
    StoreError
        If it has a newer one.
    """
    with _migrations() as config, database.transaction() as connection:
        return _found(database, connection, config) == _head(config)


def require_current(database: Database) -> None:
    """StoreError unless the store has this release's schema."""
    if not is_current(database):
        msg = f"store {database.name} is of an older release: open it once with this one"
        raise StoreError(msg)


def upgrade(database: Database) -> None:
    """Bring the schema up to this release's, in one transaction; makes an empty store.

    Raises
    ------
    StoreError
        If it is a newer one, or cannot be changed.
    """
    with _migrations() as config, database.transaction() as connection:
        if _found(database, connection, config) != _head(config):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


@contextmanager
def _migrations() -> Iterator[Config]:
    with as_file(files("dqmstream.store") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        yield config


def _head(config: Config) -> str | None:
    return ScriptDirectory.from_config(config).get_current_head()


def _found(database: Database, connection: Connection, config: Config) -> str | None:
    found = MigrationContext.configure(connection).get_current_revision()
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    if found is not None and found not in known:
        msg = (
            f"store {database.name} has schema {found}, this release knows up to {known[0]}: "
            "use the release that wrote it, or a newer one"
        )
        raise StoreError(msg)
    return found
