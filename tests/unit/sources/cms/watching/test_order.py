"""The order in which watched files are read: rising, each LS decided once, each file one fate."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.watching.order import End, GiveUp, Step, StreamOrder, Take, Wait
from dqmstream.sources.cms.watching.settings import WatchSettings
from dqmstream.sources.cms.watching.sighting import Sighting
from dqmstream.sources.decisions import Decisions

SETTINGS = WatchSettings(missing_timeout=100.0, broken_timeout=10.0)
RUN = 500001


def file(number: int, ending: str = "_a", *, events: int = 5, trouble: str = "") -> Sighting:
    return Sighting(
        path=Path(f"run{RUN}_ls{number:04d}_streamDQM{ending}.jsn"),
        lumisection=LumisectionId(RUN, number),
        stream="streamDQM",
        ending=ending,
        events=events,
        trouble=trouble,
    )


def order(*, joined: bool = False, settings: WatchSettings = SETTINGS) -> StreamOrder:
    return StreamOrder(settings, joined=joined)


def begun(*numbers: int, joined: bool = False, settings: WatchSettings = SETTINGS) -> StreamOrder:
    """An order that has seen these files at time 0, and begun."""
    made = order(joined=joined, settings=settings)
    for number in numbers:
        made.see(file(number), 0.0)
    made.resume(Decisions(), 0)
    return made


def all_steps(one: StreamOrder, now: float) -> list[Step]:
    """Steps until there is nothing to do at this time."""
    steps: list[Step] = []
    while not steps or not isinstance(steps[-1], Wait | End):
        steps.append(one.step(now))
    return steps


def test_files_are_taken_in_rising_order_however_they_are_seen() -> None:
    one = begun(3, 1, 2)
    taken = [step.lumisection for step in all_steps(one, 0.0)[:-1] if isinstance(step, Take)]
    assert taken == [1, 2, 3]
    assert one.step(0.0) == Wait(4, None)


def test_a_missing_lumisection_is_waited_for_from_when_a_later_one_was_seen() -> None:
    one = begun(1)
    assert isinstance(one.step(0.0), Take)
    assert one.step(500.0) == Wait(2, None)
    one.see(file(4), 500.0)
    assert one.step(599.0) == Wait(2, 600.0)
    assert all_steps(one, 600.0) == [
        GiveUp(2, 0, "file_missing"),
        GiveUp(3, 0, "file_missing"),
        Take(4, file(4)),
        Wait(5, None),
    ]


def test_a_file_that_comes_while_its_lumisection_is_waited_for_is_on_time() -> None:
    one = begun(1, 3)
    one.step(0.0)
    assert isinstance(one.step(99.0), Wait)
    one.see(file(2), 99.5)
    assert [type(step) for step in all_steps(one, 99.5)] == [Take, Take, Wait]
    assert not one.late(1000.0)


def test_a_file_whose_lumisection_was_given_up_is_late_once() -> None:
    one = begun(1, 3)
    all_steps(one, 100.0)
    one.see(file(2), 130.0)
    assert one.late(130.0) == [file(2)]
    one.see(file(2), 140.0)
    assert not one.late(140.0)


def test_a_second_file_of_a_lumisection_is_late_and_the_first_seen_is_taken() -> None:
    one = begun()
    one.see(file(1, "_b"), 1.0)
    one.see(file(1, "_a"), 2.0)
    assert one.step(2.0) == Take(1, file(1, "_b"))
    assert one.late(2.0) == [file(1, "_a")]


def test_a_file_that_is_in_two_folders_is_read_once_and_counted() -> None:
    one = begun()
    copy = msgspec.structs.replace(file(1), path=Path("other") / file(1).path)
    one.see(file(1), 1.0)
    one.see(copy, 2.0)
    assert one.step(2.0) == Take(1, file(1))
    assert (one.late(2.0), one.repeated) == ([], 1)


def test_a_broken_jsn_has_time_to_be_mended() -> None:
    one = begun()
    one.see(file(1, trouble="jsn_unreadable", events=0), 0.0)
    assert one.step(9.0) == Wait(1, 10.0)
    assert one.troubled() == [file(1).path]
    one.see(file(1), 9.5)
    assert one.step(9.5) == Take(1, file(1))


def test_what_stays_broken_is_given_up_by_its_reason_and_late_once_mended() -> None:
    one = begun()
    one.see(file(1, trouble="file_missing", events=7), 0.0)
    assert one.step(10.0) == GiveUp(1, 7, "file_missing")
    assert one.troubled() == [file(1).path]
    one.see(file(1, trouble="file_missing", events=7), 11.0)
    assert not one.late(100.0)
    one.see(file(1), 12.0)
    assert one.late(12.0) == [file(1)]


def test_a_file_that_goes_before_its_turn_is_given_up_at_once_with_what_it_announced() -> None:
    one = begun(2)
    one.vanish(file(2).path, 5.0)
    one.see(file(3), 6.0)
    assert all_steps(one, 106.0)[:2] == [GiveUp(1, 0, "file_missing"), GiveUp(2, 5, "file_gone")]


def test_the_end_of_the_run_ends_it_once_all_seen_is_decided() -> None:
    one = begun(1, 2)
    one.end(2, 3.0)
    assert [type(step) for step in all_steps(one, 3.0)] == [Take, Take, End]


def test_at_the_end_a_stream_is_waited_for_up_to_where_others_got() -> None:
    one = begun(1)
    one.end(2, 3.0)
    one.step(3.0)
    assert one.step(50.0) == Wait(2, 103.0)
    assert all_steps(one, 103.0) == [GiveUp(2, 0, "file_missing"), End()]


def test_what_comes_after_the_end_was_sent_is_late() -> None:
    one = begun(1)
    one.end(1, 0.0)
    all_steps(one, 0.0)
    one.close()
    one.see(file(2), 1.0)
    assert one.late(1.0) == [file(2)]
    one.see(file(1), 1.0)
    assert not one.late(1.0)


@pytest.mark.parametrize(
    ("joined", "newest", "first"), [(False, False, 1), (True, False, 27), (True, True, 30)]
)
def test_a_run_begins_with_its_first_lumisection_unless_it_was_going_on(
    *, joined: bool, newest: bool, first: int
) -> None:
    settings = WatchSettings(missing_timeout=100.0, newest=newest)
    assert begun(30, 27, joined=joined, settings=settings).decisions.first == first


def test_files_below_the_newest_are_left_alone_when_asked_so() -> None:
    one = begun(1, 2, 3, joined=True, settings=WatchSettings(newest=True))
    assert one.step(0.0) == Take(3, file(3))
    assert (one.late(0.0), one.skipped) == ([], 2)


def test_a_file_far_above_all_others_is_counted_and_left_alone() -> None:
    one = begun(1)
    one.see(file(2 + SETTINGS.most_ahead), 1.0)
    assert one.beyond == 1
    assert one.step(1.0) == Take(1, file(1))
    assert one.step(1000.0) == Wait(2, None)


def test_a_restart_takes_the_same_file_and_finds_others_late() -> None:
    one = begun(1, 3)
    all_steps(one, 100.0)
    noted = one.decisions
    again = order(joined=True)
    again.see(file(1, "_b"), 0.0)
    for number in (1, 2, 3, 4):
        again.see(file(number), 0.0)
    again.resume(noted, 1)
    assert again.late(0.0) == [file(1, "_b"), file(2)]
    assert again.found(3) == file(3)
    assert again.step(0.0) == Take(4, file(4))


def operations(work: Callable[[], object]) -> int:
    """How many operations of the interpreter some work takes."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def all_of_a_run(files: int, *, missing: int) -> None:
    """As many files are seen at once, after LSs without one; all is decided and acknowledged."""
    one = begun(*range(missing + 1, missing + files + 1))
    one.end(one.highest, 0.0)
    for number in range(1, missing + files + 1):
        assert isinstance(one.step(1000.0), Take if number > missing else GiveUp)
        one.acknowledged(number)
    assert one.step(1000.0) == End()


@pytest.mark.parametrize("missing", [0, 1])
def test_twice_as_many_files_that_wait_are_twice_the_work(missing: int) -> None:
    few, many = (
        operations(lambda n=n: all_of_a_run(n, missing=n * missing))  # type: ignore[misc]
        for n in (100, 200)
    )
    assert few > 100
    assert many < 2.5 * few


def test_of_what_cannot_be_sent_no_file_is_waited_for_or_late() -> None:
    one = begun()
    one.see(file(1), 0.0)
    one.see(file(2, trouble="jsn_unreadable", events=0), 0.0)
    one.leave()
    for number in (1, 2, 3):
        one.see(file(number), 100.0)
    assert (one.late(200.0), one.waiting, one.troubled()) == ([], 0, [])


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["see", "broken", "vanish", "wait", "step"]),
        st.integers(1, 8),
        st.sampled_from(["_a", "_b"]),
        st.floats(0, 60),
    ),
    max_size=80,
)


@given(events=EVENTS, restarts=st.sets(st.integers(0, 80), max_size=4))
def test_whatever_happens_each_lumisection_is_decided_once_and_each_file_has_one_fate(
    events: list[tuple[str, int, str, float]], restarts: set[int]
) -> None:
    """Also over restarts: a file is taken, late, lost before its turn or still to come; never two
    of these at a time."""
    now, one = 0.0, begun()
    there: dict[Path, Sighting] = {}
    decided: list[int] = []
    taken: set[Path] = set()
    late: list[Path] = []
    for number, (what, lumisection, ending, seconds) in enumerate(events):
        if number in restarts:
            noted, one = one.decisions, order(joined=True)
            for sighting in there.values():
                one.see(sighting, now)
            one.resume(noted, 0)
            late.clear()  # Each is a source of its own, which the log knows: sent once.
        now += seconds
        sighting = file(lumisection, ending)
        if what in {"see", "broken"}:
            if what == "broken":
                sighting = file(lumisection, ending, trouble="jsn_unreadable", events=0)
            if sighting.path not in there or there[sighting.path].trouble:
                there[sighting.path] = sighting
                one.see(sighting, now)
        elif what == "vanish" and sighting.path in there:
            del there[sighting.path]
            one.vanish(sighting.path, now)
            late = [path for path in late if path != sighting.path]
        elif what == "step":
            step = one.step(now)
            if isinstance(step, Take | GiveUp):
                decided.append(step.lumisection)
            if isinstance(step, Take):
                assert there[step.sighting.path] == step.sighting
                taken.add(step.sighting.path)
        late += [found.path for found in one.late(now)]
        assert len(late) == len(set(late))
        assert not taken & set(late)
    assert decided == list(range(1, len(decided) + 1))
    for path, sighting in there.items():
        is_decided = sighting.lumisection.lumisection <= len(decided)
        if is_decided and not sighting.trouble and path not in taken:
            assert path in late
