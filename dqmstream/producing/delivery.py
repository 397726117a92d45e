"""Sending until the log has it."""

from collections.abc import Sequence

from dqmstream.producing.progress import ProducerProgress
from dqmstream.transport.log import Log, Outgoing
from dqmstream.transport.patience import Pace, insist

__all__ = ["Delivery"]


class Delivery:
    """Sends records, and the same ones again after an unknown outcome: they bear their ids."""

    def __init__(self, log: Log, pace: Pace, progress: ProducerProgress) -> None:
        self._log = log
        self._pace = pace
        self._progress = progress
        self._failing = 0

    async def send(self, messages: Sequence[Outgoing], *, chunks: int = 0) -> None:
        """Return once all are acknowledged; LogError if the log refuses them for good."""
        progress, failed = self._progress, False

        def on_failure() -> None:
            nonlocal failed
            self._failing += not failed
            failed = True
            progress.retries += 1
            progress.resent += chunks
            progress.unavailable = 1

        try:
            await insist(
                lambda: self._log.send(messages),
                "events cannot be sent",
                pace=self._pace,
                on_failure=on_failure,
            )
        finally:
            self._failing -= failed
            progress.unavailable = int(self._failing > 0)
