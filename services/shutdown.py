"""Running a coroutine until it ends or somebody stops it."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

__all__ = ["run_until_stopped"]


def run_until_stopped(main: Callable[[], Awaitable[None]]) -> int:
    """Run `main`; SIGINT and SIGTERM cancel it. Exit status: 0 also when it was stopped."""

    async def supervised() -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(_awaited(main), name="main")
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, task.cancel)

    asyncio.run(supervised())
    return 0


async def _awaited(main: Callable[[], Awaitable[None]]) -> None:
    await main()
