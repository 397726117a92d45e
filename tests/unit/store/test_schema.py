"""Migrations and tables are one schema; a newer store is refused, an older one brought up."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from dqmstream.errors import StoreError
from dqmstream.store import schema
from dqmstream.store.database import Database
from dqmstream.store.store import Store
from dqmstream.store.tables import METADATA
from dqmstream.store.writer import StoreWriter


def _declared(connection: Connection) -> dict[str, list[str]]:
    """Words that SQLite was told of each table and index: constraints come in any order."""
    query = "SELECT name, sql FROM sqlite_master WHERE name != 'alembic_version' AND sql != ''"
    rows = connection.execute(text(query))
    return {name: sorted(sql.replace(",", " ").replace(")", " ) ").split()) for name, sql in rows}


def test_migrations_make_what_the_tables_declare(url: str) -> None:
    database = Database(url, writing=True)
    with database.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        migrated = _declared(connection)
    database.close()
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        METADATA.create_all(connection)
        assert migrated == _declared(connection)
    engine.dispose()


def test_an_empty_file_is_brought_up_and_then_left_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite'}", writing=True)
    assert not schema.is_current(database)
    schema.upgrade(database)
    assert schema.is_current(database)
    schema.upgrade(database)
    assert schema.is_current(database)
    database.close()


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite'}", writing=True)
    with database.transaction() as connection:
        connection.execute(text("CREATE TABLE runs (something_else INTEGER)"))
    with pytest.raises(StoreError, match="table runs already exists"):
        schema.upgrade(database)
    with database.transaction() as connection:
        assert set(_declared(connection)) == {"runs"}
    database.close()


@pytest.mark.parametrize("opened", [Store, lambda url: StoreWriter(url, log="log")])
def test_a_store_of_a_newer_release_is_refused(url: str, opened: type[Store]) -> None:
    database = Database(url, writing=True)
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(StoreError, match="has schema 9999, this release knows up to 0001"):
        opened(url)


def test_a_reader_may_be_first(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        assert store.log() is None
        assert store.runs().items == ()
