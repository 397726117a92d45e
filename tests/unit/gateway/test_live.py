"""The live view: sums over windows are sums of what came, in bounded memory."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqmstream.fold.merge import Merger
from dqmstream.histograms.contents import Contents
from dqmstream.messages.booking import Activation
from dqmstream.messages.histograms import Account, HistogramSet
from dqmstream.messages.quality import Outcome
from services.gateway import boards
from services.gateway.closed_total import NotInMemoryError
from services.gateway.live import LiveView
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.testing import SET, Detector
from services.gateway.windows import Window

RUN = Window("run")


def part(view, workspace="pixel"):
    view.refresh()
    return view.current.shown(workspace)


def expected(detector, workspace, numbers):
    pieces = [
        detector.contents(workspace, number, partition)
        for number in numbers
        for partition in range(detector.partitions)
    ]
    return Contents.total(pieces[0].layout, pieces)


def test_an_open_lumisection_is_shown_as_it_grows(view, detector, feed):
    feed(view, detector.fill(1, 100))
    contents, covered = part(view).window(Window("lumisection"))
    assert contents.equals(detector.contents("pixel", 1))
    assert covered.numbers == (1,)
    assert not covered.closed
    feed(view, detector.fill(1, 50))
    contents, _ = part(view).window(Window("lumisection"))
    assert contents.equals(detector.contents("pixel", 1))
    assert view.current.events == 150


@settings(max_examples=40)
@given(
    steps=st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=25),
    keep=st.integers(1, 6),
    partitions=st.integers(1, 2),
)
def test_every_window_is_the_sum_of_its_lumisections(steps, keep, partitions):
    detector = Detector(partitions=partitions)
    view = LiveView(GatewaySettings(limits=Limits(live_lumisections=keep)))
    messages = list(detector.announce())
    closed = set()
    for number, close in steps:
        if number in closed:
            continue
        for partition in range(partitions):
            messages += detector.fill(number, 10, partition=partition)
        if close:
            messages += detector.close(number)
            closed.add(number)
    for count, message in enumerate(messages):
        view.apply(message, 1)
        if count % 7 == 0:
            view.refresh()
    known = sorted({number for number, _ in steps})
    for workspace in ("pixel", "trigger"):
        mine = part(view, workspace)
        held = set(mine.in_memory())
        for window in (RUN, Window("lumisection"), Window("last", count=3), Window("range", 2, 4)):
            numbers = window.select(known)
            if window is not RUN and not set(numbers) <= held:
                continue
            contents, covered = mine.window(window)
            assert covered.numbers == tuple(numbers)
            assert covered.closed == (set(numbers) <= closed)
            if numbers:
                want = expected(detector, workspace, numbers)
                assert np.array_equal(contents.cells, want.cells)
                assert contents.scalars == want.scalars


def test_released_lumisections_stay_in_the_total_and_their_own_contents_are_gone(detector, feed):
    view = LiveView(GatewaySettings(limits=Limits(live_lumisections=2)))
    feed(view, detector.announce())
    for number in range(1, 6):
        feed(view, detector.fill(number))
        feed(view, detector.close(number))
        view.refresh()
    mine = part(view)
    assert mine.in_memory() == [4, 5]
    assert mine.window(RUN)[0].equals(expected(detector, "pixel", range(1, 6)))
    with pytest.raises(NotInMemoryError, match="LS 3 are not in memory"):
        mine.window(Window("range", 3, 4))


def test_a_byte_budget_releases_the_oldest_first(detector, feed):
    cells = sum(layout.cells for layout in detector.layouts)
    view = LiveView(GatewaySettings(limits=Limits(live_bytes=3 * 8 * cells)))
    feed(view, detector.announce())
    for number in range(1, 8):
        feed(view, detector.fill(number))
        feed(view, detector.close(number))
    view.refresh()
    held = sum(p.bytes_held for p in view.current.all_workspace_runs())
    assert held <= 3 * 8 * cells
    assert part(view, "trigger").in_memory()[-1] == 7


def test_a_closed_set_that_comes_again_changes_nothing(view, detector, feed):
    feed(view, detector.fill(1))
    closing = list(detector.close(1))
    feed(view, closing)
    feed(view, closing)
    assert part(view).window(RUN)[0].equals(detector.contents("pixel", 1))


def test_a_repeat_of_a_released_set_is_ignored_and_a_newer_one_voids_the_total(detector, feed):
    view = LiveView(GatewaySettings(limits=Limits(live_lumisections=1)))
    feed(view, detector.announce())
    closing = []
    for number in (1, 2):
        feed(view, detector.fill(number))
        closing = closing or list(detector.close(number))
        feed(view, closing if number == 1 else detector.close(number))
        view.refresh()
    feed(view, closing)
    assert part(view).window(RUN)[0].equals(expected(detector, "pixel", (1, 2)))
    newer = [
        HistogramSet(**{f: getattr(s, f) for f in s.__struct_fields__} | {"epoch": 1})
        for s in closing
    ]
    feed(view, newer)
    assert part(view).total_lost
    with pytest.raises(NotInMemoryError, match="published anew"):
        part(view).window(RUN)


@pytest.mark.parametrize("kept", [1, 9])
def test_contents_beside_a_hole_of_a_newer_epoch_are_shown_as_not_whole(kept, detector, feed):
    """Whether or not they are still in memory: what was whole stays, with the hole named."""
    view = LiveView(GatewaySettings(limits=Limits(live_lumisections=kept)))
    feed(view, detector.announce())
    closing = []
    for number in (1, 2):
        feed(view, detector.fill(number))
        closing.append(list(detector.close(number)))
        feed(view, closing[-1])
        view.refresh()
    before = part(view).records[1]
    assert before.complete
    account = Account(expired=((40, 90),))
    changes = {"epoch": 1, "whole": False, "account": account}
    holed = [msgspec.structs.replace(piece, **changes) for piece in closing[0]]
    feed(view, holed)
    view.refresh()
    record = part(view).records[1]
    assert (record.whole, record.complete) == (False, False)
    assert "partition 0: records 40-89 expired unread" in record.account.lacking
    assert record.account.seen == before.account.seen
    assert part(view).window(RUN)[0].equals(expected(detector, "pixel", (1, 2)))


def test_a_closed_set_of_a_newer_epoch_replaces_the_old_one_in_the_total(view, detector, feed):
    feed(view, detector.fill(1))
    feed(view, detector.close(1))
    feed(view, detector.fill(2))
    feed(view, detector.close(2))
    view.refresh()
    first = detector.contents("pixel", 1)
    first.cells[:] = 3
    replacing = [
        HistogramSet(**{f: getattr(s, f) for f in s.__struct_fields__} | {"epoch": 1})
        for s in detector.close(1)
    ]
    feed(view, replacing)
    assert part(view).window(RUN)[0].equals(expected(detector, "pixel", (1, 2)))


def test_a_lost_total_is_built_anew_on_the_stores_sum(detector, feed):
    view = LiveView(GatewaySettings(limits=Limits(live_lumisections=2)))
    feed(view, detector.announce())
    for number in range(1, 6):
        feed(view, detector.fill(number))
        feed(view, detector.close(number))
        view.refresh()
    feed(view, detector.fill(6))
    mine = part(view)
    mine.lose(1)
    records = dict(mine.records)
    stored = expected(detector, "pixel", (1, 2))
    assert not mine.rebase(records, stored, (1, 2)), "LS 3 is in neither"
    held = mine.in_memory()
    rest = [number for number in range(1, 7) if number not in held]
    mine.lose(1)
    assert mine.rebase(records, expected(detector, "pixel", rest), rest)
    assert mine.window(RUN)[0].equals(expected(detector, "pixel", range(1, 7)))


def test_sets_that_come_before_their_booking_are_kept_for_it(detector, feed):
    view = LiveView()
    feed(view, detector.fill(1))
    view.refresh()
    assert view.current.shown("pixel") is None
    feed(view, detector.announce())
    assert part(view).window(RUN)[0].equals(detector.contents("pixel", 1))


def test_late_events_are_counted_beside_and_never_added(view, detector, feed):
    feed(view, detector.fill(1))
    feed(view, detector.close(1))
    on_time = part(view).window(RUN)[0].copy()
    feed(view, detector.sets(1, closed=True, segment=1))
    contents, covered = part(view).window(RUN)
    assert contents.equals(on_time)
    assert covered.late_events == 200
    assert boards.accounting(view.current.lumisections().values())["late_events"] == 200


def test_late_events_of_a_released_lumisection_are_counted_too(detector, feed):
    view = LiveView(GatewaySettings(limits=Limits(live_lumisections=1)))
    feed(view, detector.announce())
    for number in (1, 2):
        feed(view, detector.fill(number))
        feed(view, detector.close(number))
    view.refresh()
    feed(view, detector.sets(1, closed=True, segment=1))
    assert part(view).window(RUN)[1].late_events == 200
    assert part(view).window(RUN)[0].equals(expected(detector, "pixel", (1, 2)))


def test_the_current_run_is_the_one_that_began_last_by_log_time(feed):
    view = LiveView()
    old, new = Detector(run=500_000), Detector(run=400_000)
    feed(view, old.announce())
    feed(view, old.fill(1), stamp=10)
    feed(view, new.fill(1), stamp=20)
    feed(view, old.fill(1), stamp=30)
    assert view.current.number == 400_000


def test_of_too_many_runs_the_oldest_leaves_and_does_not_come_back(feed):
    view = LiveView(GatewaySettings(limits=Limits(live_runs=2)))
    detectors = [Detector(run=number) for number in (1, 2, 3)]
    feed(view, detectors[0].announce())
    for stamp, detector in enumerate(detectors, start=1):
        feed(view, detector.fill(1), stamp=stamp)
    assert sorted(view.runs) == [2, 3]
    feed(view, detectors[0].fill(1), stamp=9)
    assert sorted(view.runs) == [2, 3]
    assert view.rejected["forgotten_run"] == 2


def test_readers_see_the_activated_set(view, detector, feed):
    other = Activation(set="f" * 16, workspaces=("pixel",), from_run=1, who="test", when=2)
    feed(view, detector.fill(1))
    feed(view, [other])
    assert part(view).set == SET, "the activated set has brought nothing yet"
    sets = [
        HistogramSet(**{f: getattr(s, f) for f in s.__struct_fields__} | {"set": "f" * 16})
        for s in detector.fill(1)
    ]
    feed(view, sets)
    assert part(view).set == "f" * 16
    assert part(view, "trigger").set in {SET, "f" * 16}


def test_broken_and_contradicting_sets_are_counted_and_the_next_good_one_works(
    view, detector, feed
):
    good = list(detector.fill(1))
    fields = {f: getattr(good[0], f) for f in good[0].__struct_fields__}
    feed(view, [HistogramSet(**fields | {"cells": b"no zstd", "lumisection": 7})])
    feed(view, good)
    feed(view, [HistogramSet(**fields | {"partitions": 9, "partition": 4})])
    view.refresh()
    assert view.rejected == {"bad_cells": 1, "contradicting_set": 1}
    assert part(view).window(RUN)[0].equals(detector.contents("pixel", 1))


def test_merging_is_what_readers_do(detector):
    merger = Merger({layout.hash: layout for layout in detector.layouts}.get)
    view = LiveView()
    for message in [*detector.announce(), *detector.fill(1), *detector.fill(1)]:
        view.apply(message, 1)
        if isinstance(message, HistogramSet):
            key = merger.apply(message) or key  # noqa: F821
    assert part(view, key.workspace).window(RUN)[0].equals(merger.merged(key).contents)


def test_strip_and_quality_show_the_worst_and_count_what_was_not_judged(view, detector, feed):
    feed(view, detector.fill(1))
    feed(view, detector.close(1, missing=("hlt-2",)))
    outcomes = {"pixel/charge": Outcome.GOOD, "pixel/barrel/occupancy": Outcome.ERROR}
    feed(view, detector.reports(1, outcomes | {"trigger/paths": Outcome.BAD}))
    view.refresh()
    row = boards.strip_board(view.current).rows["1"]
    assert row["worst"] == Outcome.BAD
    assert row["outcomes"]["pixel"] == [Outcome.GOOD, 1, 1]
    assert row["missing"] == ["hlt-2"]
    pixel = boards.quality_board(view, view.current).rows["pixel"]["lumisection"]
    assert (pixel["worst"], pixel["judged"], pixel["not_judged"]) == (Outcome.GOOD, 1, 1)
    assert pixel["elements"]["pixel/barrel/occupancy"] == [Outcome.ERROR, 0, 1]


def test_older_reports_do_not_replace_newer_ones(view, detector, feed):
    feed(view, detector.fill(1))
    old = list(detector.reports(1, {"pixel/charge": Outcome.GOOD}))
    feed(view, detector.fill(1))
    feed(view, detector.reports(1, {"pixel/charge": Outcome.BAD}))
    feed(view, old)
    view.refresh()
    assert boards.strip_board(view.current).rows["1"]["worst"] == Outcome.BAD


def test_a_silent_service_becomes_stale_and_one_that_stopped_does_not(view, detector, feed):
    feed(view, detector.beats(0, "filler-0", "comparator"))
    stopping = next(detector.beats(0, "recorder"))
    fields = {f: getattr(stopping, f) for f in stopping.__struct_fields__} | {"state": "stopping"}
    feed(view, [type(stopping)(**fields)])
    states = {
        row["service"]: row["state"] for row in boards.pulse_board(view, int(20e9)).rows.values()
    }
    assert states == {"filler-0": "stale", "comparator": "stale", "recorder": "stopping"}
    assert not view.pulse.alive("comparator", int(20e9))
    assert view.pulse.alive("comparator", int(5e9))


def test_the_rate_is_events_by_log_time(view, detector, feed):
    for second in range(5):
        feed(view, detector.fill(1, 300), stamp=int(second * 1e9))
        view.refresh()
    assert view.current.rate == pytest.approx(300.0)
