"""The recorder as a service of a process."""

import asyncio

from dqmstream.store.retention import read_retention
from services.processes.process import Process, Ready, Service
from services.recorder.progress import RecorderProgress
from services.recorder.service import Pruning, RecorderSettings, run_recorder
from services.settings import Settings

__all__ = ["recorder"]


def recorder() -> Service:
    """A recorder into the store of the settings; one for each store."""
    progress = RecorderProgress()

    async def start(process: Process, ready: Ready) -> None:
        pruning = await asyncio.to_thread(_pruning, process.settings)
        await run_recorder(
            process.log,
            process.settings.store_url,
            clock=process.clock,
            ready=ready,
            settings=RecorderSettings(pruning=pruning),
            progress=progress,
        )

    return Service(name="recorder", start=start, progress=progress, kind="recorder")


def _pruning(settings: Settings) -> Pruning | None:
    if settings.store_retention is None or not settings.store_prune_hours:
        return None
    policy = read_retention(settings.store_retention)
    return Pruning(policy=policy, interval=3600 * settings.store_prune_hours)
