"""A process that was told to stop, and answers on until whoever sends it work has noticed."""

import asyncio

__all__ = ["Drain"]


class Drain:
    """Whether a process is about to stop.

    A balancer sends a gateway what comes until it has asked whether that is ready, and been told
    that it is not. So it goes on for some time after SIGTERM, and says so: who is still sent to it
    is answered, and nobody meets a closed port.

    Parameters
    ----------
    seconds
        How long; 0 stops at once.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.begun = asyncio.Event()
        """Set once the process was told to stop."""
