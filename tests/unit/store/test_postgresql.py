"""What only a server can do to a store: cut connections, keep locks, follow at a distance."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.engine import make_url

from dqmstream.errors import StoreError
from dqmstream.histograms.layout import Layout
from dqmstream.store.recording import Recorded
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND, closed_set, random_contents
from dqmstream.store.writer import StoreWriter
from tests.postgresql import PASSWORD, EmptyStores, PostgreSQL

pytestmark = pytest.mark.integration

RNG = np.random.default_rng(11)
_CUT_OFF_WHO_WAITS = """
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
LAYOUT = Layout(EVERY_KIND)
HERE = ("dqm.histograms", 0)


@pytest.fixture
def url(stores: EmptyStores, tmp_path: Path) -> str:
    """URL of an empty store in PostgreSQL."""
    return stores.make(tmp_path)


@contextmanager
def recording(url: str) -> Iterator[StoreWriter]:
    """A writer that knows the booking."""
    writer = StoreWriter(url, log="log")
    try:
        writer.write([EVERY_KIND], {})
        yield writer
    finally:
        writer.close()


def cut_off(server: PostgreSQL, url: str) -> None:
    """End all connections to a store; none is left, however busy the machine."""
    name = make_url(url).database
    ended = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
    server.execute(f"{ended} WHERE datname = '{name}'")


def test_a_writer_and_a_reader_that_were_cut_off_connect_again(
    url: str, server: PostgreSQL
) -> None:
    with recording(url) as writer, Store(url) as store:
        for n in (1, 2, 3):
            cut_off(server, url)
            writer.write([closed_set(random_contents(LAYOUT, RNG), run=1, lumisection=n)], {})
            cut_off(server, url)
            assert store.contents("set", 1, "every").lumisections == tuple(range(1, n + 1))


def test_a_batch_that_is_cut_off_half_way_changed_nothing_and_can_be_written_again(
    url: str, server: PostgreSQL
) -> None:
    contents = random_contents(LAYOUT, RNG)
    batch = [closed_set(contents, run=1, lumisection=1)]
    with recording(url) as writer, Store(url) as store:
        with server.connected(str(make_url(url).database)) as holder, ThreadPoolExecutor(1) as one:
            holder.execute("BEGIN")
            holder.execute("LOCK TABLE merged IN ACCESS EXCLUSIVE MODE")
            written = one.submit(writer.write, batch, {HERE: 7})
            while not holder.execute(_CUT_OFF_WHO_WAITS).fetchall():
                assert not written.done()
            with pytest.raises(StoreError, match="terminating connection"):
                written.result()
            holder.execute("ROLLBACK")
        assert writer.positions() == {}
        assert isinstance(writer.write(batch, {HERE: 7}), Recorded)
        assert store.contents("set", 1, "every").contents.equals(contents)


def test_two_writers_at_one_time_take_turns(url: str) -> None:
    """Each sees what the other has written: neither a duplicate nor a deadlock."""
    sets = [closed_set(random_contents(LAYOUT, RNG), run=1, lumisection=n) for n in range(1, 31)]

    def write_all() -> None:
        with recording(url) as writer:
            for one in sets:
                assert isinstance(writer.write([one], {}), Recorded)
                writer.compact()

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(write_all) for _ in range(2)]:
            done.result()
    with Store(url) as store:
        assert store.contents("set", 1, "every").lumisections == tuple(range(1, 31))


def test_a_read_only_replica_answers_what_the_server_does(server: PostgreSQL, url: str) -> None:
    contents = random_contents(LAYOUT, RNG)
    with recording(url) as writer:
        writer.write([closed_set(contents, run=1, lumisection=1)], {HERE: 1})
    replica = server.replica()
    replica.start()
    try:
        replicated = replica.url_of(str(make_url(url).database))
        with Store(replicated) as store:
            assert store.contents("set", 1, "every").contents.equals(contents)
            assert store.positions() == {HERE: 1}
        with pytest.raises(StoreError, match="read-write mode"):
            StoreWriter(replicated, log="log").write([], {HERE: 2})
    finally:
        replica.stop()


def test_no_error_shows_the_password(url: str, server: PostgreSQL) -> None:
    wrong = make_url(url).set(password="another: s@cret/")  # noqa: S106
    for broken in (wrong, make_url(url).set(port=1), make_url(url).set(database="absent")):
        with pytest.raises(StoreError) as raised:
            Store(broken.render_as_string(hide_password=False))
        shown = f"{raised.value} {raised.value!r} {raised.value.__cause__}"
        assert "***@127.0.0.1" in shown
        assert PASSWORD not in shown
        assert "s@cret" not in shown
