"""Sending one source to its end, into the log or through another outlet."""

from dqmstream.clock import Clock
from dqmstream.producing.outlet import LogOutlet, Outlet
from dqmstream.producing.pace import Pace
from dqmstream.producing.production import Production
from dqmstream.producing.progress import ProducerProgress
from dqmstream.producing.settings import ProducerSettings
from dqmstream.sources.source import EventSource
from dqmstream.transport.log import Log
from dqmstream.transport.patience import Pace as RetryPace

__all__ = ["produce", "produce_through"]


async def produce(
    log: Log,
    source: EventSource,
    *,
    clock: Clock,
    settings: ProducerSettings | None = None,
    speed: float | None = None,
    expected: tuple[str, ...] = (),
    progress: ProducerProgress | None = None,
    again: bool = True,
    pace: Pace | None = None,
) -> ProducerProgress:
    """Send a whole run of `source`; it is done when the log has all of it.

    A re-readable source goes on after the last LS that the log is known to hold of it, and waits
    while the log takes nothing. A live source is never held up: what finds the buffer full is
    dropped and counted.

    Parameters
    ----------
    settings
        Default: `ProducerSettings()`.
    speed
        1 plays in real time by event time, k plays k times as fast, None as fast as the log takes.
    expected
        Names of all sources of this run.
    progress
        Kept up to date, and returned at the end.
    again
        Whether to announce start and end of a run once more that the log already holds to its end.
    pace
        Who waits, in place of a new `Pace` of this speed.

    Raises
    ------
    ConfigurationError
        If `dqm.events` takes no messages large enough for a chunk.
    LogError
        If the log refuses a message for good; while it is only away, sending goes on.
    SourceError
        If the source cannot be read; `second_incarnation` if it decides while it reads, and has
        begun the run with other settings.
    """
    progress = progress if progress is not None else ProducerProgress()
    settings = settings or ProducerSettings()
    retry = RetryPace(first=settings.retry_first, most=settings.retry_most)
    outlet = LogOutlet(log, source, retry, progress)
    await produce_through(
        outlet,
        source,
        clock=clock,
        settings=settings,
        progress=progress,
        speed=speed,
        expected=expected,
        again=again,
        pace=pace,
    )
    return progress


async def produce_through(
    outlet: Outlet,
    source: EventSource,
    *,
    clock: Clock,
    settings: ProducerSettings,
    progress: ProducerProgress,
    speed: float | None = None,
    expected: tuple[str, ...] = (),
    again: bool = True,
    pace: Pace | None = None,
) -> None:
    """`produce` through any outlet."""
    production = Production(outlet, source, clock, settings, progress)
    await production.run(pace or Pace(clock, speed), expected, again=again)
