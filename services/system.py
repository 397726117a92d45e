"""All services of one process on the embedded log: started together, ready, stopped together."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import structlog

from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking_set import BookingSet
from dqmstream.clock import Clock
from dqmstream.errors import ConfigurationError
from dqmstream.fold.state import FoldSettings
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.kernels.warm import warm
from dqmstream.messages.booking import Booking
from dqmstream.quality.declaration import QualityTest
from dqmstream.store.store import Store
from dqmstream.transport.log import Log
from services.comparator import run_comparator
from services.filler import FillerProgress, FillerSettings, announce, run_filler
from services.gateway.service import run_gateway
from services.gateway.settings import GatewaySettings
from services.health import Health
from services.heartbeat import beat, standing_of
from services.judging import ComparatorProgress
from services.log import open_log
from services.recorder import RecorderProgress, run_recorder
from services.settings import Settings

__all__ = ["System", "running_system"]

Progress: TypeAlias = FillerProgress | ComparatorProgress | RecorderProgress


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """A running system: its log, its set, its store, and where its page is."""

    log: Log
    booking_set: BookingSet
    store: Store
    url: str
    progress: FillerProgress


@asynccontextmanager
async def running_system(
    settings: Settings,
    bookings: Sequence[Booking],
    tests: Sequence[QualityTest],
    clock: Clock,
) -> AsyncIterator[System]:
    """All services, ready, for the length of the block.

    Raises
    ------
    ConfigurationError
        If the address is taken or a booking does not fit; LogOwnedError if the folder is in use.
    """
    folder = Path(settings.numba_cache) if settings.numba_cache else None
    cache = await asyncio.to_thread(warm, folder)
    if cache.problem:
        structlog.get_logger().warning("kernels are compiled anew", problem=cache.problem)
    fold = FoldSettings(partitions=settings.partitions, max_open=settings.max_open)
    booking_set = BookingSet(bookings, fold)
    await asyncio.to_thread(settings.data.mkdir, parents=True, exist_ok=True)
    listener = await asyncio.to_thread(_listen, settings.host, settings.port)
    url = f"http://{settings.host}:{listener.getsockname()[1]}"
    async with open_log(settings, clock) as log:
        store = await asyncio.to_thread(Store, settings.store_url)
        await announce(log, booking_set, clock=clock, who="dqmstream")
        services = _Services(log, store, booking_set, settings, clock)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(services.run(tests, listener), name="services")
                await services.ready()
                yield System(
                    log=log,
                    booking_set=booking_set,
                    store=store,
                    url=url,
                    progress=services.progress,
                )
                running.cancel()
        finally:
            await asyncio.to_thread(store.close)


class _Services:
    """The services of one process, wired to one log and one store."""

    def __init__(
        self, log: Log, store: Store, booking_set: BookingSet, settings: Settings, clock: Clock
    ) -> None:
        self._log = log
        self._store = store
        self._set = booking_set
        self._settings = settings
        self._clock = clock
        self._process = f"{socket.gethostname()}-{os.getpid()}"
        self._fillers = [f"filler-{number}" for number in range(settings.fillers)]
        names = [*self._fillers, "comparator", "recorder", "gateway"]
        self._health = Health(clock, names)
        self.progress = FillerProgress()
        self._compared = ComparatorProgress()
        self._recorded = RecorderProgress()

    async def ready(self) -> None:
        """Wait until every service has said that it is."""
        await self._health.wait_ready()

    async def run(self, tests: Sequence[QualityTest], listener: socket.socket) -> None:
        """Run all services until cancelled; one that fails stops all."""
        log, clock, settings = self._log, self._clock, self._settings
        workspaces = await asyncio.to_thread(
            lambda: [WorkspaceFiller(layout) for layout in self._set.layouts]
        )
        async with asyncio.TaskGroup() as tasks:
            for name in self._fillers:
                filler = run_filler(
                    log,
                    self._set,
                    workspaces,
                    decode_chunk,
                    member=f"{self._process}-{name}",
                    settings=FillerSettings(
                        publish_interval=settings.publish_interval,
                        lumisection_timeout=settings.lumisection_timeout,
                        run_timeout=settings.run_timeout,
                    ),
                    clock=clock,
                    progress=self.progress,
                    ready=partial(self._health.ready, name),
                )
                tasks.create_task(filler, name=name)
            comparator = run_comparator(
                log,
                tests,
                clock=clock,
                ready=partial(self._health.ready, "comparator"),
                progress=self._compared,
            )
            tasks.create_task(comparator, name="comparator")
            recorder = run_recorder(
                log,
                settings.store_url,
                clock=clock,
                ready=partial(self._health.ready, "recorder"),
                progress=self._recorded,
            )
            tasks.create_task(recorder, name="recorder")
            gateway = run_gateway(
                log,
                self._store,
                GatewaySettings(
                    host=settings.host,
                    port=settings.port,
                    update_interval=settings.update_interval,
                ),
                clock=clock,
                ready=partial(self._health.ready, "gateway"),
                listener=listener,
            )
            tasks.create_task(gateway, name="gateway")
            for name in self._health.vitals:
                beats = beat(
                    log,
                    process=self._process,
                    service=name,
                    clock=clock,
                    standing=partial(standing_of, self._progress_of(name)),
                    health=self._health,
                )
                tasks.create_task(beats, name=f"heartbeat of {name}")

    def _progress_of(self, name: str) -> Progress | None:
        """What a service counts; the gateway has metrics of its own."""
        counting: dict[str, Progress] = dict.fromkeys(self._fillers, self.progress)
        counting |= {"comparator": self._compared, "recorder": self._recorded}
        return counting.get(name)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that a taken port stops the start with a sentence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        msg = f"cannot listen on {host}:{port}: {error.strerror}; --port 0 takes any free port"
        raise ConfigurationError(msg) from error
    listener.listen(128)
    return listener
