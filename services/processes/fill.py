"""Fillers: one of them, or several side by side in one process."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog

from dqmstream.analyses.registry import workspaces_filled
from dqmstream.booking.chunk import decode_chunk
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.kernels.warm import warm
from dqmstream.messages.booking import Booking
from dqmstream.transport.patience import insist
from services.filler.announcing import announce
from services.filler.progress import FillerProgress
from services.filler.service import run_filler
from services.filler.settings import FillerSettings
from services.processes.process import Process, Ready, Service
from services.settings import Settings
from services.startup import booking_set

__all__ = ["Filling"]


class Filling:
    """The fillers of one process: same set, same kernels.

    Parameters
    ----------
    bookings
        Of the set, with the settings of the fold. What an analysis fills is left to an analyser.
    shown_from
        Run from which readers show the set, as `announce` takes it.
    """

    def __init__(
        self,
        settings: Settings,
        bookings: Sequence[Booking],
        *,
        shown_from: int | None = None,
    ) -> None:
        self._settings = settings
        self.booking_set = booking_set(settings, bookings)
        self._shown_from = shown_from
        self._fillers: list[WorkspaceFiller] = []

    async def begin(self, process: Process) -> None:
        """Compile, and announce the set: to be done before the first filler starts."""
        settings = self._settings
        folder = Path(settings.numba_cache) if settings.numba_cache else None
        cache = await asyncio.to_thread(warm, folder)
        if cache.problem:
            structlog.get_logger().warning("kernels are compiled anew", problem=cache.problem)
        layouts = workspaces_filled(self.booking_set)
        self._fillers = await asyncio.to_thread(lambda: [WorkspaceFiller(one) for one in layouts])
        await insist(
            lambda: announce(
                process.log,
                self.booking_set,
                clock=process.clock,
                who=process.name,
                from_run=self._shown_from,
            ),
            "the set cannot be announced",
        )

    def services(self) -> list[Service]:
        """As many fillers as the settings say."""
        return [self._service(f"filler-{number}") for number in range(self._settings.fillers)]

    def _service(self, name: str) -> Service:
        progress = FillerProgress()
        start = partial(self._start, name, progress)
        return Service(name=name, start=start, progress=progress, kind="filler")

    async def _start(
        self, name: str, progress: FillerProgress, process: Process, ready: Ready
    ) -> None:
        settings = FillerSettings(
            publish_interval=self._settings.publish_interval,
            lumisection_timeout=self._settings.lumisection_timeout,
            run_timeout=self._settings.run_timeout,
            decides=not self._settings.candidate,
        )
        # The bare log: a filler stays in its group while the log is away. What it cannot ride out
        # is a start anew.
        await insist(
            lambda: run_filler(
                process.bare_log,
                self.booking_set,
                self._fillers,
                decode_chunk,
                member=f"{process.name}-{name}",
                settings=settings,
                clock=process.clock,
                progress=progress,
                ready=ready,
            ),
            "the filler starts anew",
        )
