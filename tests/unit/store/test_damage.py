"""A damaged store says so by an error of ours, and gives no wrong sum in silence."""

import random
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from dqmstream.errors import DqmError, StoreError
from dqmstream.histograms.layout import Layout
from dqmstream.store.backup import back_up
from dqmstream.store.pruning import Pruner
from dqmstream.store.retention import Keep, Retention
from dqmstream.store.sizes import run_sizes
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND, closed_set, random_contents
from dqmstream.store.writer import StoreWriter

RNG = np.random.default_rng(23)
LAYOUT = Layout(EVERY_KIND)


@pytest.fixture(scope="module")
def whole(make_sqlite, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store in one file: runs 1 and 2, compacted in part, with something late."""
    folder: Path = tmp_path_factory.mktemp("whole")
    url = make_sqlite(folder)
    writer = StoreWriter(url, log="log")
    writer.write([EVERY_KIND], {})
    for run in (1, 2):
        for n in range(1, 13):
            contents = random_contents(LAYOUT, RNG, entries=50)
            writer.write([closed_set(contents, run=run, lumisection=n)], {})
    writer.write([closed_set(contents, run=1, lumisection=3, segment=1)], {})
    writer.compact()
    with writer._database.engine.connect() as connection:
        connection.rollback()
        connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    writer.close()
    return (folder / "store.sqlite").read_bytes()


def read_everything(url: str) -> None:
    with Store(url) as store:
        store.activations()
        store.holes()
        store.removed()
        for run in store.runs(limit=1000).items:
            store.lumisections(run.run)
            store.reports(run.run)
            store.missing(run.run)
            for name in store.sets(run.run):
                for workspace, booking in store.bookings(name).items():
                    store.booking(booking)
                    store.contents(name, run.run, workspace)
                    store.late(name, run.run, workspace)
                    store.contents(name, run.run, workspace, range(2, 7))
                    store.element_trend(name, run.run, workspace, "one/counts")
    run_sizes(url)


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bits_are_an_error_of_ours_or_harmless(
    whole: bytes, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    bad = bytearray(whole)
    for _ in range(chance.choice([1, 10, 200])):
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
    file = tmp_path / "store.sqlite"
    file.write_bytes(bad)
    url = f"sqlite:///{file}"
    for attempt in (
        lambda: read_everything(url),
        lambda: back_up(url, 1, tmp_path / "backup", now=1),
        lambda: _prune(url),
    ):
        with suppress(DqmError):
            attempt()


def _prune(url: str) -> None:
    pruner = Pruner(url)
    try:
        pruner.prune(Retention(lumisections=Keep(runs=0)), 1_800_000_000_000_000_000)
    finally:
        pruner.close()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9])
def test_a_store_cut_short_is_an_error(whole: bytes, tmp_path: Path, share: float) -> None:
    file = tmp_path / "store.sqlite"
    file.write_bytes(whole[: int(len(whole) * share)])
    if not share:
        read_everything(f"sqlite:///{file}")  # an empty file is an empty store
        return
    with pytest.raises(StoreError):
        read_everything(f"sqlite:///{file}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE merged SET beside = x'c1'",
        "UPDATE merged SET beside = x'92'",
        "UPDATE merged SET beside = x'92808100a1fb'",
        "UPDATE chunks SET lumisections = x'010203'",
        "UPDATE chunks SET lumisections = x'ffffffff'",
        "UPDATE chunks SET total = x'00'",
        "UPDATE chunk_elements SET cells = x'00'",
        "DELETE FROM chunk_elements WHERE element = 0",
        "DELETE FROM blocks WHERE series = 2",
        "DELETE FROM chunks",
        "UPDATE lumisections SET account = '{'",
        "UPDATE runs SET sources = '['",
        "UPDATE runs SET marks = '7'",
        "UPDATE bookings SET body = x'00'",
        "UPDATE pieces SET body = x'00'",
        "UPDATE pieces SET schema = 99",
        "DROP TABLE merged",
        "UPDATE series SET booking = 'another'",
    ],
)
def test_values_that_cannot_be_are_an_error_of_ours(
    whole: bytes, tmp_path: Path, statement: str
) -> None:
    file = tmp_path / "store.sqlite"
    file.write_bytes(whole)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(statement)
    with pytest.raises(StoreError) as raised:
        read_everything(f"sqlite:///{file}")
    assert str(raised.value)
