"""Chunks: written when they are due, exactly what the tail was, also under a reader's eyes."""

from collections.abc import Iterable
from threading import Event, Thread

import numpy as np
import pytest
from sqlalchemy import func, select

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Histogram, Regular
from dqmstream.messages.events import RunEnd
from dqmstream.store.compaction import ChunkSettings
from dqmstream.store.database import Database
from dqmstream.store.store import Store
from dqmstream.store.tables import BLOCKS, CHUNKS, PIECES
from dqmstream.store.testing import EVERY_KIND, closed_set, partition_sets, random_contents
from dqmstream.store.writer import StoreWriter

RNG = np.random.default_rng(11)


def record(
    writer: StoreWriter, layout: Layout, lumisections: Iterable[int], run: int = 1
) -> frozenset[int]:
    """Record LSs of random contents; the ids of the series they are of."""
    sets = [
        closed_set(random_contents(layout, RNG), run=run, lumisection=lumisection)
        for lumisection in lumisections
    ]
    return writer.write(sets, {}).series


def tail(url: str) -> list[int]:
    """LSs that lie in the tail."""
    return _column(url, BLOCKS.c.lumisection)


def chunks(url: str) -> list[int]:
    """First LSs of the chunks."""
    return _column(url, CHUNKS.c.first)


def _column(url: str, column: object) -> list[int]:
    database = Database(url, writing=False)
    with database.transaction() as connection:
        found = sorted(connection.execute(select(column)).scalars())
    database.close()
    return found


def test_a_chunk_is_due_when_enough_lumisections_have_closed_after_it(
    url: str, writer: StoreWriter, layout: Layout
) -> None:
    """Chunks of 4 LSs (0 to 3, 4 to 7, ...) that wait for 2 more."""
    busy = record(writer, layout, range(1, 6))
    assert writer.compact(busy) == 0
    busy = record(writer, layout, [6])
    assert writer.compact(busy) == 1
    assert (chunks(url), tail(url)) == ([0], [4, 5, 6])
    assert writer.compact(busy) == 0


def test_a_run_that_is_followed_by_another_is_compacted_once_nothing_comes_for_it(
    url: str, writer: StoreWriter, layout: Layout
) -> None:
    first = record(writer, layout, range(1, 4))
    record(writer, layout, [1], run=2)
    assert writer.compact(first) == 0
    assert writer.compact() == 1
    assert (chunks(url), tail(url)) == ([0], [1])


def test_a_run_that_has_ended_is_compacted_once_nothing_comes_for_it(
    url: str, writer: StoreWriter, layout: Layout
) -> None:
    record(writer, layout, range(1, 4))
    end = RunEnd(
        run=1, source="s", incarnation="a", rereadable=True, partitions=1, last_lumisection=3
    )
    writer.write([end], {})
    assert writer.compact() == 1
    assert (chunks(url), tail(url)) == ([0], [])


def test_a_lumisection_that_comes_after_its_chunk_is_folded_in(
    url: str, writer: StoreWriter, store: Store, layout: Layout
) -> None:
    record(writer, layout, [1, 3, 8])
    assert writer.compact() == 1
    record(writer, layout, [2])
    assert tail(url) == [2, 8]
    assert store.contents("set", 1, "every").lumisections == (1, 2, 3, 8)
    before = store.contents("set", 1, "every", [1, 2]).contents
    assert writer.compact() == 1
    assert tail(url) == [8]
    assert store.contents("set", 1, "every", [1, 2]).contents.equals(before)


def test_pieces_of_partitions_are_kept_no_longer_than_the_tail(
    url: str, writer: StoreWriter, layout: Layout
) -> None:
    for lumisection in range(1, 7):
        writer.write(
            list(partition_sets(layout, RNG, run=1, lumisection=lumisection, partitions=2)), {}
        )
    assert len(_column(url, PIECES.c.id)) == 12
    writer.compact()
    assert sorted(_column(url, PIECES.c.lumisection)) == [4, 4, 5, 5, 6, 6]


def test_a_workspace_of_many_cells_has_shorter_chunks() -> None:
    axes = (Regular(bins=998, lower=0.0, upper=1.0),) * 2
    element = Histogram(path="large", axes=axes, fill=("x", "y"))
    settings = ChunkSettings()
    assert settings.length(Layout(EVERY_KIND)) == 64
    assert settings.length(Layout(Booking(workspace="w", elements=(element,)))) == 8
    assert settings.length(Layout(Booking(workspace="w", elements=()))) == 64


def test_a_reader_never_sees_a_lumisection_twice_or_not_at_all(
    url: str, writer: StoreWriter, layout: Layout
) -> None:
    """While LSs move from the tail into chunks, every answer is the sum of the LSs it names."""
    recorded = {n: random_contents(layout, RNG) for n in range(1, 41)}
    wrong: list[str] = []
    answers = 0
    done = Event()

    def look() -> None:
        nonlocal answers
        with Store(url) as store:
            while not done.is_set() or not answers:
                window = store.contents("set", 1, "every")
                expected = Contents.total(layout, (recorded[n] for n in window.lumisections))
                if not window.contents.equals(expected):
                    wrong.append(f"wrong sum over {window.lumisections}")
                answers += 1

    writer.write([closed_set(recorded[1], run=1, lumisection=1)], {})
    thread = Thread(target=look)
    thread.start()
    try:
        for lumisection in range(2, 41):
            piece = closed_set(recorded[lumisection], run=1, lumisection=lumisection)
            writer.compact(writer.write([piece], {}).series)
    finally:
        done.set()
        thread.join()
    assert wrong == []
    assert answers > 0
    assert chunks(url) == list(range(0, 36, 4))


@pytest.mark.parametrize("empty", [True, False])
def test_a_booking_without_cells_is_stored_and_compacted(
    url: str, writer: StoreWriter, store: Store, empty: bool
) -> None:
    elements = () if empty else EVERY_KIND.elements[4:]
    booking = Booking(workspace="none", elements=elements)
    layout = Layout(booking)
    writer.write([booking], {})
    record(writer, layout, range(1, 8))
    assert writer.compact() == 1
    assert store.contents("set", 1, "none").lumisections == tuple(range(1, 8))
    assert len(_column(url, func.count(CHUNKS.c.first))) == 1
