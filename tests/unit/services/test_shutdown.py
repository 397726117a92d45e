"""What ends a service, and what its exit status says of it."""

import asyncio
import os
import signal

import pytest

from services.draining import Drain
from services.shutdown import run_until_stopped


async def _wait() -> None:
    await asyncio.Event().wait()


async def _ask_to_stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    await _wait()


async def _end() -> None:
    await asyncio.sleep(0)


async def _break() -> None:
    msg = "broken"
    raise ValueError(msg)


async def _await_what_another_cancelled() -> None:
    async with asyncio.TaskGroup() as tasks:
        other = tasks.create_task(_wait())
        await asyncio.sleep(0)
        other.cancel()
        await other


def test_what_is_done_or_was_asked_to_stop_ends_with_status_0() -> None:
    assert run_until_stopped(_end) == 0
    assert run_until_stopped(_ask_to_stop) == 0


def test_an_error_is_raised() -> None:
    with pytest.raises(ExceptionGroup):
        run_until_stopped(_break)


def test_cancelling_that_nobody_asked_for_is_no_proper_end() -> None:
    assert run_until_stopped(_await_what_another_cancelled) == 1


LONG = 300.0


def _stops(drain: Drain, *signals: int) -> list[bool]:
    """Signals one after another, each once the last was felt; whether it was told to stop when it
    was cancelled."""
    told: list[bool] = []

    async def main() -> None:
        try:
            for number in signals:
                os.kill(os.getpid(), number)
                await drain.begun.wait()
            await _wait()
        finally:
            told.append(drain.begun.is_set())

    assert run_until_stopped(main, drain) == 0
    return told


def test_a_process_that_drains_is_told_and_goes_on_until_its_time_is_over() -> None:
    assert _stops(Drain(0.05), signal.SIGTERM) == [True]


def test_being_told_again_ends_the_draining_and_an_interrupt_does_not_begin_it() -> None:
    assert _stops(Drain(LONG), signal.SIGTERM, signal.SIGTERM) == [True]
    assert _stops(Drain(LONG), signal.SIGTERM, signal.SIGINT) == [True]
    assert _stops(Drain(LONG), signal.SIGINT) == [False]
    assert _stops(Drain(0.0), signal.SIGTERM) == [False]


def test_what_is_done_while_it_drains_ends() -> None:
    drain = Drain(LONG)

    async def main() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await drain.begun.wait()

    assert run_until_stopped(main, drain) == 0
