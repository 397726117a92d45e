"""The schema of a store: brought up to this release's, and taken back to an older one's.

While releases are replaced one by one, two of them have the same store. So a service brings it up
by itself only where releases before can go on with it, and goes on with a newer one that says so;
all else takes a command (see `releases`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import Final, Literal, TypeAlias

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from dqmstream.errors import StoreError
from dqmstream.store import releases
from dqmstream.store.database import Database
from dqmstream.store.releases import Fit, Migration, Older

__all__ = [
    "Use",
    "bring_up",
    "downgrade",
    "fit",
    "fits",
    "is_current",
    "losses",
    "require_current",
    "require_fit",
    "revision",
    "standing",
    "upgrade",
]

Use: TypeAlias = Literal["read", "record"]
_STOP: Final = {
    Older.READ: "into which older releases cannot record: stop their recorder",
    Older.NOTHING: "which older releases cannot use: stop their recorder and gateways",
}
"""What a schema is to them, and who of them has to go before it comes."""


def fits(database: Database, use: Use) -> bool:
    """Whether this release can use a store as it is; False if it has to be brought up first.

    Raises
    ------
    StoreError
        If it is of a newer release, and says that this one cannot go on with it.
    """
    with _migrations() as config, database.transaction() as connection:
        return _fits(database, connection, config, use)


def bring_up(database: Database, use: Use) -> None:
    """Make a store usable, as services do when they start: in one transaction; makes an empty one.

    Raises
    ------
    StoreError
        If releases before could not go on with it then, which is for somebody to decide; if it is
        of a newer release, and this one cannot go on with it; if it cannot be changed.
    """
    with _migrations() as config, database.transaction() as connection:
        if _fits(database, connection, config, use):
            return
        if (found := standing(connection)) is not None:
            pending = [one for one in _chain(config) if one.revision > found]
            older = releases.strictest(pending)
            if older is not Older.RECORD:
                msg = (
                    f"store {database.name} has schema {found}, this release needs "
                    f"{pending[-1].revision}, {_STOP[older]}, and bring it up by "
                    "`dqmstream store migrate`"
                )
                raise StoreError(msg)
        _upgrade(connection, config)


def require_fit(database: Database, connection: Connection, use: Use) -> None:
    """StoreError unless this release can use the store as it is at this moment."""
    with _migrations() as config:
        if not _fits(database, connection, config, use):
            msg = (
                f"store {database.name} has schema {standing(connection)}, this release needs "
                f"{_head(config)}: somebody has taken it back; start the release it is for"
            )
            raise StoreError(msg)


def standing(connection: Connection) -> str | None:
    """The schema a store has, whether this release knows it or not; None for none."""
    return MigrationContext.configure(connection).get_current_revision()


def fit(database: Database) -> Fit | None:
    """The oldest schemas whose releases can go on with a store; None if nobody has said so."""
    with database.transaction() as connection:
        return releases.noted(connection)


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
        msg = (
            f"store {database.name} is of an older release: bring it up by "
            "`dqmstream store migrate`"
        )
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
            _upgrade(connection, config)


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
        _note_fit(connection, config, to)
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


def _upgrade(connection: Connection, config: Config) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    _note_fit(connection, config, _head(config))


def _note_fit(connection: Connection, config: Config, revision: str) -> None:
    releases.note(
        connection, releases.fit_of([one for one in _chain(config) if one.revision <= revision])
    )


def _chain(config: Config) -> list[Migration]:
    """All migrations that this release has, the oldest first."""
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    chain = [Migration(one.revision, Older(one.module.older_releases)) for one in scripts]
    return chain[::-1]


def _head(config: Config) -> str:
    return _chain(config)[-1].revision


def _fits(database: Database, connection: Connection, config: Config, use: Use) -> bool:
    found, known = standing(connection), [one.revision for one in _chain(config)]
    if found is None or found in known:
        return found == known[-1]
    noted = releases.noted(connection)
    if noted is None or getattr(noted, use) > known[-1]:
        raise _newer(database, found, known[-1])
    return True


def _found(database: Database, connection: Connection, config: Config) -> str | None:
    found, known = standing(connection), [one.revision for one in _chain(config)]
    if found is not None and found not in known:
        raise _newer(database, found, known[-1])
    return found


def _newer(database: Database, found: str, head: str) -> StoreError:
    return StoreError(
        f"store {database.name} has schema {found}, this release knows up to {head}: "
        "use the release that wrote it, or a newer one"
    )
