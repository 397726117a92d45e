"""What ends a service, and what its exit status says of it."""

import asyncio
import os
import signal

import pytest

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
