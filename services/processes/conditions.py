"""The publisher of conditions as a service of a process."""

from collections.abc import Awaitable, Callable

from dqmstream.conditions.publish import ConditionsProgress, publish_conditions
from dqmstream.conditions.table import ConditionsTable
from dqmstream.conditions.units import LUMISECTION_SECONDS
from services.processes.process import Process, Ready, Service

__all__ = ["conditions_publisher"]


def conditions_publisher(
    table: ConditionsTable,
    *,
    speed: float | None,
    seconds: float = LUMISECTION_SECONDS,
    begin: Callable[[], Awaitable[object]] | None = None,
    done: Callable[[], None] = lambda: None,
    progress: ConditionsProgress | None = None,
) -> Service:
    """Publishes a table, then is done.

    Parameters
    ----------
    speed, seconds
        As `publish_conditions` takes them.
    begin
        Awaited before anything is sent.
    done
        Called once all is in the log.
    progress
        Kept up to date.
    """
    progress = progress or ConditionsProgress()
    progress.rejected |= table.rejected
    progress.contradictions |= table.contradictions

    async def start(process: Process, ready: Ready) -> None:
        ready()
        if begin is not None:
            await begin()
        await publish_conditions(
            process.log,
            tuple(table),
            clock=process.clock,
            speed=speed,
            seconds=seconds,
            progress=progress,
        )
        done()

    return Service(name="conditions", start=start, progress=progress)
