"""What runs come to is counted as it is recorded: always what counting all of it anew gives."""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import text

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.histograms import Account, SourceAccount
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReport, QualityReports
from dqmstream.store import schema
from dqmstream.store.backup import back_up, restore
from dqmstream.store.database import Database
from dqmstream.store.pruning import Pruner
from dqmstream.store.retention import Keep, Retention
from dqmstream.store.store import Store
from dqmstream.store.tallies import RunTally, count_again, tallies_of
from dqmstream.store.testing import closed_set
from dqmstream.store.writer import StoreWriter


def reported(run: int, lumisection: int, *outcomes: Outcome, scope: str = "lumisection") -> Any:
    reports = tuple(
        QualityReport(path=f"p{at}", qtname="test", algorithm="Range", outcome=outcome)
        for at, outcome in enumerate(outcomes)
    )
    return QualityReports(
        run=run,
        lumisection=lumisection,
        workspace="every",
        set="set",
        scope=scope,
        complete=True,
        versions=(lumisection,),
        reports=reports,
    )


def filled(layout: Layout, run: int, lumisection: int, *, dropped: int = 0, version: int = 1):
    piece = closed_set(Contents.empty(layout), run=run, lumisection=lumisection, epoch=version)
    source = SourceAccount(
        source="detector",
        incarnation="a",
        rereadable=True,
        chunks=b"\x01",
        seen=10,
        selected=9,
        dropped=dropped,
    )
    missing = ("other",) if dropped else ()
    account = Account(sources=(source,), missing=missing, closed_by="marker")
    return replace(piece, account=account)


def test_what_a_run_comes_to_is_in_few_rows(
    layout: Layout, writer: StoreWriter, store: Store
) -> None:
    writer.write([filled(layout, 7, n, dropped=n == 2) for n in (1, 2, 3)], {})
    good, bad, none = Outcome.GOOD, Outcome.BAD, Outcome.INSUFFICIENT
    writer.write([reported(7, n, good, none) for n in (1, 2)], {})
    writer.write([reported(7, 3, none), reported(7, 3, bad, scope="run")], {})
    writer.write([reported(7, 2, good, bad)], {})  # judged again
    known = [Conditions(run=7, lumisection=n, delivered=0.1) for n in (1, 2)]
    writer.write([*known, Conditions(run=7, lumisection=2, delivered=0.3)], {})
    found = store.tallies([7, 8])
    assert found[7].outcomes("set", "every") == {good: 1, bad: 1, none: 1}
    account = found[7].account("set")
    assert (account["seen"], account["dropped"], account["missing:other"]) == (30, 1, 1)
    assert found[7].luminosity("delivered") == 0.4
    assert found[7].luminosity("recorded") is None
    assert found[8].counts == {}
    assert store.brought([7, 8]) == {7: (("set", "every"),), 8: ()}


def test_runs_are_listed_by_an_outcome_that_an_ls_has(
    layout: Layout, writer: StoreWriter, store: Store
) -> None:
    for run, outcome in ((1, Outcome.BAD), (2, Outcome.GOOD), (3, Outcome.BAD)):
        writer.write([filled(layout, run, 1), reported(run, 1, outcome)], {})
    first = store.runs(outcome=Outcome.BAD, limit=1)
    assert [one.run for one in first.items] == [3]
    assert first.after is not None
    rest = store.runs(outcome=Outcome.BAD, limit=1, after=first.after)
    assert [one.run for one in rest.items] == [1]
    writer.write([reported(1, 1, Outcome.GOOD)], {})
    assert [one.run for one in store.runs(outcome=Outcome.BAD).items] == [3]


messages = st.one_of(
    st.tuples(
        st.just("reports"),
        st.integers(1, 2),
        st.integers(1, 3),
        st.lists(st.sampled_from(list(Outcome)), max_size=3),
    ),
    st.tuples(st.just("set"), st.integers(1, 2), st.integers(1, 3), st.integers(0, 2)),
    st.tuples(
        st.just("told"),
        st.integers(1, 2),
        st.integers(1, 3),
        st.none() | st.floats(0, 10, allow_nan=False),
    ),
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(messages, max_size=6), max_size=4))
def test_counted_message_by_message_it_is_what_counting_anew_gives(
    batches: list[list[tuple[Any, ...]]],
    layout: Layout,
    writer: StoreWriter,
    url: str,
) -> None:
    """Whatever is recorded, in whatever transactions, replacing whatever was there."""
    for number, batch in enumerate(batches):
        writer.write([_message(layout, number, one) for one in batch], {})
    database = Database(url, writing=True)
    try:
        counted = _counts(database)
        with database.transaction() as connection:
            count_again(connection)
        assert _counts(database) == counted
        with database.transaction() as connection:
            count_again(connection, 1)
        assert _counts(database) == counted
    finally:
        database.close()


def _message(layout: Layout, version: int, one: tuple[Any, ...]) -> Any:
    kind, run, number, what = one
    match kind:
        case "reports":
            return reported(run, number, *what)
        case "set":
            return filled(layout, run, number, dropped=what, version=version)
        case _:
            return Conditions(run=run, lumisection=number, delivered=what, recorded=what)


def _counts(database: Database) -> dict[int, RunTally]:
    with database.transaction() as connection:
        return tallies_of(connection, [1, 2])


def test_an_older_store_is_counted_when_it_is_brought_up_and_a_backup_brings_its_counts(
    layout: Layout, writer: StoreWriter, url: str, tmp_path: Path
) -> None:
    writer.write([filled(layout, 1, 1, dropped=3), reported(1, 1, Outcome.WARNING)], {})
    writer.write([Conditions(run=1, lumisection=1, recorded=2.5)], {})
    database = Database(url, writing=True)
    before = _counts(database)
    assert before[1].account("set")["dropped"] == 3
    schema.downgrade(database, "0003")
    schema.upgrade(database)
    assert _counts(database) == before
    back_up(url, 1, tmp_path / "one", now=1)
    with database.transaction() as connection:
        connection.execute(text("UPDATE runs SET ended = true"))
    pruner = Pruner(url)
    pruner.prune(Retention(lumisections=Keep(runs=0), sums=Keep(runs=0)), 1_800_000_000_000_000_000)
    pruner.close()
    assert _counts(database)[1].counts == {}
    restore(tmp_path / "one", url)
    assert _counts(database) == before
    database.close()
