"""As of a moment the store answers as one that had read no further, and names what is gone."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dqmstream.errors import WindowError
from dqmstream.fold.sets import split
from dqmstream.histograms.layout import Layout
from dqmstream.messages.histograms import HistogramSet
from dqmstream.store.answers import AsOf, ElementTrend, Window
from dqmstream.store.compaction import ChunkSettings
from dqmstream.store.recording import Recorded
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND, closed_set, random_contents
from dqmstream.store.writer import StoreWriter

LAYOUT = Layout(EVERY_KIND)
PATH = "one/weighted"
TIME = 1_700_000_000_000_000_000
PLACE = ("dqm.histograms", 0)


class Logged(NamedTuple):
    """A set in the log, or a part of one; all parts were published at one time."""

    offset: int
    piece: HistogramSet


def random_log(chance: Random, *, shuffled: bool) -> list[Logged]:
    """Sets of a few LSs: of all partitions, late ones, in parts, replaced and repeated.

    Not `shuffled` they come in the order in which they were published.
    """
    rng = np.random.default_rng(chance.randrange(2**32))
    partitions = chance.randint(1, 3)
    pieces: list[HistogramSet] = []
    for lumisection in range(1, chance.randint(2, 9)):
        for segment in (0, *chance.sample([1, 2], k=chance.choice([0, 0, 1, 2]))):
            for epoch in range(chance.choice([1, 1, 2, 3])):
                for partition in range(partitions):
                    if segment and chance.random() < 0.5:
                        continue
                    whole = closed_set(
                        random_contents(LAYOUT, rng),
                        run=1,
                        lumisection=lumisection,
                        segment=segment,
                        epoch=epoch,
                        partition=partition,
                        partitions=partitions,
                        published=TIME + len(pieces),
                    )
                    pieces += split(whole, 60 if chance.random() < 0.2 else 1 << 20)
    if shuffled:
        chance.shuffle(pieces)
    pieces += chance.choices(pieces, k=3)
    log, offset = [], 0
    for piece in pieces:
        offset += chance.choice([1, 1, 1, 7])
        log.append(Logged(offset, piece))
    return log


def record(url: str, log: Sequence[Logged], chance: Random) -> None:
    """Record it in batches, with a compaction now and then."""
    chunks = ChunkSettings(longest=3, lag=1)
    with closing(StoreWriter(url, log="log", chunks=chunks)) as writer:
        writer.write([EVERY_KIND], {})
        for start in range(0, len(log), 5):
            batch = log[start : start + 5]
            recorded = writer.write(
                [one.piece for one in batch],
                {PLACE: batch[-1].offset + 1},
                offsets=[one.offset for one in batch],
            )
            assert isinstance(recorded, Recorded)
            if chance.random() < 0.4:
                writer.compact(frozenset() if chance.random() < 0.3 else recorded.series)


def check_as_of(store: Store, then: Store, as_of: AsOf) -> None:
    """What counts equals, bit by bit, what a store of that moment holds; the rest is named."""
    if not then.sets(1):
        assert store.contents("set", 1, "every", as_of=as_of).lumisections == ()
        return
    for read in ("contents", "late"):
        now: Window = getattr(store, read)("set", 1, "every", as_of=as_of)
        known: Window = getattr(then, read)("set", 1, "every")
        assert sorted((*now.lumisections, *now.replaced)) == list(known.lumisections), read
        same: Window = getattr(then, read)("set", 1, "every", now.lumisections)
        assert now.contents.equals(same.contents)
    window = store.element_window("set", 1, "every", PATH, as_of=as_of)
    same = then.element_window("set", 1, "every", PATH, window.lumisections)
    assert window.contents.equals(same.contents)
    trend = store.element_trend("set", 1, "every", PATH, as_of=as_of)
    check_trend(trend, then.element_trend("set", 1, "every", PATH, list(window.lumisections)))
    assert trend.replaced == window.replaced
    listed = store.lumisections(1, workspace="every", as_of=as_of).items
    assert {one.lumisection for one in listed} == {*window.lumisections, *window.replaced}
    stood = {one.lumisection: one for one in then.lumisections(1).items}
    for one in listed:
        assert one.changed or one.account == stood[one.lumisection].account


def check_trend(trend: ElementTrend, other: ElementTrend) -> None:
    assert np.array_equal(trend.lumisections, other.lumisections)
    assert np.array_equal(trend.cells, other.cells)


# Shrinking a random log tells less than it takes: the seed plays it again.
@pytest.mark.timeout(600)
@settings(max_examples=settings.default.max_examples // 8, phases=[Phase.generate])
@given(chance=st.randoms(use_true_random=False))
def test_as_of_an_offset_the_store_answers_as_one_that_had_read_the_log_so_far(
    chance: Random, make_store
) -> None:
    log = random_log(chance, shuffled=chance.random() < 0.5)
    cut = chance.choice(log).offset + chance.choice([0, 1])
    read = [one for one in log if one.offset < cut]
    check_recorded(log, read, AsOf(offset=cut), chance, make_store)


@pytest.mark.timeout(600)
@settings(max_examples=settings.default.max_examples // 16, phases=[Phase.generate])
@given(chance=st.randoms(use_true_random=False))
def test_as_of_a_time_the_store_answers_as_one_that_had_read_what_was_published_by_then(
    chance: Random, make_store
) -> None:
    log = random_log(chance, shuffled=False)
    time = chance.choice(log).piece.published
    published = [one for one in log if one.piece.published <= time]
    check_recorded(log, published, AsOf(time_ns=time), chance, make_store)


def check_recorded(
    log: Sequence[Logged],
    read: Sequence[Logged],
    as_of: AsOf,
    chance: Random,
    make_store: Callable[[Path], str],
) -> None:
    """A store of the log as of then, against one of what had been read by then."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        url, url_then = make_store(Path(one)), make_store(Path(other))
        record(url, log, chance)
        record(url_then, read, chance)
        with Store(url) as store, Store(url_then) as then:
            check_as_of(store, then, as_of)


def test_as_of_now_everything_counts(make_store) -> None:
    chance = Random(1)
    log = random_log(chance, shuffled=True)
    with tempfile.TemporaryDirectory() as folder:
        url = make_store(Path(folder))
        record(url, log, chance)
        with Store(url) as store:
            for as_of in (AsOf(), AsOf(offset=2**62), AsOf(time_ns=2**62)):
                now = store.contents("set", 1, "every", as_of=as_of)
                assert now.contents.equals(store.contents("set", 1, "every").contents)
                assert now.replaced == ()


@pytest.mark.parametrize("segment", [0, 1])
def test_contents_that_were_replaced_are_named_between_the_two_and_not_given(
    writer: StoreWriter, store: Store, layout: Layout, segment: int
) -> None:
    rng = np.random.default_rng(2)
    for epoch, offset in ((0, 10), (1, 20), (2, 30)):
        contents = random_contents(layout, rng)
        piece = closed_set(contents, run=1, lumisection=1, segment=segment, epoch=epoch)
        writer.write([piece.__replace__(published=offset)], {}, offsets=[offset])
    read = store.late if segment else store.contents
    for moment, known, replaced in (
        (10, (), ()),
        (11, (), (1,)),
        (20, (), (1,)),
        (30, (), (1,)),
        (31, (1,), ()),
    ):
        for as_of in (AsOf(offset=moment), AsOf(time_ns=moment - 1)):
            window = read("set", 1, "every", as_of=as_of)
            assert (window.lumisections, window.replaced) == (known, replaced), as_of
            assert window.contents.cells.any() == bool(known)


@pytest.mark.parametrize("segment", [0, 1])
def test_an_older_version_that_is_whole_after_parts_of_a_newer_one_counts_and_is_named(
    writer: StoreWriter, store: Store, layout: Layout, segment: int
) -> None:
    """Three versions of one set, two of them in parts that come in turns."""
    rng = np.random.default_rng(3)
    contents = [random_contents(layout, rng) for _ in range(3)]
    sets = [
        closed_set(one, run=1, lumisection=1, segment=segment, epoch=epoch)
        for epoch, one in enumerate(contents)
    ]
    half = max(len(one.cells) for one in sets) // 2 + 1
    (first, second), (third, fourth) = (split(one, half) for one in sets[1:])
    read = store.late if segment else store.contents
    for offset, piece, stands in (
        (10, sets[0], contents[0]),
        (20, third, contents[0]),
        (30, first, contents[0]),
        (40, second, contents[1]),
        (50, fourth, contents[2]),
    ):
        writer.write([piece.__replace__(published=offset)], {}, offsets=[offset])
        assert read("set", 1, "every").contents.equals(stands), offset
    for moment, known, replaced in ((10, (), ()), (11, (), (1,)), (45, (), (1,)), (51, (1,), ())):
        window = read("set", 1, "every", as_of=AsOf(offset=moment))
        assert (window.lumisections, window.replaced) == (known, replaced), moment


def test_contents_that_nobody_can_date_were_known_at_no_moment(
    writer: StoreWriter, store: Store, layout: Layout
) -> None:
    rng = np.random.default_rng(1)
    writer.write([closed_set(random_contents(layout, rng), run=1, lumisection=1, published=0)], {})
    assert store.contents("set", 1, "every").lumisections == (1,)
    for as_of in (AsOf(time_ns=2**62), AsOf(offset=2**62)):
        assert store.contents("set", 1, "every", as_of=as_of).lumisections == ()


def test_a_moment_is_a_time_or_an_offset_and_an_offset_is_of_a_workspace(store: Store) -> None:
    with pytest.raises(WindowError, match="expected one of them"):
        AsOf(time_ns=1, offset=1)
    with pytest.raises(WindowError, match="name the workspace"):
        store.lumisections(1, as_of=AsOf(offset=1))


def test_offsets_that_are_not_one_for_each_message_are_a_fault(
    writer: StoreWriter, layout: Layout
) -> None:
    piece = closed_set(random_contents(layout, np.random.default_rng(1)), run=1, lumisection=1)
    with pytest.raises(ValueError, match="shorter"):
        writer.write([piece], {PLACE: 5}, offsets=[])
    assert writer.positions() == {}
