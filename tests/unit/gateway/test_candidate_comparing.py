"""Two gateways over made-up runs: what of all elements differs, of every kind, within limits."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from dqmstream.clock import SettableClock, SystemClock
from services.deploying.beside import is_good
from services.gateway.candidate_comparing import Comparing
from services.gateway.candidate_relay import CandidateRelay, Running
from services.gateway.desk import Desk
from services.gateway.live import LiveView
from services.gateway.problems import ProblemError
from services.gateway.service import serve
from services.gateway.settings import CandidateSettings
from services.gateway.testing import Detector, bookings
from tests.unit.gateway.conftest import feed
from tests.unit.gateway.parts import parts_of

ELEMENTS = sum(len(booking.elements) for booking in bookings())
RUN = 400_001


@dataclass(frozen=True, slots=True)
class Two:
    """A candidate that is served, its detector and view, and what compares production with it."""

    candidate: Running
    detector: Detector
    view: LiveView
    comparing: Comparing
    clock: SettableClock


@asynccontextmanager
async def two(**limits: Any) -> AsyncIterator[Two]:
    """Production knows LS 1 to 3, of which the last is open; the candidate lags by one."""
    views, detectors = (LiveView(), LiveView()), (Detector(), Detector())
    for view, detector, last in zip(views, detectors, (3, 2), strict=True):
        feed(view, detector.announce())
        for number in range(1, last + 1):
            feed(view, detector.fill(number))
            if number < 3:
                feed(view, detector.close(number))
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    clock, started = SettableClock(), asyncio.Event()
    async with (
        Desk.open() as ours,
        Desk.open() as theirs,
        CandidateRelay(CandidateSettings(seconds=60.0), SystemClock()) as relay,
        asyncio.TaskGroup() as tasks,
    ):
        server = tasks.create_task(serve(parts_of(views[1], theirs), started, listener))
        await started.wait()
        parts = parts_of(views[0], ours)
        comparing = Comparing(relay, parts.library, parts.readings, parts.encoding, clock, **limits)
        yield Two(Running("v2", url), detectors[1], views[1], comparing, clock)
        server.cancel()


async def test_elements_of_all_kinds_are_the_same_in_the_lss_that_are_closed_in_both() -> None:
    async with two() as both:
        found = await both.comparing.compared(both.candidate, RUN, None)
        assert (found.lumisections, found.counts) == ("1-2", {"same": ELEMENTS})
        assert is_good(found.counts)
        late = await both.comparing.compared(both.candidate, RUN, "1-3")
        assert late.counts["different"] > 0
        assert not is_good(late.counts)


async def test_what_was_found_is_kept_for_some_seconds_and_then_looked_at_again() -> None:
    async with two() as both:
        first = await both.comparing.compared(both.candidate, RUN, "1-1")
        feed(both.view, both.detector.fill(1))
        assert await both.comparing.compared(both.candidate, RUN, "1-1") is first
        both.clock.advance(60)
        again = await both.comparing.compared(both.candidate, RUN, "1-1")
        assert again is not first


async def test_more_than_may_be_compared_at_once_is_refused() -> None:
    async with two(most=ELEMENTS - 1) as both:
        with pytest.raises(
            ProblemError, match="dqmstream deploy compare takes any number"
        ) as found:
            await both.comparing.compared(both.candidate, RUN, None)
        assert found.value.status == 413
    async with two(waiting=0) as both:
        asked = [both.comparing.compared(both.candidate, RUN, None) for _ in range(3)]
        results = await asyncio.gather(*asked, return_exceptions=True)
        statuses = [getattr(one, "status", 200) for one in results]
        assert sorted(statuses) == [200, 503, 503]


async def test_a_comparison_that_takes_too_long_is_given_up() -> None:
    async with two(seconds=0.000_1) as both:
        with pytest.raises(ProblemError, match="was not compared in") as found:
            await both.comparing.compared(both.candidate, RUN, None)
        assert found.value.status == 504
