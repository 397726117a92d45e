"""The analyser as a service of a process."""

import asyncio

import structlog

from dqmstream.analyses.registry import load_analysis, workspaces_analysed
from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking_set import BookingSet
from dqmstream.transport.patience import insist
from services.analyser.progress import AnalyserProgress
from services.analyser.service import AnalyserSettings, run_analyser
from services.processes.process import Process, Ready, Service

__all__ = ["analysers", "idle_analyser"]


def analysers(booking_set: BookingSet, *, conditions: bool = True) -> list[Service]:
    """The analyser of a set; none if no workspace of it has an analysis.

    Parameters
    ----------
    conditions
        Whether it publishes what analyses say of the conditions of an LS.

    Raises
    ------
    BookingError
        If an analysis is unknown, or refuses its workspace.
    """
    analyses = [(layout, load_analysis(layout)) for layout in workspaces_analysed(booking_set)]
    if not analyses:
        return []
    progress = AnalyserProgress()

    async def start(process: Process, ready: Ready) -> None:
        # What it cannot wait for with patience is a start anew, from its checkpoint.
        await insist(
            lambda: run_analyser(
                process.log,
                booking_set,
                analyses,
                decode_chunk,
                member=f"{process.name}-analyser",
                settings=AnalyserSettings(conditions=conditions),
                clock=process.clock,
                progress=progress,
                ready=ready,
            ),
            "the analyser starts anew",
        )

    return [Service(name="analyser", start=start, progress=progress, kind="analyser")]


def idle_analyser(booking_set: BookingSet) -> Service:
    """An analyser of a set that has nothing to analyse: ready, and waiting to be told to stop.

    A deployment starts the same services whatever its workspaces are.
    """

    async def start(_process: Process, ready: Ready) -> None:
        ready()
        reason = f"no workspace of set {booking_set.hash} has an analysis: fillers fill all of them"
        structlog.get_logger().warning("nothing to analyse", reason=reason)
        await asyncio.Event().wait()

    return Service(name="analyser", start=start, progress=AnalyserProgress(), kind="analyser")
