"""Playing by event time: when things are due, and how late they come."""

import asyncio
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.clock import SettableClock
from dqmstream.errors import ConfigurationError
from dqmstream.producing.pace import Pace
from dqmstream.producing.schedule import Schedule

LENGTHS = st.floats(0.001, 100.0).map(lambda seconds: round(seconds, 9))
SPEEDS = st.floats(0.01, 10_000.0)


@given(st.lists(LENGTHS, max_size=50), st.integers(0, 100_000), SPEEDS)
def test_due_times_do_not_drift(lengths: list[float], more: int, speed: float) -> None:
    """After any number of LSs what is due is the sum of their lengths over the speed, exactly."""
    schedule = Schedule(speed)
    for length in lengths:
        schedule.next_lumisection(length)
    schedule.next_lumisection(23.31 * more)
    exact = sum((Fraction(round(one * 1e9), 10**9) for one in lengths), Fraction(0))
    exact += Fraction(round(23.31 * more * 1e9), 10**9)
    assert schedule.due(0) == pytest.approx(float(exact / Fraction(speed)), rel=1e-14, abs=1e-12)
    assert schedule.due(0.5) > schedule.due(0)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ConfigurationError, match="expected a number above 0"):
        Schedule(speed)


class _Dozing(Pace):
    """One whose sleeps end when a settable clock is moved on, and take longer than they should."""

    def __init__(self, clock: SettableClock, speed: float, oversleeps: list[float]) -> None:
        super().__init__(clock, speed)
        self._settable = clock
        self._oversleeps = oversleeps

    async def _sleep(self, seconds: float) -> None:
        self._settable.advance(max(0.0, seconds) + self._oversleeps.pop())


@given(
    st.lists(st.tuples(LENGTHS, st.floats(0.0, 3.0), st.floats(0.0, 3.0)), min_size=1, max_size=30),
    st.floats(0.1, 100.0),
)
def test_lateness_is_known_and_does_not_add_up(
    lumisections: list[tuple[float, float, float]], speed: float
) -> None:
    """However long single sleeps take, nothing is early, and later LSs make up for it."""
    clock = SettableClock()
    jitter = [time for _, *times in lumisections for time in times]
    pace = _Dozing(clock, speed, list(reversed(jitter)))

    async def play() -> None:
        passed = 0.0
        for length, middle, end in lumisections:
            for at, oversleep in ((length / 2, middle), (length, end)):
                before = clock.monotonic()
                await pace.wait(at)
                due = (passed + at) / speed
                late = clock.monotonic() - due
                assert late >= -1e-6
                assert pace.late == pytest.approx(max(late, 0.0), abs=1e-6)
                assert late <= oversleep + max(0.0, before - due) + 1e-6
                assert pace.latest >= pace.late
            pace.next_lumisection(length)
            passed += length

    asyncio.run(play())


async def test_who_is_hurried_does_not_wait_and_the_next_lumisection_begins_now() -> None:
    clock = SettableClock()
    pace = Pace(clock, 1.0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pace.wait(1000.0))
        await asyncio.sleep(0)
        pace.hurry()
    await pace.wait(2000.0)
    clock.advance(5.0)
    pace.next_lumisection(2000.0)
    assert pace.latest == 0.0
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    pace._sleep = sleep  # type: ignore[method-assign]
    await pace.wait(3.0)
    assert slept == [pytest.approx(3.0)]


async def test_without_a_speed_nobody_waits() -> None:
    pace = Pace(SettableClock(), None)
    await pace.wait(1e9)
    pace.next_lumisection(1e9)
    assert pace.latest == 0.0
