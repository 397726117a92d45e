"""Backups: all that is stored of a run in one file, which is itself a store in SQLite.

Beside the tables of a store it has one that seals them: which run, of which log, and a SHA-256 over
every row. A backup of an older release is brought up as any older store is, in a copy.
"""

import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, insert, select

from dqmstream.errors import UNDECODABLE, NotStoredError, StoreError
from dqmstream.store.database import Database, insert_rows, upsert
from dqmstream.store.digest import run_digests
from dqmstream.store.listings.runs import stored_run
from dqmstream.store.schema import bring_up, is_current, require_current, upgrade
from dqmstream.store.tables import (
    ACCOUNTS,
    ACTIVATIONS,
    BLOCKS,
    BOOKINGS,
    CHUNK_ELEMENTS,
    CHUNKS,
    CONDITIONS,
    LOG,
    LUMISECTIONS,
    MERGED,
    PIECES,
    REMOVED,
    REPORTS,
    RUNS,
    SERIES,
    TALLIES,
    TOTALS,
)

__all__ = ["Backup", "Restored", "back_up", "read_seal", "restore"]

_OF_RUN: Final = (RUNS, LUMISECTIONS, ACCOUNTS, CONDITIONS, REPORTS, REMOVED, TALLIES)
_OF_SERIES: Final = (MERGED, BLOCKS, CHUNKS, CHUNK_ELEMENTS, TOTALS, PIECES)
_ROWS: Final = 256
_SEAL: Final = "backup"
_FORMAT: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """The seal of a backup: `sha256` is over all rows of all other tables, `log` the identity of
    the log that was recorded, `made` a wall clock in nanoseconds since 1970."""

    run: int
    log: str
    made: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """What restoring did: nothing (`changed` is false) where the run was stored already, equal in
    every part."""

    run: int
    changed: bool
    parts: tuple[str, ...]


def back_up(url: str, run: int, file: Path, *, now: int) -> Backup:
    """Write a run to a file, as of one moment, whatever is recorded meanwhile.

    Parameters
    ----------
    url
        Of the store.
    file
        To be made; it appears whole, or not at all.
    now
        Wall clock, nanoseconds since 1970.

    Raises
    ------
    NotStoredError
        If nothing is stored of the run.
    StoreError
        If the file is there already, or store or disk fail.
    """
    if file.exists():
        msg = f"backup {file} is there already: name another file"
        raise StoreError(msg)
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    source, target = Database(url, writing=False), Database(f"sqlite:///{partial}", writing=True)
    try:
        require_current(source)
        upgrade(target)
        with source.transaction() as reading, target.transaction() as writing:
            if not run_digests(reading, run):
                msg = f"nothing is stored of run {run} in {source.name}"
                raise NotStoredError(msg)
            _copy(reading, writing, run)
            # It may be over because a later run is there, which is not in the file.
            listed = stored_run(reading, run)
            if listed is not None and listed.ended:
                writing.execute(RUNS.update().values(ended=True))
            log = reading.execute(select(LOG.c.identity)).scalar_one_or_none() or ""
        target.close()
        backup = _seal(partial, run, log, now)
        partial.replace(file)
    finally:
        source.close()
        target.close()
        for suffix in ("", "-wal", "-shm", "-journal"):
            partial.with_name(f"{partial.name}{suffix}").unlink(missing_ok=True)
    return backup


def restore(file: Path, url: str) -> Restored:
    """Put the run of a backup into a store, made if need be, in one transaction.

    Doing it twice is harmless. The log's identity and the positions in it are not restored.

    Raises
    ------
    StoreError
        If the file is no backup, damaged, or of a newer release; or the store holds the run with
        other contents: then nothing is changed.
    """
    seal = read_seal(file)
    with _readable(file) as source:
        target = Database(url, writing=True)
        try:
            bring_up(target, "record")
            with source.transaction() as reading, target.transaction() as writing:
                return _restore(reading, writing, seal.run, file, target.name)
        finally:
            target.close()


def _restore(
    reading: Connection, writing: Connection, run: int, file: Path, store: str
) -> Restored:
    ours, theirs = run_digests(reading, run), run_digests(writing, run)
    if theirs and theirs != ours:
        names = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
        msg = (
            f"store {store} holds run {run} with other contents than backup {file}: "
            f"{', '.join(names[:5])}{' and more' * (len(names) > 5)} differ; restore it into "
            "another store"
        )
        raise StoreError(msg)
    if not theirs:
        _copy(reading, writing, run)
        if run_digests(writing, run) != ours:
            msg = f"run {run} did not come out of backup {file} as it went in"
            raise StoreError(msg)
    return Restored(run=run, changed=not theirs, parts=tuple(ours))


@contextmanager
def _readable(file: Path) -> Iterator[Database]:
    """The store that a backup is; one of an older release is brought up in a copy."""
    database = Database(f"sqlite:///{file}", writing=False)
    try:
        if is_current(database):
            yield database
            return
    finally:
        database.close()
    with tempfile.TemporaryDirectory(prefix="dqmstream-restore-") as folder:
        copy = Path(folder) / "store.sqlite"
        shutil.copy(file, copy)
        database = Database(f"sqlite:///{copy}", writing=True)
        try:
            upgrade(database)
            yield database
        finally:
            database.close()


# ------------------------------------------------------------------------------ rows


def _copy(reading: Connection, writing: Connection, run: int) -> None:
    """All rows of a run; its series get new numbers."""
    ids: dict[int, int] = {}
    for table in _OF_RUN:
        for rows in _batches(reading, table, table.c.run == run):
            insert_rows(writing, table, [_without(row, "id") for row in rows])
    series = reading.execute(select(SERIES).where(SERIES.c.run == run).order_by(SERIES.c.id)).all()
    hashes, sets = {one.booking for one in series}, {one.set for one in series}
    for rows in _batches(reading, BOOKINGS, BOOKINGS.c.hash.in_(hashes)):
        upsert(writing, BOOKINGS, rows)
    for rows in _batches(reading, ACTIVATIONS, ACTIVATIONS.c.set.in_(sets)):
        upsert(writing, ACTIVATIONS, rows)
    for one in series:
        added = insert(SERIES).values(_without(dict(one._mapping), "id")).returning(SERIES.c.id)
        ids[one.id] = writing.execute(added).scalar_one()
    for table in _OF_SERIES:
        for rows in _batches(reading, table, table.c.series.in_(ids)):
            moved = [_without(row, "id") | {"series": ids[row["series"]]} for row in rows]
            insert_rows(writing, table, moved)


def _batches(
    connection: Connection, table: Table, where: ColumnElement[bool]
) -> Iterator[list[dict[str, Any]]]:
    query = select(table).where(where).order_by(*table.primary_key)
    result = connection.execute(query, execution_options={"yield_per": _ROWS})
    for rows in result.partitions():
        yield [dict(row._mapping) for row in rows]


def _without(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


# ------------------------------------------------------------------------------ seal


def _seal(file: Path, run: int, log: str, now: int) -> Backup:
    """Make it one file without a journal beside it, and sign for its rows."""
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA synchronous = FULL")
            digest = _sha256(connection)
            connection.execute(
                f"CREATE TABLE {_SEAL} (format INTEGER, run INTEGER, log TEXT, made INTEGER, "
                "sha256 TEXT)"
            )
            row = (_FORMAT, run, log, now, digest)
            connection.execute(f"INSERT INTO {_SEAL} VALUES (?, ?, ?, ?, ?)", row)  # noqa: S608
    except sqlite3.Error as error:
        msg = f"backup {file}: {error}"
        raise StoreError(msg) from error
    return Backup(run=run, log=log, made=now, sha256=digest)


def read_seal(file: Path) -> Backup:
    """The seal of a backup, after every row was checked against it.

    Raises
    ------
    StoreError
        If it is no backup, or something in it is not as it was written.
    """
    if not file.is_file():
        msg = f"backup {file}: there is no such file"
        raise StoreError(msg)
    try:
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            rows = connection.execute(
                f"SELECT format, run, log, made, sha256 FROM {_SEAL}"  # noqa: S608
            ).fetchall()
            digest = _sha256(connection)
    except (sqlite3.Error, OverflowError, *UNDECODABLE) as error:
        msg = f"{file} is no backup of a run, or is damaged: {error}"
        raise StoreError(msg) from error
    if len(rows) != 1 or rows[0][0] != _FORMAT:
        found = [row[0] for row in rows]
        msg = f"backup {file}: has formats {found}, this release reads format {_FORMAT}"
        raise StoreError(msg)
    _, run, log, made, sha256 = rows[0]
    if digest != sha256:
        msg = f"backup {file} of run {run} is damaged: its rows have SHA-256 {digest}, not {sha256}"
        raise StoreError(msg)
    return Backup(run=run, log=log, made=made, sha256=sha256)


def _sha256(connection: sqlite3.Connection) -> str:
    """Over every row of every table but the seal, by primary key."""
    digest = hashlib.sha256()
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name != ? ORDER BY name"
    for (table,) in connection.execute(query, (_SEAL,)).fetchall():
        quoted = '"' + table.replace('"', '""') + '"'
        columns = connection.execute(f"PRAGMA table_info({quoted})").fetchall()
        key = [str(position + 1) for position, column in enumerate(columns) if column[5]]
        digest.update(msgspec.msgpack.encode((table, [column[1] for column in columns])))
        for row in connection.execute(
            f"SELECT * FROM {quoted} ORDER BY {', '.join(key or ['1'])}"  # noqa: S608
        ):
            digest.update(msgspec.msgpack.encode(row))
    return digest.hexdigest()
