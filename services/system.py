"""All services in one process: started together, ready, stopped together."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dqmstream.booking_set import BookingSet
from dqmstream.clock import Clock
from dqmstream.messages.booking import Booking
from dqmstream.quality.declaration import QualityTest
from dqmstream.store.store import Store
from services.processes.alarm import alarms, chosen_rules
from services.processes.analyse import analysers
from services.processes.compare import comparator
from services.processes.display import display
from services.processes.fill import Filling
from services.processes.notify import notifier
from services.processes.posted import PostedFilling
from services.processes.process import Process, Service
from services.processes.record import recorder
from services.processes.serve import serving
from services.settings import Settings
from services.startup import worker_bounds

__all__ = ["System", "running_system"]


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """A running system: its process, its set, its store, and where its page is."""

    process: Process
    booking_set: BookingSet
    store: Store
    url: str


@asynccontextmanager
async def running_system(
    settings: Settings,
    bookings: Sequence[Booking],
    tests: Sequence[QualityTest],
    clock: Clock,
    producers: Sequence[Service] = (),
    *,
    derive_conditions: bool = True,
) -> AsyncIterator[System]:
    """All services, and producers beside them, ready, for the length of the block.

    Parameters
    ----------
    derive_conditions
        Whether analyses publish the conditions they find in events.

    Raises
    ------
    ConfigurationError
        If the address is taken or a booking does not fit; BookingError
        if an analysis does not; LogOwnedError if the folder is in use.
    """
    filling = Filling(settings, bookings)
    async with serving(settings) as gateway:
        derive = derive_conditions and not settings.candidate
        analysing = analysers(filling.booking_set, conditions=derive)
        services = [*filling.services(), PostedFilling(settings).service(), *analysing]
        services += [comparator(tests, worker_bounds(settings)), recorder(), gateway.service]
        services.append(alarms(await asyncio.to_thread(chosen_rules, settings), tests))
        if settings.display:
            services.append(display(settings))
        if settings.notifications is not None and not settings.candidate:
            services.append(await asyncio.to_thread(notifier, settings))
        services += producers
        async with Process.running(settings, services, clock, begin=filling.begin) as process:
            yield System(
                process=process,
                booking_set=filling.booking_set,
                store=gateway.store,
                url=gateway.url,
            )
