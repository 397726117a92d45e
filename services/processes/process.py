"""A process: its log, its services with their heartbeats, and what it says of itself over HTTP.

All services in one process, or one service in each: this is the only place that starts them.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Self, TypeAlias

import structlog

from dqmstream.clock import Clock
from dqmstream.errors import DqmError
from dqmstream.transport.log import Log
from dqmstream.transport.patience import PatientLog
from services.draining import Drain
from services.log import open_log
from services.logging.logs import AtTheEnd
from services.monitoring.families import Service as Kind
from services.monitoring.health import Health
from services.monitoring.heartbeat import beat, standing_of
from services.monitoring.metrics import ProcessMetrics
from services.monitoring.server import serve_metrics
from services.settings import Settings

__all__ = ["Process", "Ready", "Service"]

Ready: TypeAlias = Callable[[], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One service.

    Parameters
    ----------
    name
        Unique in its process: heartbeats and log lines bear it.
    start
        Runs it in a process, until cancelled or done; calls `ready` once it works.
    progress
        What it counts, for heartbeats and metrics.
    kind
        Which metrics its progress fills; None if it keeps its own.
    """

    name: str
    start: Callable[["Process", Ready], Awaitable[None]]
    progress: object = None
    kind: Kind | None = None


class Process:
    """What the services of one process share; made by `running`, which see."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        bare_log: Log,
        health: Health,
        metrics: ProcessMetrics,
        *,
        drain: Drain | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        """Unique among processes of one log."""
        self.log = PatientLog(bare_log)
        """The log for services: calls wait while it is away."""
        self.bare_log = bare_log
        """The log for those who must know that it is away, and do something about it."""
        self.health = health
        self.metrics = metrics
        self.drain = drain or Drain()
        self.finished = asyncio.Event()
        """Set once every service has done what it had to; most never have."""

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        settings: Settings,
        services: Sequence[Service],
        clock: Clock,
        *,
        begin: Callable[[Self], Awaitable[None]] | None = None,
        drain: Drain | None = None,
    ) -> AsyncIterator[Self]:
        """Services, all of them ready, for the length of the block; one that fails ends it.

        Parameters
        ----------
        begin
            Awaited once the log is open, before any service starts.
        drain
            Whether the process was told to stop, and answers on for some time.

        Raises
        ------
        ConfigurationError
            If the settings do not fit, or an address is taken.
        LogError
            If the log cannot be opened, or has topics with other settings.
        """
        health = Health(clock, [service.name for service in services], drain)
        metrics = ProcessMetrics(health)
        # Before the log, which may be long in coming: a process that waits for it is alive.
        async with _metrics_served(settings, metrics, health), open_log(settings, clock) as log:
            metrics.watch_log(log)
            process = cls(settings, clock, log, health, metrics, drain=drain)
            if begin is not None:
                await begin(process)
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(process._run(services), name="services")
                await health.wait_ready()
                yield process
                running.cancel()

    async def _run(self, services: Sequence[Service]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for service in services:
                if service.kind is not None:
                    self.metrics.watch(service.kind, service.progress)
                tasks.create_task(self._run_one(service), name=service.name)
        self.finished.set()

    async def _run_one(self, service: Service) -> None:
        """Run a service to its end; meanwhile it beats, and then says that it stops."""
        # This task's own context: whatever the service logs bears its name.
        structlog.contextvars.bind_contextvars(service=service.name)
        async with asyncio.TaskGroup() as tasks:
            beats = beat(
                self.bare_log,
                process=self.name,
                service=service.name,
                clock=self.clock,
                standing=partial(standing_of, service.progress),
                health=self.health,
            )
            beating = tasks.create_task(beats, name=f"heartbeat of {service.name}")
            try:
                await service.start(self, partial(self.health.ready, service.name))
            except DqmError as error:
                error.add_note(service.name)
                structlog.get_logger().error("service failed", error=AtTheEnd(error))
                raise
            beating.cancel()


@asynccontextmanager
async def _metrics_served(
    settings: Settings, metrics: ProcessMetrics, health: Health
) -> AsyncIterator[None]:
    if not settings.metrics_port:
        yield
        return
    async with serve_metrics(
        settings.metrics_host, settings.metrics_port, metrics.registry, health
    ):
        yield
