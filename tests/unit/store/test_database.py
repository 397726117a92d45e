"""Transactions: one state for a reader, all or nothing for the writer, errors with a sentence."""

from pathlib import Path

import pytest
from sqlalchemy import Table, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from dqmstream.errors import ConfigurationError, StoreError
from dqmstream.store.database import Database, upsert
from dqmstream.store.tables import METADATA, POSITIONS

ROW = {"topic": "t", "partition": 0, "next_offset": 7}


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("store.sqlite", "expected sqlite:///file"),
        ("oracle://somewhere/x", "neither sqlite nor postgresql"),
        ("nothing://somewhere/x", "neither sqlite nor postgresql"),
        ("postgresql+nothing://somewhere/x", "expected sqlite:///file"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_url_that_cannot_be_a_store_is_refused(url: str, what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        Database(url, writing=False)


def test_a_folder_that_does_not_exist_is_an_error_with_the_url(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'absent' / 'store.sqlite'}", writing=True)
    with (
        pytest.raises(StoreError, match=r"absent/store\.sqlite: unable to open"),
        database.transaction(),
    ):
        pass


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"something else, long enough to be read" * 100)
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite'}", writing=True)
    with pytest.raises(StoreError, match="not a database"), database.transaction():
        pass
    database.close()


def test_after_an_error_nothing_of_the_transaction_is_kept(url: str) -> None:
    database = Database(url, writing=True)

    def fail_half_way() -> None:
        with database.transaction() as connection:
            upsert(connection, POSITIONS, [ROW])
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    with database.transaction() as connection:
        assert connection.execute(select(POSITIONS)).all() == []
    database.close()


def test_an_upsert_replaces_by_primary_key(url: str) -> None:
    database = Database(url, writing=True)
    with database.transaction() as connection:
        upsert(connection, POSITIONS, [ROW, ROW | {"partition": 1}])
        upsert(connection, POSITIONS, [ROW | {"next_offset": 9}])
        rows = connection.execute(select(POSITIONS).order_by(POSITIONS.c.partition)).all()
    assert [tuple(row) for row in rows] == [("t", 0, 9), ("t", 1, 7)]
    database.close()


def test_a_reader_cannot_write(url: str) -> None:
    database = Database(url, writing=False)
    with (
        pytest.raises(StoreError, match=r"readonly|read-only"),
        database.transaction() as connection,
    ):
        upsert(connection, POSITIONS, [ROW])
    database.close()


def test_a_reader_sees_one_state_while_another_writes(url: str) -> None:
    reading, writing = Database(url, writing=False), Database(url, writing=True)
    with reading.transaction() as reader:
        before = reader.execute(select(POSITIONS)).all()
        with writing.transaction() as writer:
            upsert(writer, POSITIONS, [ROW])
        assert reader.execute(select(POSITIONS)).all() == before == []
    with reading.transaction() as reader:
        assert len(reader.execute(select(POSITIONS)).all()) == 1
    reading.close()
    writing.close()


def test_a_fault_of_the_program_is_not_taken_for_one_of_the_database(url: str) -> None:
    database = Database(url, writing=True)
    with database.transaction() as connection:
        upsert(connection, POSITIONS, [ROW])
    with (
        pytest.raises(Exception, match=r"UNIQUE constraint|unique constraint") as raised,
        database.transaction() as connection,
    ):
        connection.execute(POSITIONS.insert(), ROW)
    assert not isinstance(raised.value, StoreError)
    database.close()


@pytest.mark.parametrize("table", METADATA.sorted_tables, ids=lambda table: table.name)
def test_every_table_can_be_made_in_postgresql(table: Table) -> None:
    made = str(CreateTable(table).compile(dialect=postgresql.dialect()))
    assert f"CREATE TABLE {table.name}" in made
    assert "BLOB" not in made


def test_the_writer_of_sqlite_survives_a_killed_process_and_lets_others_read(
    sqlite_url: str,
) -> None:
    database = Database(sqlite_url, writing=True)
    with database.transaction() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
    database.close()
