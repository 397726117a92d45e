"""The recorder as a service of a process."""

from services.processes.process import Process, Ready, Service
from services.recorder.service import RecorderProgress, run_recorder

__all__ = ["recorder"]


def recorder() -> Service:
    """A recorder into the store of the settings; one for each store."""
    progress = RecorderProgress()

    async def start(process: Process, ready: Ready) -> None:
        await run_recorder(
            process.log,
            process.settings.store_url,
            clock=process.clock,
            ready=ready,
            progress=progress,
        )

    return Service(name="recorder", start=start, progress=progress, kind="recorder")
