"""One service, or several of a kind, as a process of its own on a broker."""

from collections.abc import Awaitable, Callable, Sequence

import typer

from dqmstream.clock import SystemClock
from dqmstream.errors import ConfigurationError
from services.draining import Drain
from services.processes.process import Process, Service
from services.settings import Settings

__all__ = ["alone", "need_broker", "refuse_candidate"]


def need_broker(settings: Settings, command: str) -> None:
    """Refuse to run one service on the embedded log, which is of one process.

    Raises
    ------
    ConfigurationError
        If no broker is set.
    """
    if not settings.kafka:
        msg = (
            f"`dqmstream {command}` runs one service as a process of its own, and services of "
            "several processes meet on a Kafka broker: name one by --kafka host:port or "
            "DQMSTREAM_KAFKA, or run all services in one process by `dqmstream run`"
        )
        raise ConfigurationError(msg)


def refuse_candidate(settings: Settings, command: str, why: str) -> None:
    """Refuse what a candidate must not do beside production.

    Raises
    ------
    ConfigurationError
        If the settings are those of a candidate.
    """
    if settings.candidate:
        msg = (
            f"`dqmstream {command}` is not for a candidate: {why}; DQMSTREAM_CANDIDATE is "
            f"{settings.candidate!r}"
        )
        raise ConfigurationError(msg)


async def alone(
    settings: Settings,
    services: Sequence[Service],
    *,
    says: str = "",
    begin: Callable[[Process], Awaitable[None]] | None = None,
    drain: Drain | None = None,
) -> None:
    """Run services until they are done, which most never are.

    Parameters
    ----------
    says
        A line to print once all are ready.
    begin, drain
        See `Process.running`.
    """
    running = Process.running(settings, services, SystemClock(), begin=begin, drain=drain)
    async with running as process:
        if says:
            typer.echo(says)
        await process.finished.wait()
