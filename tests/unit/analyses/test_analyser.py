"""Whatever is read when, and whoever crashes: what is analysed follows from the log alone."""

import json
from random import Random
from typing import Any

import msgspec
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dqmstream.analyses.analysed import Analysed
from dqmstream.analyses.analyser import Analyser
from dqmstream.analyses.registry import load_analysis
from dqmstream.booking.columns import Columns
from dqmstream.booking.testing import make_collection, make_columns
from dqmstream.fold.testing.plan import FAULTS, Plan
from dqmstream.fold.testing.toy import LAYOUTS, toy_columns
from dqmstream.fold.testing.world import World
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.checkpoints import AnalyserCheckpoint
from dqmstream.messages.events import Chunk
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.operations import Conditions
from dqmstream.messages.wire import CODEC
from tests.unit.analyses.filled import filled
from tests.unit.analyses.looking_back import looking_back
from tests.unit.analyses.rare import AGAIN_OPEN, FORGOTTEN_APART, FORGOTTEN_ELSEWHERE

SET, LOG = "toy-set", "toy-log"
TOY = LAYOUTS[0]
LAYOUT = Layout(looking_back("back", lookback=2, poison=7))
FAR = Layout(looking_back("far", lookback=5))
NEAR = Layout(looking_back("near", lookback=0))
ANALYSES = [(layout, load_analysis(layout)) for layout in (LAYOUT, FAR, NEAR)]


def decode(chunk: Chunk, body: bytes, stamp: int) -> Columns:
    """The toy's small integers as columns: the number of an event, and as many objects."""
    events = toy_columns(chunk, body, stamp).astype(np.int64)
    counts = np.clip(events, 0, 3)
    hits = make_collection(counts, x=np.repeat(events, counts))
    return make_columns(len(events), {"event": events, "y": events}, {"hits": hits})


class Shore:
    """Logs of a world that came to rest, read by analysers that come and go.

    `published` are sets and conditions as they went out, `checkpoints` those written.
    """

    def __init__(self, plan: Plan, most_bytes: int = 1 << 20) -> None:
        self.plan = plan
        self.logs = World(plan).play().logs
        self.most_bytes = most_bytes
        self.published: list[HistogramSet] = []
        self.conditions: list[Conditions] = []
        self.checkpoints: list[AnalyserCheckpoint] = []
        self.held = 0

    def analyser(self, start: AnalyserCheckpoint | None = None) -> Analyser:
        if start is not None:
            wired = CODEC.encode(start)
            decoded = CODEC.decode(wired.headers, wired.value)
            assert isinstance(decoded, AnalyserCheckpoint)
            start = decoded
        return Analyser(
            SET,
            self.plan.settings,
            ANALYSES,
            decode,
            start=start,
            most_bytes=self.most_bytes,
        )

    def read(self, analyser: Analyser, partition: int, most: int) -> int:
        position = analyser.positions()[partition]
        entries = [entry for entry in self.logs[partition] if entry.offset >= position][:most]
        for entry in entries:
            analyser.apply(entry, partition)
        self.held = max(self.held, sum(len(fold.segments) for fold in analyser.folds))
        return len(entries)

    def publish(self, analysed: Analysed) -> None:
        self.published += analysed.sets
        self.conditions += analysed.conditions

    def analyse(self, analyser: Analyser) -> bool:
        due = analyser.due()
        if due is not None:
            analysed = analyser.analyse(due)
            self.publish(analysed)
            analyser.done(analysed)
        return due is not None

    def finish(self, analyser: Analyser) -> None:
        partitions = range(self.plan.partitions)
        going = True
        while going:
            going = bool(sum(self.read(analyser, partition, 5) for partition in partitions))
            while self.analyse(analyser):
                pass

    def sets(self) -> dict[object, HistogramSet]:
        """The one set of each key; AssertionError if two differ."""
        found: dict[object, HistogramSet] = {}
        for piece in self.published:
            assert found.setdefault(piece.key, piece) == piece
        return found

    def known(self) -> set[bytes]:
        return {msgspec.json.encode(one) for one in self.conditions}


def undisturbed(plan: Plan, **options: Any) -> Shore:
    shore = Shore(plan, **options)
    shore.finish(shore.analyser())
    return shore


def disturbed(plan: Plan, rng: Random, **options: Any) -> Shore:
    """Analysers are killed at any point, two go at once, and checkpoints are old."""
    shore = Shore(plan, **options)
    living = [shore.analyser()]
    for _ in range(rng.randint(0, 150)):
        analyser = rng.choice(living)
        roll = rng.random()
        if roll < 0.5:
            shore.read(analyser, rng.randrange(plan.partitions), rng.randint(1, 20))
        elif roll < 0.75:
            shore.analyse(analyser)
        elif roll < 0.85:
            shore.checkpoints.append(analyser.checkpoint(SET, LOG))
        else:
            due = analyser.due()
            if due is not None and rng.random() < 0.7:
                shore.publish(analyser.analyse(due))  # and dies before it notes it
            if len(living) > 1 or rng.random() < 0.7:
                living.remove(analyser)
            newest = shore.checkpoints[-3:]
            living.append(shore.analyser(rng.choice(newest) if newest else None))
    for analyser in living:
        shore.finish(analyser)
    return shore


def plans(**fixed: Any) -> st.SearchStrategy[Plan]:
    drawn: dict[str, Any] = {
        "seed": st.integers(0, 2**32),
        "partitions": st.integers(1, 3),
        "max_open": st.integers(2, 6),
        "ended_runs": st.sampled_from([8, 1]),
        "runs": st.integers(1, 2),
        "lumisections": st.integers(1, 9),
        "rereadable": st.integers(0, 2),
        "live": st.integers(0, 2),
        "events": st.integers(1, 8),
        "chunk": st.integers(1, 4),
        "faults": st.frozensets(st.sampled_from(FAULTS)),
    }
    return st.builds(Plan, **(drawn | fixed))


@settings(max_examples=20)
@given(plans(), st.integers(0, 2**32))
@example(FORGOTTEN_ELSEWHERE, 0)
@example(FORGOTTEN_APART, 0)
@example(AGAIN_OPEN, 2337285840)
def test_crashes_and_two_at_once_change_nothing(plan: Plan, seed: int) -> None:
    """Sets, conditions and which LSs there are equal those of one undisturbed pass."""
    expected = undisturbed(plan)
    found = disturbed(plan, Random(seed))
    assert found.sets() == expected.sets()
    assert found.known() == expected.known()


@settings(max_examples=10)
@given(plans(), st.integers(0, 2**32))
def test_it_does_not_matter_how_far_which_partition_is_read(plan: Plan, seed: int) -> None:
    expected = undisturbed(plan)
    shore, rng = Shore(plan), Random(seed)
    analyser = shore.analyser()
    left = list(range(plan.partitions))
    while left:
        partition = rng.choice(left)
        if not shore.read(analyser, partition, rng.randint(1, 50)):
            left.remove(partition)
        while rng.random() < 0.5 and shore.analyse(analyser):
            pass
    while shore.analyse(analyser):
        pass
    assert shore.sets() == expected.sets()


@settings(max_examples=8)
@given(plans(events=st.integers(4, 30)), st.integers(200, 2000), st.integers(0, 2**32))
def test_thinned_samples_are_the_same_after_crashes(plan: Plan, most: int, seed: int) -> None:
    expected = undisturbed(plan, most_bytes=most)
    assert disturbed(plan, Random(seed), most_bytes=most).sets() == expected.sets()


@settings(max_examples=8)
@given(plans())
@example(FORGOTTEN_ELSEWHERE)
@example(FORGOTTEN_APART)
def test_every_lumisection_is_analysed_with_the_events_that_fillers_fill(plan: Plan) -> None:
    """Closed on all partitions is analysed: once, with what came on time, by the same account.

    Where fillers lost or skipped records, what they never closed keeps its run waiting: until it
    is forgotten.
    """
    shore = undisturbed(plan)
    counted, waiting = filled(plan, shore.logs, SET)
    assert not waiting or plan.faults & {"deadly", "expires"}
    sets = shore.sets().values()
    analysed = {(piece.run, piece.lumisection) for piece in sets}
    assert analysed <= counted.keys()
    assert all(run in waiting for run, _ in counted.keys() - analysed)
    for piece in sets:
        pieces = counted[piece.run, piece.lumisection]
        theirs = pieces[piece.partition]
        for name in ("account", "through", "heard", "partitions", "closed", "whole"):
            assert getattr(piece, name) == getattr(theirs, name)
        if piece.partition:
            assert not piece.scalars
            assert not piece.invalid
        elif not piece.invalid:
            contents = [Contents.decode(TOY, one.cells) for one in pieces]
            entries = sum(int(one.cells[: TOY["Toy/count"].cells].sum()) for one in contents)
            assert piece.scalars[1].value == entries


@settings(max_examples=8)
@given(plans(lumisections=st.integers(3, 9), faults=st.just(frozenset())))
def test_a_quiet_run_is_given_in_order_with_what_was_before(plan: Plan) -> None:
    shore = undisturbed(plan)
    for piece in shore.sets().values():
        if piece.workspace != "far" or piece.partition:
            continue
        story = json.loads(str(piece.scalars[0].value))
        numbers = [one["lumisection"] for one in story["window"]]
        first = max(1, piece.lumisection - 5)
        assert numbers == list(range(first, piece.lumisection + 1))
        assert story["memory"] == [piece.run, *range(1, piece.lumisection + 1)]
        assert piece.scalars[2].value == piece.lumisection
        for one in story["window"]:
            assert one["y"] == sorted(one["y"], key=lambda number: number % 2**64)
            assert one["x"] == [y for y in one["y"] for _ in range(min(max(y, 0), 3))]
            assert one["offsets"][-1] == len(one["x"])


@settings(max_examples=8)
@given(plans(events=st.integers(1, 8)))
def test_one_that_throws_says_so_and_the_others_go_on(plan: Plan) -> None:
    shore = undisturbed(plan)
    thrown = 0
    for piece in shore.sets().values():
        if piece.workspace == "back" and piece.invalid:
            thrown += 1
            reason = f"analysis threw ValueError: run {piece.run} LS {piece.lumisection}: poison"
            assert piece.invalid == dict.fromkeys(range(3), reason)
        elif piece.workspace != "back":
            assert not piece.invalid
    assert thrown == len({piece.key for piece in shore.published if piece.invalid})


@settings(max_examples=8)
@given(plans())
@example(FORGOTTEN_ELSEWHERE)
@example(FORGOTTEN_APART)
def test_at_rest_hardly_anything_is_held(plan: Plan) -> None:
    """Runs that ended keep no events: where it begins again moves on."""
    shore = Shore(plan)
    analyser = shore.analyser()
    shore.finish(analyser)
    analyser.tidy()
    running = any(fold.control.state.running for fold in analyser.folds)
    if not running and not filled(plan, shore.logs, SET)[1]:
        assert [len(fold.gathered) for fold in analyser.folds] == [0] * plan.partitions
        assert not any(place.segment == 0 for fold in analyser.folds for place in fold.segments)
        checkpoint = analyser.checkpoint(SET, LOG)
        assert checkpoint.offsets == tuple(analyser.positions().values())


def test_a_partition_that_is_ahead_is_named_but_never_all() -> None:
    shore = Shore(Plan(seed=1, partitions=2, lumisections=9, faults=frozenset()))
    analyser = shore.analyser()
    while shore.read(analyser, 0, 100):
        pass
    assert analyser.due() is None
    assert analyser.ahead(8) == {0}
    assert analyser.ahead(9) == frozenset()
    while shore.read(analyser, 1, 100):
        pass
    assert analyser.ahead(1) == frozenset()
