"""Empty stores in a real PostgreSQL, for tests."""

from itertools import count
from pathlib import Path

from dqmstream.store import schema
from dqmstream.store.database import Database
from dqmstream.store.tables import METADATA
from playback.postgresql import DATABASE, PASSWORD, PostgreSQL, postgresql

__all__ = ["PASSWORD", "EmptyStores", "PostgreSQL", "postgresql"]


class EmptyStores:
    """Stores of this release's schema, each in a database of its own.

    A store belongs to a folder; when that is gone, the next store takes its database, emptied.
    """

    def __init__(self, server: PostgreSQL) -> None:
        self._server = server
        self._owners: dict[str, Path] = {}
        self._numbers = count()
        template = Database(server.url_of(DATABASE), writing=True)
        schema.upgrade(template)
        template.close()
        with server.connected(DATABASE) as connection:
            (row,) = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        self._revision = row[0]

    def make(self, folder: Path) -> str:
        """URL of an empty store for as long as the folder is there."""
        free = (name for name, owner in self._owners.items() if not owner.exists())
        name = next(free, None)
        if name is None:
            name = f"store{next(self._numbers)}"
            self._server.execute(f"CREATE DATABASE {name} TEMPLATE {DATABASE}")
        else:
            tables = ", ".join(table.name for table in METADATA.sorted_tables)
            self._server.execute(f"TRUNCATE {tables} RESTART IDENTITY", name)
            revision = f"UPDATE alembic_version SET version_num = '{self._revision}'"  # noqa: S608
            self._server.execute(revision, name)
        self._owners[name] = folder
        return self._server.url_of(name)

    def make_nothing(self) -> str:
        """URL of an empty database, without any schema."""
        name = f"nothing{next(self._numbers)}"
        self._server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self._server.url_of(name)
