"""Migrations and tables are one schema; a newer store is refused, an older one brought up."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, bindparam, create_engine, text

from dqmstream.errors import StoreError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.store import releases, schema
from dqmstream.store.answers import AsOf
from dqmstream.store.blocks import encode_block
from dqmstream.store.bodies import pack
from dqmstream.store.database import Database
from dqmstream.store.store import Store
from dqmstream.store.tables import METADATA
from dqmstream.store.testing import EVERY_KIND


def _declared(connection: Connection) -> dict[str, list[str]]:
    """Words that SQLite was told of each table and index: constraints come in any order."""
    query = "SELECT name, sql FROM sqlite_master WHERE name NOT IN :beside AND sql != ''"
    beside = bindparam("beside", ["alembic_version", releases.TABLE.name], expanding=True)
    rows = connection.execute(text(query).bindparams(beside))
    return {name: sorted(sql.replace(",", " ").replace(")", " ) ").split()) for name, sql in rows}


def test_migrations_make_what_the_tables_declare(url: str) -> None:
    database = Database(url, writing=True)
    with database.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, [METADATA, releases.TABLE.metadata]) == []
    database.close()


def test_migrations_tell_sqlite_word_by_word_what_the_tables_declare(sqlite_url: str) -> None:
    """Alembic compares no primary keys and no defaults."""
    database = Database(sqlite_url, writing=True)
    with database.transaction() as connection:
        migrated = _declared(connection)
    database.close()
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        METADATA.create_all(connection)
        assert migrated == _declared(connection)
    engine.dispose()


def test_an_empty_database_is_brought_up_and_then_left_alone(nothing_url: str) -> None:
    database = Database(nothing_url, writing=True)
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


def test_a_reader_may_be_first(nothing_url: str) -> None:
    with Store(nothing_url) as store:
        assert store.log() is None
        assert store.runs().items == ()


def _upgrade_to(database: Database, revision: str) -> None:
    with schema._migrations() as config, database.transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_what_an_older_release_stored_is_known_at_the_latest_where_the_store_stood(
    nothing_url: str,
) -> None:
    """Of its first schema nobody noted when; marks of runs are none."""
    database = Database(nothing_url, writing=True)
    _upgrade_to(database, "0001")
    layout = Layout(EVERY_KIND)
    empty = Contents.empty(layout)
    rows = {
        "bookings": {
            **pack(EVERY_KIND),
            "hash": layout.hash,
            "workspace": "every",
        },
        "runs": {"run": 1, "run_type": "", "started": 0, "updated": 0, "sources": "{}"}
        | {"ended": False, "first_lumisection": 3, "last_lumisection": 3},
        "series": {"id": 1, "set": "set", "run": 1, "workspace": "every", "booking": layout.hash}
        | {"partitions": 1, "chunk_length": 4},
        "merged": {"series": 1, "lumisection": 3, "versions": "[[true, 0, 8]]"},
        "blocks": {"series": 1, "lumisection": 3, "cells": encode_block(empty.cells)},
        "lumisections": {"set": "set", "run": 1, "lumisection": 3, "closed": True}
        | {"complete": True, "whole": True, "late_segments": 0, "published": 77}
        | {"account": "{}", "late_account": "{}"},
        "positions": {"topic": "dqm.histograms", "partition": 0, "next_offset": 9},
    }
    with database.transaction() as connection:
        for table, row in rows.items():
            names = ", ".join(f'"{name}"' for name in row)
            values = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)  # noqa: S608
    schema.upgrade(database)
    database.close()
    with Store(nothing_url) as store:
        assert store.runs().items[0].marks == ()
        for as_of, known in (
            (AsOf(), (3,)),
            (AsOf(offset=8), ()),
            (AsOf(offset=9), (3,)),
            (AsOf(time_ns=76), ()),
            (AsOf(time_ns=77), (3,)),
        ):
            assert store.contents("set", 1, "every", as_of=as_of).lumisections == known
