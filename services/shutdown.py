"""Running a coroutine until it ends or somebody stops it."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import structlog

from services.draining import Drain

__all__ = ["run_until_stopped"]


def run_until_stopped(main: Callable[[], Awaitable[None]], drain: Drain | None = None) -> int:
    """Run `main`; SIGINT and SIGTERM cancel it.

    Exit status: 0 also when it was stopped, 1 when it was cancelled by nobody's wish: a library
    that cancels what it should not must not look like a service that is done.

    Parameters
    ----------
    drain
        How long SIGTERM leaves it, once it was told. SIGINT, and SIGTERM again, do not wait.
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

            def leave() -> None:
                if drain is None or not drain.seconds or drain.begun.is_set():
                    stop()
                    return
                drain.begun.set()
                stopping = loop.call_later(drain.seconds, stop)
                task.add_done_callback(lambda _: stopping.cancel())

            loop.add_signal_handler(signal.SIGINT, stop)
            loop.add_signal_handler(signal.SIGTERM, leave)
        return wanted or not task.cancelled()

    if asyncio.run(supervised()):
        return 0
    structlog.get_logger().error("ended: something in it was cancelled, and nobody asked for that")
    return 1


async def _awaited(main: Callable[[], Awaitable[None]]) -> None:
    await main()
