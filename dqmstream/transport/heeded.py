"""Whether the running task was asked to end, also where a library has not passed that on."""

import asyncio

__all__ = ["Heeded"]


class Heeded:
    """Cancellations that the running task knows of: those up to now.

    aiokafka loses one that comes while it waits for tasks of its own to end, and `asyncio.wait_for`
    of Python 3.11 one that comes in the same turn of the loop as what it waits for: as it is when a
    process that was frozen goes on, and was told to stop meanwhile. A task that lost one goes on
    for ever, and with it its process.
    """

    def __init__(self) -> None:
        self._known = _cancellations()

    def check(self) -> None:
        """Raise CancelledError if there are more now."""
        if _cancellations() > self._known:
            raise asyncio.CancelledError


def _cancellations() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task else 0
