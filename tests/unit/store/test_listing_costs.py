"""Lists that are read for every answer do not grow with the number of runs."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text

from dqmstream.store.database import Database
from dqmstream.store.listings import sets
from dqmstream.store.tables import BOOKINGS, SERIES

WORKSPACES = 5


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url, writing=True)
    yield database
    database.close()


def add_runs(database: Database, runs: range) -> None:
    """Series of so many runs: workspaces of one set, and one of another."""
    with database.transaction() as connection:
        rows = [
            {"set": of, "run": run, "workspace": workspace, "booking": f"{of}-{workspace}"}
            for run in runs
            for of, count in (("before", 1), ("set", WORKSPACES), ("then", 1))
            for workspace in (f"w{n}" for n in range(count))
        ]
        more = {"partitions": 1, "chunk_length": 64}
        known = {row.hash for row in connection.execute(BOOKINGS.select())}
        new = {row["booking"]: row["workspace"] for row in rows if row["booking"] not in known}
        if new:
            bodies = [
                {"hash": name, "workspace": workspace, "schema": 1, "body": b""}
                for name, workspace in new.items()
            ]
            connection.execute(insert(BOOKINGS), bodies)
        connection.execute(insert(SERIES), [row | more for row in rows])
        if database.name.startswith("postgresql"):
            connection.execute(text("ANALYZE series"))


def cost(database: Database, read: Callable[[Connection], object]) -> int:
    """Instructions of SQLite's machine, or rows that PostgreSQL's plan touched."""
    asked: list[tuple[str, Any]] = []

    def ask(_c: object, _u: object, statement: str, given: object, *_: object) -> None:
        asked.append((statement, given))

    with database.transaction() as connection:
        event.listen(connection, "before_cursor_execute", ask)
        read(connection)
        event.remove(connection, "before_cursor_execute", ask)
        if connection.dialect.name == "postgresql":
            return sum(_rows_touched(connection, *one) for one in asked)
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(step, 1)
        read(connection)
        driver.set_progress_handler(None, 0)
        return steps


def _rows_touched(connection: Connection, statement: str, given: Any) -> int:
    explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
    plan = connection.exec_driver_sql(explain, given).scalar_one()
    parts = [(json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]]
    touched = 0
    while parts:
        part = parts.pop()
        parts += part.get("Plans", ())
        removed = part.get("Rows Removed by Filter", 0)
        touched += int(part["Actual Loops"] * (part["Actual Rows"] + removed))
    return touched


def test_what_a_set_has_booked_costs_the_same_however_many_runs_there_are(
    database: Database,
) -> None:
    def bookings(connection: Connection) -> dict[str, str]:
        return sets.bookings(connection, "set")

    add_runs(database, range(1, 101))
    few = cost(database, bookings)
    add_runs(database, range(101, 1001))
    assert cost(database, bookings) <= 2 * few
    with database.transaction() as connection:
        found = bookings(connection)
    assert found == {f"w{n}": f"set-w{n}" for n in range(WORKSPACES)}
