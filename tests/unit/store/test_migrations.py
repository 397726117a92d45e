"""Going back to an older schema and forward again: what both can hold is kept, the rest is told."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from alembic import command
from sqlalchemy import inspect, text

from dqmstream.errors import LogIdentityError, StoreError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.events import RunStart
from dqmstream.messages.operations import Conditions
from dqmstream.store import releases, schema
from dqmstream.store.database import Database
from dqmstream.store.pruning import Pruner
from dqmstream.store.recording import Recorded
from dqmstream.store.retention import Keep, Retention
from dqmstream.store.store import Store
from dqmstream.store.testing import closed_set, random_contents
from dqmstream.store.writer import StoreWriter

RNG = np.random.default_rng(46)
OLDER = ("0001", "0002", "0003", "0004")
OF_ALL_SCHEMAS = {"alembic_version", releases.TABLE.name}
AGES_LATER = 1_800_000_000_000_000_000

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def recorded(writer: StoreWriter, layout: Layout) -> Layout:
    """Run 1, of 9 LSs: compacted in part, something late, conditions, marks."""
    assert isinstance(writer.write([_run_start()], {}), Recorded)
    for n in range(1, 10):
        piece = closed_set(random_contents(layout, RNG), run=1, lumisection=n)
        at = {("dqm.histograms", 0): n + 1}
        writer.write([piece, Conditions(run=1, lumisection=n)], at, offsets=[n, n])
        if n == 6:
            writer.compact()
    late = closed_set(random_contents(layout, RNG), run=1, lumisection=4, segment=1)
    writer.write([late], {}, offsets=[11])
    return layout


def _run_start() -> RunStart:
    return RunStart(
        run=1,
        source="detector",
        incarnation="a",
        rereadable=True,
        partitions=1,
        first_lumisection=1,
        run_type="pp",
        expected=("detector",),
        started=5,
        marks=("re-timed",),
    )


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """The store, for whoever migrates it."""
    database = Database(url, writing=True)
    yield database
    schema.upgrade(database)  # servers are shared: the next test finds it whole
    database.close()


def rows_of(database: Database, columns: dict[str, list[str]]) -> Rows:
    """All that is stored in these columns of these tables, in an order of its own."""
    found: Rows = {}
    with database.transaction() as connection:
        for table, names in columns.items():
            listed = ", ".join(f'"{name}"' for name in names)
            rows = connection.execute(text(f'SELECT {listed} FROM "{table}"')).mappings()  # noqa: S608
            found[table] = sorted((dict(row) for row in rows), key=repr)
    return found


def columns_of(database: Database) -> dict[str, list[str]]:
    """Columns of each table there is, but Alembic's own."""
    with database.transaction() as connection:
        inspector = inspect(connection)
        return {
            table: sorted(column["name"] for column in inspector.get_columns(table))
            for table in sorted(inspector.get_table_names())
            if table not in OF_ALL_SCHEMAS
        }


def indices_of(database: Database) -> set[str]:
    with database.transaction() as connection:
        inspector = inspect(connection)
        return {
            str(index["name"])
            for table in inspector.get_table_names()
            for index in inspector.get_indexes(table)
        }


def told(store: Store) -> list[Any]:
    """What is read of the run, whatever the schema was."""
    window, late = store.contents("set", 1, "every"), store.late("set", 1, "every")
    contents = [
        (one.lumisections, one.contents.cells.tolist(), one.contents.scalars, one.contents.invalid)
        for one in (window, late)
    ]
    trend = store.element_trend("set", 1, "every", "one/counts")
    return [contents, trend.cells.tolist(), store.lumisections(1).items]


@pytest.mark.parametrize("to", OLDER)
def test_all_that_an_older_schema_can_hold_is_there_and_back_again(
    to: str, recorded: Layout, url: str, store: Store, database: Database
) -> None:
    """Row by row in the older form, and bit by bit when it is read again."""
    before, everywhere = told(store), columns_of(database)
    full = rows_of(database, everywhere)
    schema.downgrade(database, to, losing=True)
    assert schema.revision(database)[0] == to
    older = columns_of(database)
    assert rows_of(database, older) == {
        table: sorted(({name: row[name] for name in older[table]} for row in rows), key=repr)
        for table, rows in full.items()
        if table in older
    }
    held = rows_of(database, older)
    schema.upgrade(database)
    assert schema.is_current(database)
    assert rows_of(database, older) == held
    assert columns_of(database) == everywhere
    assert told(store) == before
    # And whoever records goes on where the log stood.
    again = StoreWriter(url, log="log")
    try:
        assert again.positions() == {("dqm.histograms", 0): 10}
        piece = closed_set(random_contents(recorded, RNG), run=1, lumisection=10)
        again.write([piece], {("dqm.histograms", 0): 12}, offsets=[12])
    finally:
        again.close()
    assert store.contents("set", 1, "every").lumisections == tuple(range(1, 11))


@pytest.mark.parametrize("to", OLDER)
def test_an_older_schema_is_the_one_that_its_release_made(
    to: str, database: Database, nothing_url: str
) -> None:
    """Tables, columns and indices."""
    schema.downgrade(database, to)
    made = Database(nothing_url, writing=True)
    with schema._migrations() as config, made.transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    assert columns_of(database) == columns_of(made)
    assert indices_of(database) == indices_of(made)
    schema.upgrade(made)
    made.close()


def test_nothing_is_lost_unless_somebody_says_that_it_may_be(
    recorded: Layout, database: Database
) -> None:
    assert schema.losses(database, "0002") == ()
    with pytest.raises(StoreError) as refused:
        schema.downgrade(database, "0001")
    assert "cannot hold the marks of 1 runs; when 9 contents of LSs became known" in str(
        refused.value
    )
    assert schema.is_current(database)
    assert schema.downgrade(database, "0001", losing=True) == (
        "the marks of 1 runs",
        "when 9 contents of LSs became known: only bounds of it are left",
    )


def test_runs_of_which_only_the_sum_is_kept_are_named_before_they_go(
    recorded: Layout, url: str, store: Store, database: Database
) -> None:
    store.close()
    pruner = Pruner(url)
    with database.transaction() as connection:
        connection.execute(text("UPDATE runs SET ended = true"))
    pruner.prune(Retention(lumisections=Keep(runs=0)), AGES_LATER)
    pruner.close()
    with pytest.raises(StoreError, match="the contents of runs 1, of which only the sum is kept"):
        schema.downgrade(database, "0002")
    assert schema.is_current(database)
    lost = schema.downgrade(database, "0002", losing=True)
    assert lost[1:] == ("1 entries of what retention took",)
    schema.upgrade(database)
    with Store(url) as again:
        assert [one.run for one in again.runs().items] == [1]


@pytest.mark.parametrize("to", ["0005", "9999", "base"])
def test_what_is_no_older_schema_is_refused(to: str, database: Database) -> None:
    with pytest.raises(StoreError, match=r"is not before it \(0001, 0002, 0003, 0004\)"):
        schema.downgrade(database, to)


def test_a_store_can_be_emptied_down_to_nothing(recorded: Layout, database: Database) -> None:
    """By Alembic alone, as each migration undoes itself."""
    with schema._migrations() as config, database.transaction() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert columns_of(database) == {}
    schema.upgrade(database)
    assert schema.is_current(database)


def test_a_recorder_of_another_log_leaves_the_schema_as_it_is(
    recorded: Layout, url: str, database: Database
) -> None:
    """A candidate of a newer release, given the store of production by mistake."""
    schema.downgrade(database, "0002")
    with pytest.raises(LogIdentityError, match="holds the history of log log, this is log other"):
        StoreWriter(url, log="other")
    assert schema.revision(database)[0] == "0002"
