"""What is read is, bit by bit, the sum of the merged LSs, wherever they lie."""

import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.fold.sets import split
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import (
    Axis,
    Booking,
    Category,
    Element,
    Histogram,
    Integer,
    Profile,
    Regular,
    Scalar,
    Text,
    Variable,
)
from dqmstream.messages.histograms import HistogramSet
from dqmstream.store.compaction import ChunkSettings
from dqmstream.store.store import Store
from dqmstream.store.testing import closed_set, random_contents
from dqmstream.store.writer import StoreWriter

AXES = st.sampled_from(
    [
        Regular(bins=1, lower=0.0, upper=1.0),
        Regular(bins=7, lower=-1.0, upper=1.0),
        Variable(edges=(0.0, 1.0, 10.0)),
        Integer(lower=0, upper=3),
        Category(codes=(5, 7)),
    ]
)


def _fills(axes: Iterable[Axis]) -> tuple[str, ...]:
    return tuple("x" for _ in axes)


def _histogram(axes: list[Axis]) -> Histogram:
    return Histogram(path="p", axes=tuple(axes), fill=_fills(axes))


def _weighted(axes: list[Axis]) -> Histogram:
    fields = {"weight": "w", "weight_range": (-1.5, 3.0)}
    return Histogram(path="p", axes=tuple(axes), fill=_fills(axes), **fields)


def _profile(axes: list[Axis]) -> Profile:
    return Profile(path="p", axes=tuple(axes), fill=_fills(axes), value="y", value_range=(0.0, 8.0))


ELEMENTS: st.SearchStrategy[Element] = st.one_of(
    st.lists(AXES, min_size=1, max_size=3).map(_histogram),
    st.lists(AXES, min_size=1, max_size=2).map(_weighted),
    st.lists(AXES, min_size=1, max_size=2).map(_profile),
    st.sampled_from(["sum", "last", "min", "max"]).map(
        lambda combine: Scalar(path="p", value="n", combine=combine)
    ),
    st.just(Text(path="p", value="tag")),
)


def _named(elements: list[Element]) -> Booking:
    named = (element.__replace__(path=f"f/{i}") for i, element in enumerate(elements))
    return Booking(workspace="w", elements=tuple(named))


BOOKINGS = st.lists(ELEMENTS, min_size=1, max_size=5).map(_named)


class _Run:
    """Merged contents by LS, made up from a seed, and the sets that bring them."""

    def __init__(self, booking: Booking, seed: int, lumisections: Iterable[int]) -> None:
        self.layout = Layout(booking)
        self.rng = np.random.default_rng(seed)
        self.partitions = int(self.rng.integers(1, 4))
        self.merged: dict[int, Contents] = {}
        self.sets = [s for ls in lumisections for s in self.bring(ls, epoch=0)]

    def bring(self, lumisection: int, *, epoch: int) -> list[HistogramSet]:
        """The sets, some of them in parts, that make a (new) LS of random contents."""
        total = Contents.empty(self.layout)
        sets: list[HistogramSet] = []
        for partition in range(self.partitions):
            contents = random_contents(self.layout, self.rng)
            total.add(contents, same_lumisection=True)
            whole = closed_set(
                contents,
                run=1,
                lumisection=lumisection,
                partition=partition,
                partitions=self.partitions,
                epoch=epoch,
            )
            sets += split(whole, 20 if self.rng.random() < 0.2 else 1 << 20)
        self.merged[lumisection] = total
        return sets

    def window(self, lumisections: Iterable[int]) -> Contents:
        return Contents.total(self.layout, (self.merged[ls] for ls in sorted(lumisections)))


def _check(store: Store, run: _Run, lumisections: Iterable[int] | None) -> None:
    """All three ways of reading a window against the sum of its LSs."""
    asked = run.merged if lumisections is None else lumisections
    used = tuple(sorted(set(asked) & set(run.merged)))
    window = store.contents("set", 1, "w", lumisections)
    expected = run.window(used)
    assert window.lumisections == used
    assert window.contents.equals(expected)
    for element in run.layout:
        path, cells = element.element.path, slice(element.offset, element.offset + element.size)
        alone = store.element_window("set", 1, "w", path, lumisections)
        assert alone.lumisections == used
        assert np.array_equal(alone.contents.cells, expected.cells[cells])
        assert alone.contents.scalars.get(0) == expected.scalars.get(element.index)
        assert alone.contents.invalid.get(0) == expected.invalid.get(element.index)
        trend = store.element_trend("set", 1, "w", path, lumisections)
        assert tuple(trend.lumisections) == used
        for row, lumisection in zip(trend.cells, used, strict=True):
            assert np.array_equal(row, run.merged[lumisection].cells[cells])
        assert trend.scalars == _of(element.index, run, used, "scalars")
        assert trend.invalid == _of(element.index, run, used, "invalid")


def _of(index: int, run: _Run, lumisections: Iterable[int], name: str) -> Mapping[int, object]:
    by_lumisection = {ls: getattr(run.merged[ls], name) for ls in lumisections}
    return {ls: found[index] for ls, found in by_lumisection.items() if index in found}


@pytest.mark.timeout(600)
@settings(max_examples=settings.default.max_examples // 5)
@given(
    booking=BOOKINGS,
    seed=st.integers(0, 2**32 - 1),
    lumisections=st.lists(st.integers(1, 30), min_size=1, max_size=15, unique=True),
    data=st.data(),
)
def test_any_window_is_the_sum_of_its_lumisections(
    booking: Booking, seed: int, lumisections: list[int], data: st.DataObject, make_store
) -> None:
    """In any order of arrival, with replaced LSs, whatever has been compacted."""
    run = _Run(booking, seed, lumisections)
    chance = data.draw(st.randoms(use_true_random=False))
    chunks = ChunkSettings(longest=data.draw(st.sampled_from([1, 3, 5, 64])), lag=2)
    with tempfile.TemporaryDirectory() as folder:
        url = make_store(Path(folder))
        again = data.draw(st.lists(st.sampled_from(lumisections), max_size=4))
        # A draw that ends the example early must leave nothing open.
        with closing(StoreWriter(url, log="log", chunks=chunks)) as writer, Store(url) as store:
            writer.write([booking], {})
            for sets in (run.sets, *(run.bring(ls, epoch=n + 1) for n, ls in enumerate(again))):
                chance.shuffle(sets)
                for start in range(0, len(sets), 7):
                    recorded = writer.write(sets[start : start + 7], {})
                    busy = recorded.series if chance.random() < 0.8 else frozenset()
                    if chance.random() < 0.5:
                        writer.compact(busy)
            _check(store, run, None)
            for _ in range(2):
                bounds = sorted([data.draw(st.integers(0, 32)), data.draw(st.integers(0, 32))])
                _check(store, run, range(*bounds, data.draw(st.integers(1, 3))))
            _check(store, run, data.draw(st.sets(st.integers(1, 32))))


def test_a_window_that_could_have_overflowed_is_refused(store, writer) -> None:
    """Fixed-point sums of more entries than they have room for are never shown."""
    booking = Booking(
        workspace="w",
        elements=(_profile([Regular(bins=1, lower=0.0, upper=1.0)]).__replace__(path="p"),),
    )
    layout = Layout(booking)
    contents = Contents.empty(layout)
    contents.cells[1] = 2**32
    sets = [closed_set(contents, run=1, lumisection=ls) for ls in range(1, 5)]
    writer.write([booking, *sets], {})
    assert store.contents("set", 1, "w", range(1, 3)).contents.cells[1] == 2**33
    with pytest.raises(ValueError, match="ask for a shorter window"):
        store.contents("set", 1, "w")
    with pytest.raises(ValueError, match="ask for a shorter window"):
        store.element_window("set", 1, "w", "p")
    assert store.element_trend("set", 1, "w", "p").cells[:, 1].tolist() == [2**32] * 4
