"""The display service as a service of a process."""

from dqmstream.displays.sampler import Sampler, SamplerSettings
from dqmstream.transport.patience import insist
from services.display.service import DisplayProgress, run_display
from services.processes.process import Process, Ready, Service
from services.settings import Settings

__all__ = ["display"]


def display(settings: Settings) -> Service:
    """A display service that picks events as the settings say.

    Raises
    ------
    ConfigurationError
        If a rule is none.
    """
    chosen = SamplerSettings(
        rate=settings.display_rate, limit=settings.display_bytes, rules=settings.display_rules
    )
    progress = DisplayProgress()

    async def start(process: Process, ready: Ready) -> None:
        # What it cannot wait for with patience is a start anew, at what is newest then.
        await insist(
            lambda: run_display(
                process.log, Sampler(chosen), clock=process.clock, ready=ready, progress=progress
            ),
            "the display starts anew",
        )

    return Service(name="display", start=start, progress=progress, kind="display")
