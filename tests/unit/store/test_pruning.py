"""Pruned runs: their sum stays exact, what is gone is said to be gone, and nobody is confused."""

from collections.abc import Iterator

import numpy as np
import pytest

from dqmstream.errors import NotStoredError, RemovedError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Profile, Regular
from dqmstream.messages.operations import Conditions
from dqmstream.store.answers import AsOf
from dqmstream.store.pruning import Pruned, Pruner
from dqmstream.store.recording import Recorded
from dqmstream.store.retention import Keep, Retention
from dqmstream.store.store import Store
from dqmstream.store.testing import closed_set, random_contents
from dqmstream.store.writer import StoreWriter

RNG = np.random.default_rng(12)
DAY = 86_400 * 1_000_000_000
TIME = 1_700_000_000_000_000_000
SUMS = Retention(lumisections=Keep(runs=1))
NOTHING = Retention(sums=Keep(runs=1))


@pytest.fixture
def pruner(url: str) -> Iterator[Pruner]:
    """A pruner of the store."""
    pruner = Pruner(url)
    yield pruner
    pruner.close()


@pytest.fixture
def recorded(writer: StoreWriter, layout: Layout) -> Layout:
    """Runs 1 and 2, of 9 LSs each, compacted in part; run 1 has something late, and conditions."""
    for run in (1, 2):
        for n in range(1, 10):
            piece = closed_set(random_contents(layout, RNG), run=run, lumisection=n)
            writer.write([piece, Conditions(run=run, lumisection=n)], {}, offsets=[n, n])
            if n == 6:
                writer.compact()
    late = closed_set(random_contents(layout, RNG), run=1, lumisection=4, segment=1)
    writer.write([late], {})
    return layout


def prune(pruner: Pruner, policy: Retention, days: float = 10) -> tuple[Pruned, ...]:
    """Prune, where nothing must be spared."""
    pruned, spared = pruner.prune(policy, TIME + int(days * DAY))
    assert spared == ()
    return pruned


def test_the_sum_of_a_run_stays_bit_by_bit(pruner: Pruner, store: Store, recorded: Layout) -> None:
    contents, late = store.contents("set", 1, "every"), store.late("set", 1, "every")
    elements = {
        one.element.path: store.element_window("set", 1, "every", one.element.path)
        for one in recorded
    }
    listed = store.lumisections(1).items
    (pruned,) = prune(pruner, SUMS)
    assert (pruned.run, pruned.kept, pruned.lumisections) == (1, "sum", 9)
    assert pruned.bytes > 0
    assert "lumisections are kept while among the newest 1" in pruned.why
    for asked in (None, range(1, 10), range(99)):
        window = store.contents("set", 1, "every", asked)
        assert window.lumisections == contents.lumisections
        assert window.contents.equals(contents.contents)
    assert store.late("set", 1, "every").contents.equals(late.contents)
    assert store.late("set", 1, "every").lumisections == (4,)
    for path, before in elements.items():
        after = store.element_window("set", 1, "every", path)
        assert after.contents.equals(before.contents)
    assert store.lumisections(1).items == listed
    assert [(run.run, run.summed) for run in store.runs().items] == [(2, False), (1, True)]
    assert store.contents("set", 2, "every", [3]).lumisections == (3,)


@pytest.mark.usefixtures("recorded")
def test_single_lumisections_of_a_sum_are_said_to_be_gone_and_never_zero(
    pruner: Pruner, store: Store
) -> None:
    prune(pruner, SUMS)
    said = r"run 1 workspace 'every': its lumisections were summed on 2023-11-24 22:13 UTC: only"
    with pytest.raises(RemovedError, match=f"{said} the sum of 1-9 is left, ask for all"):
        store.contents("set", 1, "every", [3])
    with pytest.raises(RemovedError, match=said):
        store.element_window("set", 1, "every", "one/counts", range(1, 9))
    with pytest.raises(RemovedError, match=said):
        store.element_trend("set", 1, "every", "one/counts")
    for as_of in (AsOf(offset=99), AsOf(time_ns=2**62)):
        with pytest.raises(RemovedError, match="what was known when went with them"):
            store.contents("set", 1, "every", as_of=as_of)
        with pytest.raises(RemovedError, match="what was known when went with them"):
            store.lumisections(1, workspace="every", as_of=as_of)
    assert store.contents("set", 1, "every", [77]).lumisections == ()
    assert len(store.element_trend("set", 1, "every", "one/counts", [77]).lumisections) == 0


@pytest.mark.usefixtures("recorded")
def test_a_run_that_is_gone_is_said_to_be_gone(pruner: Pruner, store: Store) -> None:
    (pruned,) = prune(pruner, NOTHING)
    assert (pruned.run, pruned.kept) == (1, "nothing")
    assert [run.run for run in store.runs().items] == [2]
    assert store.lumisections(1).items == ()
    with pytest.raises(RemovedError, match="run 1 was removed on 2023-11-24 22:13 UTC"):
        store.contents("set", 1, "every")
    with pytest.raises(NotStoredError, match="nothing is stored of workspace 'every' in run 3"):
        store.contents("set", 3, "every")
    assert store.contents("set", 2, "every").lumisections == tuple(range(1, 10))
    (noted,) = store.removed()
    assert (noted.run, noted.kept, noted.why) == (1, "nothing", pruned.why)
    assert (noted.lumisections, noted.bytes) == (pruned.lumisections, pruned.bytes)


@pytest.mark.usefixtures("recorded")
def test_a_run_is_summed_first_and_removed_later(pruner: Pruner, store: Store) -> None:
    policy = Retention(lumisections=Keep(days=2), sums=Keep(days=20), pinned=frozenset({2}))
    assert prune(pruner, policy, days=1) == ()
    assert [one.kept for one in prune(pruner, policy, days=3)] == ["sum"]
    assert prune(pruner, policy, days=4) == ()
    assert [one.kept for one in prune(pruner, policy, days=21)] == ["nothing"]
    assert prune(pruner, policy, days=22) == ()
    assert [one.kept for one in store.removed()] == ["sum", "nothing"]
    assert store.contents("set", 2, "every", [5]).lumisections == (5,)


def test_what_would_be_pruned_is_said_and_nothing_is_touched(
    pruner: Pruner, store: Store, recorded: Layout
) -> None:
    removals = pruner.plan(SUMS, TIME + 10 * DAY)
    (told,) = pruner.would_prune(removals)
    assert (told.run, told.kept, told.lumisections) == (1, "sum", 9)
    assert store.removed() == ()
    (done,) = prune(pruner, SUMS)
    assert 0 < done.bytes < told.bytes


def test_a_recorder_that_knew_a_run_before_goes_on(
    pruner: Pruner, writer: StoreWriter, store: Store, recorded: Layout
) -> None:
    """What it remembers of a run is of another one now; nothing is ever added to a sum."""
    again = closed_set(random_contents(recorded, RNG), run=1, lumisection=3, epoch=1)
    late = closed_set(random_contents(recorded, RNG), run=1, lumisection=3, segment=1)
    before = store.contents("set", 1, "every").contents
    prune(pruner, SUMS)
    for piece in (again, late):
        (refused,) = writer.write([piece], {})
        assert refused.reason == "already_summed"
        assert "run 1 LS 3 workspace 'every': the lumisections of the run were summed on" in (
            refused.detail
        )
    assert store.contents("set", 1, "every").contents.equals(before)
    writer.write([closed_set(random_contents(recorded, RNG), run=3, lumisection=1)], {})
    prune(pruner, NOTHING)
    assert isinstance(writer.write([again], {}), Recorded)
    assert store.contents("set", 1, "every").lumisections == (3,)


def test_a_run_whose_sum_could_overflow_keeps_its_lumisections(
    pruner: Pruner, writer: StoreWriter, store: Store
) -> None:
    axis = Regular(bins=1, lower=0.0, upper=1.0)
    profile = Profile(path="p", axes=(axis,), fill=("x",), value="y", value_range=(0.0, 8.0))
    booking = Booking(workspace="w", elements=(profile,))
    contents = Contents.empty(Layout(booking))
    contents.cells[1] = 2**32
    sets = [closed_set(contents, run=run, lumisection=n) for run in (1, 2) for n in (1, 2, 3)]
    writer.write([booking, *sets], {})
    pruned, spared = pruner.prune(SUMS, TIME + DAY)
    assert pruned == ()
    assert [one.run for one in spared] == [1]
    assert "could overflow" in spared[0].why
    assert store.contents("set", 1, "w", [2]).contents.equals(contents)


@pytest.mark.usefixtures("recorded")
def test_a_run_that_is_not_over_is_left_alone(pruner: Pruner, store: Store) -> None:
    """Summing it would lose what is coming."""
    assert [run.ended for run in store.runs().items] == [False, True]
    assert [one.run for one in prune(pruner, Retention(lumisections=Keep(runs=0)))] == [1]
    assert [one.run for one in prune(pruner, Retention(sums=Keep(runs=0)))] == [1]
