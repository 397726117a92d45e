"""Two releases on one store: who brings it up, who goes on with it, and who is refused."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from os import pathsep
from pathlib import Path

import numpy as np
import pytest
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from dqmstream.errors import StoreError
from dqmstream.histograms.layout import Layout
from dqmstream.store import releases, schema
from dqmstream.store.backup import back_up
from dqmstream.store.database import Database
from dqmstream.store.releases import Fit, Migration, Older, fit_of, strictest
from dqmstream.store.retention import Retention
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND, closed_set, random_contents
from dqmstream.store.writer import StoreWriter

RNG = np.random.default_rng(6)
HEAD = "0005"
NEXT = "0006"
LAYOUT = Layout(EVERY_KIND)
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
older_releases = "{older}"


def upgrade():
    op.create_table("of_{revision}", sa.Column("run", sa.BigInteger(), primary_key=True))


def lost(connection):
    yield from ()


def downgrade():
    op.drop_table("of_{revision}")
"""

chains = st.lists(st.sampled_from(Older), min_size=1, max_size=6).map(
    lambda kinds: [Migration(f"{n:04}", kind) for n, kind in enumerate(kinds, 1)]
)


@given(chains)
def test_a_release_fits_where_each_migration_after_it_lets_the_one_before_go_on(chain) -> None:
    fit = fit_of(chain)
    for at, one in enumerate(chain):
        later = {each.older for each in chain[at + 1 :]}
        assert (one.revision >= fit.read) == (Older.NOTHING not in later)
        assert (one.revision >= fit.record) == (later <= {Older.RECORD})
        assert strictest(chain[at + 1 :]) in later | {Older.RECORD}
    assert fit.read <= fit.record <= chain[-1].revision


def test_no_schema_is_before_the_first() -> None:
    with pytest.raises(ValueError, match="before the first"):
        fit_of([])


class Release:
    """Another release: this one with migrations of its own after the last, or without the last."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self._patch, self._folder = patch, folder
        self._own = schema._migrations

    def newer(self, *older: str) -> None:
        """From here on: as many schemas more, of which it says what older releases can do."""
        for n, kind in enumerate(older, int(HEAD) + 1):
            words = {"revision": f"{n:04}", "before": f"{n - 1:04}", "older": kind}
            (self._folder / f"{n:04}_next.py").write_text(MIGRATION.format(**words))
        self._patch.setattr(schema, "_migrations", self._with_more)

    def this(self) -> None:
        """From here on this one again."""
        self._patch.setattr(schema, "_migrations", self._own)

    @contextmanager
    def _with_more(self) -> Iterator[Config]:
        with self._own() as config:
            own = f"{config.get_main_option('script_location')}/versions"
            config.set_main_option("version_locations", f"{own}{pathsep}{self._folder}")
            yield config


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Release:
    folder = tmp_path / "versions"
    folder.mkdir()
    return Release(monkeypatch, folder)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """The store, for whoever looks into it; taken back afterwards, for servers are shared."""
    database = Database(url, writing=True)
    yield database
    with database.transaction() as connection:
        for name in (NEXT, "0007"):
            connection.execute(text(f"DROP TABLE IF EXISTS of_{name}"))
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{HEAD}'"))  # noqa: S608
        releases.note(connection, Fit("0003", "0004"))
    database.close()


def record(writer: StoreWriter, lumisection: int) -> None:
    piece = closed_set(random_contents(LAYOUT, RNG), run=1, lumisection=lumisection)
    writer.write([piece], {("dqm.histograms", 0): lumisection}, offsets=[lumisection])


def standing(database: Database) -> str | None:
    with database.transaction() as connection:
        return schema.standing(connection)


def test_a_store_that_was_made_says_which_releases_fit(database: Database) -> None:
    """Those of before 0004 did not count what runs come to, and those of before 0003 no sums."""
    assert schema.fit(database) == Fit(read="0003", record="0004")


OPENED: list[Callable[[str], Store | StoreWriter]] = [
    Store,
    lambda url: StoreWriter(url, log="log"),
]


@pytest.mark.parametrize("opened", OPENED, ids=["gateway", "recorder"])
def test_a_schema_with_which_the_release_before_goes_on_comes_by_itself(
    opened: Callable[[str], Store | StoreWriter],
    url: str,
    writer: StoreWriter,
    database: Database,
    release: Release,
) -> None:
    """Recorder and gateway of the older release go on below it, and after a restart too."""
    writer.write([EVERY_KIND], {})
    record(writer, 1)
    store = Store(url)
    release.newer("record")
    opened(url).close()
    assert (standing(database), schema.fit(database)) == (NEXT, Fit("0003", "0004"))
    release.this()
    record(writer, 2)
    writer.compact()
    assert store.contents("set", 1, "every").lumisections == (1, 2)
    store.close()
    writer.close()
    again = StoreWriter(url, log="log")
    record(again, 3)
    again.close()
    with Store(url) as gateway:
        assert gateway.contents("set", 1, "every").lumisections == (1, 2, 3)
        assert gateway.tallies([1])[1].account("set")["lumisections"] == 3
    assert standing(database) == NEXT, "an older release leaves it as it is"


@pytest.mark.parametrize("opened", OPENED, ids=["gateway", "recorder"])
@pytest.mark.parametrize(
    "case",
    [
        (["read"], "into which older releases cannot record: stop their recorder, and bring"),
        (["nothing"], "which older releases cannot use: stop their recorder and gateways, and"),
        (["nothing", "record"], "which older releases cannot use: stop their"),
    ],
)
def test_any_other_schema_takes_a_command(
    case: tuple[list[str], str],
    opened: Callable[[str], Store | StoreWriter],
    url: str,
    database: Database,
    release: Release,
) -> None:
    older, whom = case
    release.newer(*older)
    with pytest.raises(StoreError, match=whom) as refused:
        opened(url)
    assert f"has schema {HEAD}, this release needs 000{5 + len(older)}" in str(refused.value)
    assert "by `dqmstream store migrate`" in str(refused.value)
    assert standing(database) == HEAD, "and it is as it was"
    schema.upgrade(database)
    opened(url).close()


def test_a_recorder_below_whom_the_schema_went_where_it_cannot_follow_records_nothing_more(
    url: str, writer: StoreWriter, store: Store, database: Database, release: Release
) -> None:
    """Nobody stopped it before; gateways read on, as that schema lets them, and may restart."""
    writer.write([EVERY_KIND], {})
    record(writer, 1)
    release.newer("read")
    schema.upgrade(database)
    release.this()
    for what in (lambda: record(writer, 2), writer.compact, lambda: writer.prune(Retention(), 1)):
        with pytest.raises(StoreError, match=f"has schema {NEXT}, this release knows up to {HEAD}"):
            what()
    with pytest.raises(StoreError, match=f"knows up to {HEAD}"):
        StoreWriter(url, log="log")
    assert store.contents("set", 1, "every").lumisections == (1,)
    with Store(url) as again:
        assert again.contents("set", 1, "every").lumisections == (1,)
    # Taken back, it goes on where it stood.
    release.newer("read")
    schema.downgrade(database, HEAD)
    release.this()
    record(writer, 2)
    assert store.contents("set", 1, "every").lumisections == (1, 2)


def test_a_recorder_below_whom_the_schema_is_taken_back_records_nothing_more(
    writer: StoreWriter, database: Database
) -> None:
    schema.downgrade(database, "0004")
    with pytest.raises(StoreError, match="has schema 0004, this release needs 0005: somebody has"):
        record(writer, 1)
    schema.upgrade(database)
    writer.write([EVERY_KIND], {})
    record(writer, 1)


def test_gateways_of_an_older_release_are_refused_where_they_would_show_what_is_wrong(
    url: str, database: Database, release: Release
) -> None:
    release.newer("nothing")
    schema.upgrade(database)
    release.this()
    for opened in OPENED:
        with pytest.raises(StoreError, match=f"schema {NEXT}, this release knows up to {HEAD}"):
            opened(url)


@pytest.mark.parametrize("opened", OPENED, ids=["gateway", "recorder"])
def test_a_newer_store_that_says_nothing_of_older_releases_is_refused(
    opened: Callable[[str], Store | StoreWriter], url: str, database: Database
) -> None:
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        releases.note(connection, None)
    with pytest.raises(StoreError, match="has schema 9999, this release knows up to 0005"):
        opened(url)


def test_a_backup_is_made_by_a_release_that_knows_the_whole_schema(
    url: str, writer: StoreWriter, database: Database, release: Release, tmp_path: Path
) -> None:
    """An older one could leave out what it does not know of."""
    writer.write([EVERY_KIND], {})
    record(writer, 1)
    release.newer("record")
    schema.upgrade(database)
    release.this()
    with pytest.raises(StoreError, match=f"knows up to {HEAD}"):
        back_up(url, 1, tmp_path / "backup", now=1)


def test_gateways_that_start_at_once_bring_it_up_once(
    url: str, writer: StoreWriter, database: Database, release: Release
) -> None:
    """While a recorder of the older release writes."""
    writer.write([EVERY_KIND], {})
    release.newer("record", "record")
    with ThreadPoolExecutor(4) as threads:
        opening = [threads.submit(Store, url) for _ in range(3)]
        recording = threads.submit(lambda: [record(writer, n) for n in range(1, 9)])
        for one in opening:
            one.result().close()
        recording.result()
    assert standing(database) == "0007"
    with Store(url) as store:
        assert store.contents("set", 1, "every").lumisections == tuple(range(1, 9))
