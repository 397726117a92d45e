"""One database by URL: transactions, and the little in which SQLite and PostgreSQL differ."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    NotSupportedError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.sql.dml import Insert

from dqmstream.errors import UNDECODABLE, ConfigurationError, StoreError

__all__ = ["Database", "insert_rows", "upsert"]

_BUSY_SECONDS: Final = 30.0
_READERS: Final = 8
_LIBPQ: Final = {"connect_timeout": 10, "tcp_user_timeout": 30_000}
"""Seconds, and milliseconds, after which a server that does not answer counts as gone: by itself a
connection to a machine that fell silent hangs for many minutes."""
_COPY_TYPES: Final[Mapping[type, str]] = {
    Integer: "int4",
    BigInteger: "int8",
    Boolean: "bool",
    LargeBinary: "bytea",
    String: "varchar",
    Text: "text",
}
_WRITE_LOCK: Final = 0x64716D73  # any number, the same for all who write


class Database:
    """Connections to one database, either for reading or for the one who writes.

    Reading transactions see one state of the database from begin to end, whatever is written
    meanwhile. The writer has one connection, and takes the write lock when a transaction begins.

    Parameters
    ----------
    url
        `sqlite:///file` or `postgresql+driver://...`.
    writing
        Whether transactions may change anything.

    Raises
    ------
    ConfigurationError
        If the URL is none, or of a database or driver that is not there.
    """

    def __init__(self, url: str, *, writing: bool) -> None:
        self.url = _checked_url(url)
        backend = self.url.get_backend_name()
        self.engine = (_sqlite if backend == "sqlite" else _postgresql)(self.url, writing)

    @property
    def name(self) -> str:
        """The URL without its password, for messages."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: all of it is kept at the end of the block, or nothing after an error.

        Raises
        ------
        StoreError
            If the database cannot be reached, is busy, full or broken, or something in it is
            damaged; trying again may help.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except UNDECODABLE as error:
            msg = f"store {self.name}: something stored is damaged: {error}"
            raise StoreError(msg) from error
        except (OperationalError, InterfaceError, PoolTimeoutError) as error:
            raise StoreError(self._told(error)) from error
        except (InternalError, NotSupportedError) as error:
            # PostgreSQL's for a reader, or a replica, that was asked to write.
            raise StoreError(self._told(error)) from error
        except DatabaseError as error:
            # Subclasses (a broken constraint, a missing table) are faults of this program.
            if type(error) is not DatabaseError:
                raise
            raise StoreError(self._told(error)) from error

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _told(self, error: Exception) -> str:
        return f"store {self.name}: {getattr(error, 'orig', None) or error}"


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`, which have the same columns, replacing those whose primary key is there."""
    if rows:
        statement = _upsert(table, connection.dialect.name, tuple(rows[0]))
        connection.execute(statement, list(rows))


def insert_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert many new rows, which have the same columns.

    By COPY where the driver is psycopg: 1000 rows of 3 kB took two thirds of the time of an INSERT
    with as many parameters (`dqmstream bench store`).
    """
    listed = list(rows)
    if listed and connection.dialect.driver == "psycopg":
        _copy(connection, table, listed)
    elif listed:
        connection.execute(insert(table), listed)


def _copy(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = [table.c[name] for name in rows[0]]
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(column.name) for column in columns)
    statement = f"COPY {quote(table.name)} ({names}) FROM STDIN (FORMAT BINARY)"
    driver: Any = connection.connection.driver_connection
    errors: Any = connection.dialect.dbapi
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([_COPY_TYPES[type(column.type)] for column in columns])
            for row in rows:
                copy.write_row([row[column.name] for column in columns])
    except errors.Error as error:
        # As the same would be from any statement that SQLAlchemy sends.
        raise DBAPIError.instance(statement, None, error, errors.Error) from error


@cache
def _upsert(table: Table, dialect: str, columns: tuple[str, ...]) -> Insert:
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    key = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in columns if name not in key}
    if changed:
        return insert.on_conflict_do_update(index_elements=key, set_=changed)
    return insert.on_conflict_do_nothing(index_elements=key)


def _checked_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        # Without the text: where a password stands in it cannot be told.
        msg = "store URL: expected sqlite:///file or postgresql+driver://..."
        raise ConfigurationError(msg) from error
    shown = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        msg = f"store URL {shown!r}: {parsed.get_backend_name()} is neither sqlite nor postgresql"
        raise ConfigurationError(msg)
    try:
        parsed.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        msg = f"store URL {shown!r}: expected sqlite:///file or postgresql+driver://...: {error}"
        raise ConfigurationError(msg) from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        msg = (
            f"store URL {shown!r}: names no file, and in memory each connection sees its own store"
        )
        raise ConfigurationError(msg)
    return parsed


def _postgresql(url: URL, writing: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=1 if writing else _READERS,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args=_LIBPQ if url.get_driver_name() in {"psycopg", "psycopg2"} else {},
    )
    if writing:

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            # As SQLite's BEGIN IMMEDIATE does: what one writer reads no other changes meanwhile.
            wait = f"SET LOCAL lock_timeout = '{_BUSY_SECONDS:.0f}s'"
            lock = f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})"
            connection.exec_driver_sql(f"{wait}; {lock}")

    return engine.execution_options(
        isolation_level="READ COMMITTED" if writing else "REPEATABLE READ",
        postgresql_readonly=not writing,
    )


def _sqlite(url: URL, writing: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=1 if writing else _READERS,
        max_overflow=0,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )
    begin = "BEGIN IMMEDIATE" if writing else "BEGIN"

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        # The driver begins no transaction before a SELECT: two of them would see two states.
        connection.isolation_level = None
        for pragma in _pragmas(writing):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _pragmas(writing: bool) -> tuple[str, ...]:
    if not writing:
        return ("query_only = ON",)
    # NORMAL: a power cut may take the last transactions, positions included, and the log has
    # their records; a killed process takes none.
    return ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON")
