"""The comparator as a service of a process."""

import asyncio
from collections.abc import Sequence
from contextlib import closing

from dqmstream.quality.declaration import QualityTest
from dqmstream.quality.plugins import load_plugins
from dqmstream.transport.patience import insist
from services.comparator.judging import ComparatorProgress
from services.comparator.service import run_comparator
from services.plugins.bounds import WorkerSettings
from services.plugins.workers import Workers
from services.processes.process import Process, Ready, Service

__all__ = ["comparator"]


def comparator(tests: Sequence[QualityTest], workers: WorkerSettings) -> Service:
    """A comparator that judges by these tests, those of plug-ins within bounds."""
    progress = ComparatorProgress()

    async def start(process: Process, ready: Ready) -> None:
        plugins = await asyncio.to_thread(load_plugins)
        # What it cannot wait for with patience is a start anew: it finds out what is published.
        with closing(Workers(plugins, workers)) as apart:
            await insist(
                lambda: run_comparator(
                    process.log,
                    tests,
                    clock=process.clock,
                    ready=ready,
                    member=f"{process.name}-comparator",
                    progress=progress,
                    algorithms=plugins.algorithms,
                    workers=apart,
                ),
                "the comparator starts anew",
            )

    return Service(name="comparator", start=start, progress=progress, kind="comparator")
