"""Batches with their positions: all or nothing, whatever refuses, fills up or dies."""

import numpy as np
import pytest
from sqlalchemy import text

from dqmstream.errors import LogIdentityError, StoreError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.operations import Conditions
from dqmstream.store.answers import Hole
from dqmstream.store.compaction import ChunkSettings
from dqmstream.store.recording import Recorded
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND, closed_set, random_contents
from dqmstream.store.writer import StoreWriter

RNG = np.random.default_rng(3)
LAYOUT = Layout(EVERY_KIND)
HERE = ("dqm.histograms", 0)


def test_positions_stand_where_the_last_batch_ended(url: str, writer: StoreWriter) -> None:
    assert writer.positions() == {}
    writer.write([], {HERE: 5, ("dqm.quality", 0): 1})
    writer.write([], {HERE: 9})
    with Store(url) as store:
        assert store.positions() == writer.positions() == {HERE: 9, ("dqm.quality", 0): 1}


def test_a_refused_message_keeps_the_whole_batch_out_until_it_is_taken_out(
    writer: StoreWriter, store: Store, layout: Layout
) -> None:
    good = [closed_set(random_contents(layout, RNG), run=1, lumisection=n) for n in (1, 2)]
    bad = Conditions(run=-1, lumisection=1)
    refused = writer.write([good[0], bad, good[1], bad], {HERE: 4})
    assert not isinstance(refused, Recorded)
    assert [(one.place, one.reason) for one in refused] == [
        (1, "out_of_range"),
        (3, "out_of_range"),
    ]
    assert store.runs().items == ()
    assert writer.positions() == {}
    assert isinstance(writer.write(good, {HERE: 4}), Recorded)
    assert store.contents("set", 1, "every").lumisections == (1, 2)


def test_a_booking_of_a_batch_that_was_not_kept_is_not_remembered(
    writer: StoreWriter, store: Store
) -> None:
    """Else its sets would be taken without it."""
    piece = closed_set(random_contents(Layout(EVERY_KIND), RNG), run=1, lumisection=1)
    assert not isinstance(
        writer.write([EVERY_KIND, piece, Conditions(run=-1, lumisection=1)], {}), Recorded
    )
    refused = writer.write([piece], {})
    assert not isinstance(refused, Recorded)
    assert refused[0].reason == "unknown_booking"
    assert isinstance(writer.write([EVERY_KIND, piece], {}), Recorded)
    assert store.contents("set", 1, "every").lumisections == (1,)


def test_the_history_of_another_log_is_refused(url: str, writer: StoreWriter) -> None:
    writer.write([], {HERE: 1})
    with pytest.raises(LogIdentityError, match="holds the history of log log, this is log other"):
        StoreWriter(url, log="other")
    StoreWriter(url, log="log").close()


def test_holes_are_kept_with_the_positions_behind_them(writer: StoreWriter, store: Store) -> None:
    hole = Hole(topic="dqm.histograms", partition=0, first=5, next_offset=9, noticed=1)
    writer.write([], {HERE: 9}, [hole])
    assert store.holes() == (hole,)


def _limit_pages(writer: StoreWriter, pages: int) -> None:
    with writer._database.engine.begin() as connection:
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))


def test_a_full_disk_is_an_error_after_which_the_same_batch_can_be_written(
    sqlite_url: str,
) -> None:
    writer = StoreWriter(sqlite_url, log="log", chunks=ChunkSettings(longest=4, lag=2))
    writer.write([EVERY_KIND], {})
    contents = {n: random_contents(LAYOUT, RNG, entries=1e6) for n in range(1, 41)}
    with writer._database.engine.begin() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    _limit_pages(writer, pages + 6)
    errors = []
    n = 1
    while n <= 40:
        try:
            recorded = writer.write([closed_set(contents[n], run=1, lumisection=n)], {HERE: n})
            assert isinstance(recorded, Recorded)
            writer.compact(recorded.series)
            n += 1
        except StoreError as error:
            errors.append(str(error))
            with Store(sqlite_url) as store:
                held = store.contents("set", 1, "every").lumisections
            assert held == tuple(range(1, writer.positions()[HERE] + 1))
            _limit_pages(writer, pages + 6 * (len(errors) + 1))
    assert errors
    assert {error.split(": ", 2)[-1] for error in errors} == {"database or disk is full"}
    writer.close()
    with Store(sqlite_url) as store:
        for lumisection, expected in contents.items():
            assert store.contents("set", 1, "every", [lumisection]).contents.equals(expected)


def test_a_second_writer_that_comes_in_between_is_waited_for(
    url: str, writer: StoreWriter, store: Store, layout: Layout
) -> None:
    other = StoreWriter(url, log="log", chunks=ChunkSettings(longest=4, lag=2))
    for n in range(1, 21):
        one = writer if n % 2 else other
        one.write([closed_set(random_contents(layout, RNG), run=1, lumisection=n)], {HERE: n})
        one.compact()
    other.close()
    assert store.contents("set", 1, "every").lumisections == tuple(range(1, 21))
