"""Running a coroutine until it ends or somebody stops it."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import structlog

__all__ = ["run_until_stopped"]


def run_until_stopped(main: Callable[[], Awaitable[None]]) -> int:
    """Run `main`; SIGINT and SIGTERM cancel it.

    Exit status: 0 also when it was stopped, 1 when it was cancelled by nobody's wish: a library
    that cancels what it should not must not look like a service that is done.
    """
    wanted = False

    async def supervised() -> bool:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(_awaited(main), name="main")

            def stop() -> None:
                nonlocal wanted
                wanted = True
                task.cancel()

            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop)
        return wanted or not task.cancelled()

    if asyncio.run(supervised()):
        return 0
    structlog.get_logger().error("ended: something in it was cancelled, and nobody asked for that")
    return 1


async def _awaited(main: Callable[[], Awaitable[None]]) -> None:
    await main()
