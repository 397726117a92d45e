"""A run in one file, and back, bit by bit, to either database; what is damaged is not taken in."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqmstream.errors import NotStoredError, StoreError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Activation
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReport, QualityReports
from dqmstream.store import backup as sealing
from dqmstream.store.answers import AsOf
from dqmstream.store.backup import back_up, read_seal, restore
from dqmstream.store.database import Database
from dqmstream.store.pruning import Pruner
from dqmstream.store.retention import Keep, Retention
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND, closed_set, partition_sets, random_contents
from dqmstream.store.writer import StoreWriter

RNG = np.random.default_rng(13)
NOW = 1_800_000_000_000_000_000


@pytest.fixture
def recorded(writer: StoreWriter, layout: Layout, url: str) -> str:
    """A store with runs 1 and 2 of two sets: compacted, late, replaced, judged and waiting."""
    offset = 0
    for run in (1, 2):
        for n in range(1, 12):
            sets = partition_sets(layout, RNG, run=run, lumisection=n, partitions=2)
            other = closed_set(random_contents(layout, RNG), run=run, lumisection=n, set="other")
            report = QualityReport(path="p", qtname="q", algorithm="a", outcome=Outcome.BAD)
            messages = [
                *sets,
                other,
                Conditions(run=run, lumisection=n, fill=7000, luminosity=1.5 + n),
                QualityReports(
                    set="set",
                    run=run,
                    lumisection=n,
                    workspace="every",
                    scope="run",
                    complete=True,
                    versions=(1,),
                    reports=(report,),
                ),
            ]
            writer.write(messages, {}, offsets=range(offset, offset + len(messages)))
            offset += len(messages)
            if n == 9:
                writer.compact()
    again = list(partition_sets(layout, RNG, run=1, lumisection=2, partitions=2, epoch=1))
    waiting = next(partition_sets(layout, RNG, run=1, lumisection=3, partitions=2, epoch=1))
    late = closed_set(
        random_contents(layout, RNG), run=1, lumisection=5, segment=1, partitions=2, partition=1
    )
    activation = Activation(set="set", workspaces=("every",), from_run=1, who="me", when=5)
    writer.write([*again, waiting, late, activation], {}, offsets=range(900, 905))
    return url


def answers(url: str, run: int) -> Any:
    """Everything a store answers about a run."""
    with Store(url) as store:
        found: list[Any] = [
            [one for one in store.runs(limit=1000).items if one.run == run],
            store.sets(run),
            store.lumisections(run).items,
            store.reports(run).items,
            store.outcomes(run).items,
            [one for one in store.activations() if one.from_run <= run],
        ]
        for name in store.sets(run):
            for workspace, booking in store.bookings(name).items():
                found.append((name, workspace, store.booking(booking)))
                for as_of in (AsOf(), AsOf(offset=30), AsOf(offset=901)):
                    window = store.contents(name, run, workspace, as_of=as_of)
                    found.append((as_of, window.lumisections, window.replaced, _told(window)))
                late = store.late(name, run, workspace)
                found.append((late.lumisections, _told(late)))
                for element in store.layout(name, run, workspace):
                    trend = store.element_trend(name, run, workspace, element.element.path)
                    found.append((trend.lumisections.tolist(), trend.cells.tolist()))
                    found.append((trend.scalars, trend.invalid))
        return found


def _told(window: Any) -> Any:
    contents = window.contents
    return contents.cells.tolist(), contents.scalars, contents.invalid


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def other_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store to restore into, of either kind."""
    folder = tmp_path / "other"
    folder.mkdir()
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'store.sqlite'}"
    url: str = request.getfixturevalue("stores").make(folder)
    return url


def test_a_restored_run_answers_all_that_it_did(
    recorded: str, other_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "run1.backup"
    made = back_up(recorded, 1, file, now=NOW)
    assert (made.run, made.log, made.made) == (1, "log", NOW)
    assert read_seal(file) == made
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["run1.backup"]
    assert restore(file, other_url).changed
    assert answers(other_url, 1) == answers(recorded, 1)
    with Store(other_url) as store:
        assert [run.run for run in store.runs().items] == [1]
        assert store.positions() == {}


def test_restoring_again_changes_nothing_also_after_compaction(
    recorded: str, other_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "run1.backup"
    back_up(recorded, 1, file, now=NOW)
    assert restore(file, recorded).changed is False
    assert restore(file, other_url).changed
    before = answers(other_url, 1)
    writer = StoreWriter(other_url, log="another log")
    assert writer.compact() > 0
    writer.close()
    assert restore(file, other_url).changed is False
    assert answers(other_url, 1) == before


def test_a_run_of_other_contents_is_never_overwritten(
    recorded: str, writer: StoreWriter, layout: Layout, tmp_path: Path
) -> None:
    file = tmp_path / "run2.backup"
    back_up(recorded, 2, file, now=NOW)
    writer.write([closed_set(random_contents(layout, RNG), run=2, lumisection=12, set="other")], {})
    before = answers(recorded, 2)
    with pytest.raises(StoreError, match=r"holds run 2 with other contents than backup .*run2"):
        restore(file, recorded)
    with pytest.raises(StoreError, match="workspace 'every' of set other differ; restore it into"):
        restore(file, recorded)
    assert answers(recorded, 2) == before


def test_a_restored_store_can_be_recorded_into(
    recorded: str, other_url: str, layout: Layout, tmp_path: Path
) -> None:
    file = tmp_path / "run1.backup"
    back_up(recorded, 1, file, now=NOW)
    restore(file, other_url)
    writer = StoreWriter(other_url, log="another log")
    writer.write([closed_set(random_contents(layout, RNG), run=9, lumisection=1)], {})
    newer = list(partition_sets(layout, RNG, run=1, lumisection=3, partitions=2, epoch=1))
    writer.write(newer[1:], {})
    writer.close()
    with Store(other_url) as store:
        assert store.contents("set", 9, "every").lumisections == (1,)
        assert len(store.contents("set", 1, "every").lumisections) == 11


def test_a_summed_run_is_backed_up_as_it_is(recorded: str, other_url: str, tmp_path: Path) -> None:
    pruner = Pruner(recorded)
    pruner.prune(Retention(lumisections=Keep(runs=1)), NOW)
    pruner.close()
    file = tmp_path / "run1.backup"
    back_up(recorded, 1, file, now=NOW)
    restore(file, other_url)
    with Store(recorded) as one, Store(other_url) as other:
        assert other.contents("set", 1, "every").contents.equals(
            one.contents("set", 1, "every").contents
        )
        assert other.runs().items[0].summed
        assert other.removed() == one.removed()


def test_a_backup_of_an_absent_run_leaves_no_file(recorded: str, tmp_path: Path) -> None:
    with pytest.raises(NotStoredError, match="nothing is stored of run 77"):
        back_up(recorded, 77, tmp_path / "file", now=NOW)
    (tmp_path / "there").write_text("mine")
    with pytest.raises(StoreError, match="is there already"):
        back_up(recorded, 1, tmp_path / "there", now=NOW)
    assert (tmp_path / "there").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["there"]


@pytest.fixture
def backup(make_sqlite: Callable[[Path], str], tmp_path: Path) -> Path:
    """A small backup of run 1."""
    folder = tmp_path / "source"
    folder.mkdir()
    url = make_sqlite(folder)
    writer = StoreWriter(url, log="log")
    layout = Layout(EVERY_KIND)
    writer.write([EVERY_KIND], {})
    for n in range(1, 9):
        contents = random_contents(layout, RNG, entries=1e6)
        writer.write([closed_set(contents, run=1, lumisection=n)], {})
    writer.close()
    file = tmp_path / "backup"
    back_up(url, 1, file, now=NOW)
    return file


def _refused(file: Path, folder: Path) -> str:
    url = f"sqlite:///{folder / 'target.sqlite'}"
    with pytest.raises(StoreError) as raised:
        restore(file, url)
    assert str(file) in str(raised.value)
    if (folder / "target.sqlite").exists():
        with Store(url) as store:
            assert store.runs().items == ()
    return str(raised.value)


def test_a_backup_cut_short_anywhere_is_refused(backup: Path, tmp_path: Path) -> None:
    whole = backup.read_bytes()
    for size in (0, 10, 100, 4096, len(whole) // 2, len(whole) - 4096, len(whole) - 1):
        cut = tmp_path / f"cut{size}"
        cut.write_bytes(whole[:size])
        assert "damaged" in _refused(cut, tmp_path)


def test_a_backup_with_flipped_bits_is_refused_or_restores_what_was_backed_up(
    backup: Path, tmp_path: Path
) -> None:
    """Some bits of the file mean nothing, such as free space of a page."""
    whole = backup.read_bytes()
    good = tmp_path / "good"
    good.mkdir()
    restore(backup, f"sqlite:///{good / 'store.sqlite'}")
    expected, refused = answers(f"sqlite:///{good / 'store.sqlite'}", 1), 0
    # Of its own, and one place that means something: most of a small database does not.
    chance = np.random.default_rng(17)
    with closing(sqlite3.connect(backup)) as connection:
        (cells,) = connection.execute("SELECT cells FROM blocks").fetchone()
    places = [*chance.integers(0, len(whole), 10).tolist(), whole.index(cells[:32]) + 7]
    for number, place in enumerate(places):
        bad = bytearray(whole)
        bad[place] ^= 1 << int(chance.integers(8))
        file = tmp_path / "flipped"
        file.write_bytes(bad)
        url = f"sqlite:///{tmp_path / f'target{number}.sqlite'}"
        try:
            restore(file, url)
        except StoreError:
            refused += 1
        else:
            assert answers(url, 1) == expected
    assert refused > 0


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM merged WHERE lumisection = 2", "is damaged: its rows have SHA-256"),
        ("UPDATE blocks SET cells = x'00'", "is damaged: its rows have SHA-256"),
        ("CREATE TABLE foreign_one (a)", "is damaged: its rows have SHA-256"),
        ("ALTER TABLE runs ADD COLUMN more", "is damaged: its rows have SHA-256"),
        ("DELETE FROM backup", "has formats [], this release reads format 1"),
        ("UPDATE backup SET format = 2", "has formats [2], this release reads format 1"),
        ("DROP TABLE backup", "is no backup of a run, or is damaged: no such table: backup"),
    ],
)
def test_a_backup_that_was_changed_is_refused(
    backup: Path, tmp_path: Path, statement: str, said: str
) -> None:
    with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
        connection.execute(statement)
    assert said in _refused(backup, tmp_path)


def _sealed_anew(file: Path, *statements: str) -> None:
    """Changed by somebody who can also sign."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.execute("UPDATE backup SET sha256 = ?", (sealing._sha256(connection),))


def test_a_backup_of_a_newer_release_is_refused(backup: Path, tmp_path: Path) -> None:
    _sealed_anew(backup, "UPDATE alembic_version SET version_num = '9999'")
    assert "has schema 9999" in _refused(backup, tmp_path)


def test_damaged_contents_under_a_good_seal_are_refused(backup: Path, tmp_path: Path) -> None:
    _sealed_anew(backup, "UPDATE blocks SET cells = x'00'")
    url = f"sqlite:///{tmp_path / 'target.sqlite'}"
    with pytest.raises(StoreError, match="cannot be unpacked"):
        restore(backup, url)
    with Store(url) as store:
        assert store.runs().items == ()


def test_what_is_no_backup_is_refused(tmp_path: Path, sqlite_url: str) -> None:
    text = tmp_path / "text"
    text.write_text("no database at all, but long enough to be read as one" * 100)
    assert "is no backup of a run" in _refused(text, tmp_path)
    assert "there is no such file" in _refused(tmp_path / "absent", tmp_path)
    store = Path(sqlite_url.removeprefix("sqlite:///"))
    assert "no such table: backup" in _refused(store, tmp_path)


def test_a_full_disk_leaves_the_store_as_it_was(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'target.sqlite'}"
    with Store(url):
        pass
    begun = Database.transaction

    def limited(self: Database) -> Any:
        if self.name == url:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA max_page_count = 10")
                connection.rollback()
        return begun(self)

    monkeypatch.setattr(Database, "transaction", limited)
    with pytest.raises(StoreError, match="disk is full"):
        restore(backup, url)
    monkeypatch.undo()
    with Store(url) as store:
        assert store.runs().items == ()
    assert restore(backup, url).changed
