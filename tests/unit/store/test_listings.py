"""Lists: runs, lumisections, reports, bookings and activations, in pages."""

from typing import Any

import numpy as np
import pytest

from dqmstream.errors import NotStoredError, StoreError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Activation
from dqmstream.messages.events import RunEnd, RunStart
from dqmstream.messages.histograms import Account
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import Outcome, QualityReport, QualityReports
from dqmstream.messages.struct import Message
from dqmstream.store.store import Store
from dqmstream.store.testing import EVERY_KIND, closed_set, random_contents
from dqmstream.store.writer import StoreWriter

RNG = np.random.default_rng(5)


def start(source: str, **fields: Any) -> RunStart:
    given: dict[str, Any] = {
        "run": 1,
        "source": source,
        "incarnation": "a",
        "rereadable": True,
        "partitions": 1,
        "first_lumisection": 1,
    }
    return RunStart(**(given | fields))


def end(source: str) -> RunEnd:
    return RunEnd(
        run=1, source=source, incarnation="a", rereadable=True, partitions=1, last_lumisection=9
    )


class TestRuns:
    def test_runs_are_listed_newest_number_first_in_pages(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        contents = random_contents(layout, RNG)
        writer.write([closed_set(contents, run=run, lumisection=1) for run in (3, 1, 2)], {})
        page = store.runs(limit=2)
        assert [run.run for run in page.items] == [3, 2]
        assert page.after is not None
        page = store.runs(limit=2, after=page.after)
        assert ([run.run for run in page.items], page.after) == ([1], None)

    def test_a_run_knows_its_lumisections_type_fill_and_times(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        contents = random_contents(layout, RNG)
        batches = [
            [closed_set(contents, run=1, lumisection=5, published=50)],
            [Conditions(run=1, lumisection=7, run_type="cosmic_run", fill=8000)],
            [closed_set(contents, run=1, lumisection=3, published=70)],
            [Conditions(run=1, lumisection=8), start("s", started=20, run_type="")],
        ]
        for batch in batches:
            writer.write(batch, {})
        (run,) = store.runs().items
        assert (run.first_lumisection, run.last_lumisection) == (3, 5)
        assert (run.run_type, run.fill) == ("cosmic_run", 8000)
        assert (run.started, run.updated) == (20, 70)

    def test_a_run_of_which_only_conditions_came_is_listed_once_something_else_speaks_of_it(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        told = [
            Conditions(run=run, lumisection=1, run_type="collisions", fill=run) for run in range(9)
        ]
        writer.write(told, {})
        assert (store.runs().items, writer.newest_run()) == ((), 0)
        writer.write([start("a", run=4, run_type="")], {})
        writer.write([closed_set(random_contents(layout, RNG), run=2, lumisection=0)], {})
        found = [(run.run, run.run_type, run.fill) for run in store.runs().items]
        assert found == [(4, "collisions", 4), (2, "collisions", 2)]
        assert writer.newest_run() == 4
        with_rows = [closed_set(random_contents(layout, RNG), run=2, lumisection=1)]
        writer.write(with_rows, {})
        assert store.lumisections(2).items[-1].conditions == told[2]

    def test_a_run_has_ended_when_all_its_sources_have(
        self, writer: StoreWriter, store: Store
    ) -> None:
        writer.write([start("a", expected=("a", "b"))], {})
        assert store.runs().items[0].sources == {"a": "started", "b": "expected"}
        writer.write([start("b", expected=("a", "b")), end("a")], {})
        assert not store.runs().items[0].ended
        writer.write([end("b")], {})
        assert store.runs().items[0].ended
        writer.write([start("a", expected=("a", "b"))], {})
        assert not store.runs().items[0].ended

    def test_a_run_has_ended_when_a_filler_closed_it_or_a_later_one_is_there(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        contents = random_contents(layout, RNG)
        closing = Account(closed_by="run_close")
        writer.write([closed_set(contents, run=1, lumisection=1)], {})
        assert [run.ended for run in store.runs().items] == [False]
        writer.write([closed_set(contents, run=2, lumisection=1)], {})
        assert [run.ended for run in store.runs().items] == [False, True]
        writer.write([closed_set(contents, run=2, lumisection=2, account=closing)], {})
        assert [run.ended for run in store.runs().items] == [True, True]

    def test_a_run_bears_the_marks_of_all_its_sources(
        self, writer: StoreWriter, store: Store
    ) -> None:
        writer.write([start("a", marks=("simulated", "selected")), start("b")], {})
        writer.write([start("c", marks=("re-timed", "selected")), start("a", run=2)], {})
        two, one = store.runs().items
        assert one.marks == ("re-timed", "selected", "simulated")
        assert two.marks == ()

    def test_a_mark_that_is_none_is_refused_so_that_nobody_shows_it(
        self, writer: StoreWriter, store: Store
    ) -> None:
        many = tuple(f"<b>{n}</b>" for n in range(1000))
        (refused,) = writer.write([start("a", marks=many)], {})
        assert (refused.reason, refused.place) == ("bad_name", 0)
        assert "mark is '<b>0</b>', expected one of simulated, " in refused.detail
        assert store.runs().items == ()


class TestStanding:
    def test_what_changes_a_list_of_a_run_changes_its_standing_and_nothing_else_does(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        contents = random_contents(layout, RNG)
        told = Conditions(run=1, lumisection=1, pileup=40.0)
        steps: list[tuple[list[Message], dict[tuple[str, int], int]]] = [
            ([closed_set(contents, run=1, lumisection=1, published=50)], {}),
            ([closed_set(contents, run=1, lumisection=2, published=20)], {}),
            ([closed_set(contents, run=1, lumisection=2, segment=1, published=10)], {}),
            ([told], {("dqm.conditions", 0): 1}),
            ([Conditions(run=1, lumisection=1, pileup=41.0)], {("dqm.conditions", 0): 2}),
        ]
        seen = [store.standing(1)]
        for messages, positions in steps:
            writer.write(messages, positions)
            seen.append(store.standing(1))
        assert len(set(seen)) == len(seen)
        other = closed_set(contents, run=2, lumisection=1, published=90)
        writer.write([other], {("dqm.histograms", 0): 7})
        assert store.standing(1) == seen[-1]
        assert set(store.standing(3)[:-1]) == {0}


class TestLumisections:
    def test_lumisections_rise_and_have_their_conditions(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        contents = random_contents(layout, RNG)
        conditions = Conditions(run=1, lumisection=2, luminosity=1.5e34, dcs={"ecal": True})
        sets = [closed_set(contents, run=1, lumisection=n) for n in (3, 1, 2)]
        writer.write([*sets, conditions], {})
        page = store.lumisections(1, limit=2)
        assert [one.lumisection for one in page.items] == [1, 2]
        assert [one.conditions for one in page.items] == [None, conditions]
        page = store.lumisections(1, limit=2, after=page.after)
        assert ([one.lumisection for one in page.items], page.after) == ([3], None)

    def test_several_sets_of_a_run_are_told_apart(
        self, writer: StoreWriter, store: Store, layout: Layout
    ) -> None:
        contents = random_contents(layout, RNG)
        sets = [
            closed_set(contents, run=1, lumisection=n, set=name)
            for n in (1, 2)
            for name in ("new", "old")
        ]
        writer.write(sets, {})
        assert store.sets(1) == ("new", "old")
        assert [(one.lumisection, one.set) for one in store.lumisections(1).items] == [
            (1, "new"),
            (1, "old"),
            (2, "new"),
            (2, "old"),
        ]
        assert len(store.lumisections(1, set="old").items) == 2


def reports(lumisection: int, workspace: str = "w", scope: Any = "run") -> QualityReports:
    outcomes = [Outcome.GOOD, Outcome.GOOD, Outcome.BAD]
    return QualityReports(
        set="set",
        run=1,
        lumisection=lumisection,
        workspace=workspace,
        scope=scope,
        complete=True,
        versions=(lumisection,),
        reports=tuple(
            QualityReport(path=f"p{n}", qtname="t", algorithm="a", outcome=outcome)
            for n, outcome in enumerate(outcomes)
        ),
    )


class TestReports:
    def test_reports_come_by_lumisection_workspace_and_scope(
        self, writer: StoreWriter, store: Store
    ) -> None:
        given = [
            reports(2),
            reports(1, "x"),
            reports(1, "w", "run"),
            reports(1, "w", "lumisection"),
        ]
        writer.write(given, {})
        assert store.reports(1).items == (given[3], given[2], given[1], given[0])
        first = store.reports(1, limit=3)
        assert first.after is not None
        assert store.reports(1, after=first.after).items == (given[0],)

    @pytest.mark.parametrize(
        ("wanted", "count"),
        [
            ({}, 3),
            ({"lumisection": 1}, 2),
            ({"workspace": "w"}, 2),
            ({"workspace": "w", "lumisection": 2}, 1),
            ({"scope": "lumisection"}, 0),
            ({"set": "other"}, 0),
        ],
    )
    def test_reports_can_be_chosen(
        self, writer: StoreWriter, store: Store, wanted: dict[str, Any], count: int
    ) -> None:
        writer.write([reports(1), reports(2), reports(1, "x")], {})
        assert len(store.reports(1, **wanted).items) == count
        assert len(store.outcomes(1, **wanted).items) == count

    def test_outcomes_are_counted_without_reading_the_reports(
        self, writer: StoreWriter, store: Store
    ) -> None:
        writer.write([reports(1)], {})
        (one,) = store.outcomes(1).items
        assert one.counts == {Outcome.GOOD: 2, Outcome.BAD: 1}

    def test_later_reports_replace_earlier_ones(self, writer: StoreWriter, store: Store) -> None:
        later = reports(1)
        writer.write([reports(1), later], {})
        assert store.reports(1).items == (later,)


def test_the_set_to_show_is_the_last_one_activated_up_to_the_run(
    writer: StoreWriter, store: Store
) -> None:
    def activation(name: str, from_run: int, when: int) -> Activation:
        return Activation(set=name, workspaces=("w",), from_run=from_run, who="me", when=when)

    assert store.active_set(10) is None
    one, two, three = activation("a", 1, 1), activation("b", 10, 2), activation("c", 10, 3)
    writer.write([three, one, two], {})
    assert store.activations() == (one, two, three)
    assert [store.active_set(run) for run in (0, 1, 9, 10, 11)] == [None, "a", "a", "c", "c"]


def test_bookings_are_found_by_hash_and_by_set(
    writer: StoreWriter, store: Store, layout: Layout
) -> None:
    writer.write([closed_set(random_contents(layout, RNG), run=1, lumisection=1)], {})
    assert store.bookings("set") == {"every": layout.hash}
    assert store.booking(layout.hash) == EVERY_KIND
    assert store.layout("set", 1, "every").hash == layout.hash
    assert store.bookings("other") == {}


def test_what_is_not_stored_is_named(writer: StoreWriter, store: Store, layout: Layout) -> None:
    with pytest.raises(NotStoredError, match="booking 'abc' is not stored"):
        store.booking("abc")
    with pytest.raises(NotStoredError, match="nothing is stored of workspace 'every' in run 1"):
        store.contents("set", 1, "every")
    writer.write([closed_set(random_contents(layout, RNG), run=1, lumisection=1)], {})
    with pytest.raises(NotStoredError, match="no MonitorElement 'no/such'"):
        store.element_trend("set", 1, "every", "no/such")


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_a_page_has_a_sane_size(store: Store, limit: int) -> None:
    with pytest.raises(StoreError, match="expected 1 to 10000"):
        store.runs(limit=limit)


def test_a_trend_of_too_many_cells_is_refused(
    writer: StoreWriter, store: Store, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dqmstream.store.window._MAX_TREND_CELLS", 40)
    sets = [closed_set(random_contents(layout, RNG), run=1, lumisection=n) for n in range(1, 6)]
    writer.write(sets, {})
    with pytest.raises(ValueError, match="one/counts: 5 LSs of 14 cells are more than 40"):
        store.element_trend("set", 1, "every", "one/counts")
    assert len(store.element_trend("set", 1, "every", "one/counts", [2, 3]).cells) == 2
