"""Bounds of the workers that run plug-ins."""

from dataclasses import dataclass

__all__ = ["WorkerSettings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerSettings:
    """Bounds of workers.

    Parameters
    ----------
    seconds
        Time for one call: a test on all elements of one shape. Importing the plug-in is no part.
    start_seconds
        Time for a process to start, and for it to import a plug-in.
    memory
        Bytes of address space.
    processes
        Workers at the same time.
    strikes, aside_seconds
        A test that has ended so many workers in a row is not run for so long.
    """

    seconds: float = 10.0
    start_seconds: float = 60.0
    memory: int = 4 << 30
    processes: int = 1
    strikes: int = 3
    aside_seconds: float = 60.0
