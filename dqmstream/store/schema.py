"""The schema of a store: brought up to this release's, or refused when it is a newer one's; and
taken back to an older one's, so that an older release can have it again."""

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

__all__ = ["downgrade", "is_current", "losses", "require_current", "revision", "upgrade"]


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


def revision(database: Database) -> tuple[str | None, str | None]:
    """The schema a store has, None for none; and the one of this release.

    Raises
    ------
    StoreError
        If it has a newer one.
    """
    with _migrations() as config, database.transaction() as connection:
        return _found(database, connection, config), _head(config)


def losses(database: Database, to: str) -> tuple[str, ...]:
    """What going back to an older schema would lose: a phrase for each kind of thing, none if that
    can hold all that is stored.

    Raises
    ------
    StoreError
        If that is not an older schema than the store's.
    """
    with _migrations() as config, database.transaction() as connection:
        return _losses(database, connection, config, to)


def downgrade(database: Database, to: str, *, losing: bool = False) -> tuple[str, ...]:
    """Take the schema back to an older one, in one transaction.

    Messages that are kept whole stay as they were written: an older release refuses those of
    versions that it does not know, by name, and a newer one reads them again.

    Parameters
    ----------
    to
        Revision, as `0002`.
    losing
        Whether to go on where something is lost.

    Returns
    -------
    What was lost.

    Raises
    ------
    StoreError
        If something would be lost and must not be: says what; if that is not an older schema than
        the store's.
    """
    with _migrations() as config, database.transaction() as connection:
        lost = _losses(database, connection, config, to)
        if lost and not losing:
            msg = (
                f"store {database.name}: schema {to} cannot hold {'; '.join(lost)}: make backups, "
                "and say that it may be lost"
            )
            raise StoreError(msg)
        config.attributes["connection"] = connection
        command.downgrade(config, to)
        return lost


def _losses(database: Database, connection: Connection, config: Config, to: str) -> tuple[str, ...]:
    found = _found(database, connection, config)
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    below = [script.revision for script in scripts]
    older = below[below.index(found) + 1 :] if found is not None else []
    if to not in older:
        known = ", ".join(reversed(older)) or "none"
        msg = f"store {database.name} has schema {found}: {to!r} is not before it ({known})"
        raise StoreError(msg)
    undone = [one for one in scripts if found is not None and to < one.revision <= found]
    return tuple(phrase for one in undone for phrase in one.module.lost(connection))


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
