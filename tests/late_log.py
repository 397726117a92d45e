"""A log whose answers come late: what was sent is there only afterwards."""

from collections.abc import Sequence
from typing import Any

from dqmstream.errors import LogUnavailableError
from dqmstream.messages.topics import CONFIGURATION
from dqmstream.transport.log import Log, Outgoing

__all__ = ["LateLog"]


class LateLog:
    """A log before another one. While it `is_late`, the next version of a configuration fails as if
    nobody knew what became of it; it is in the log once the one after it is sent."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._held: list[Outgoing] = []
        self.is_late = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def send(self, messages: Sequence[Outgoing]) -> list[int]:
        """See `Log.send`."""
        if messages[0].topic != CONFIGURATION:
            return await self._log.send(messages)
        if self.is_late:
            self._held += messages
            self.is_late = False
            msg = "nobody knows what became of it"
            raise LogUnavailableError(msg)
        held, self._held = self._held, []
        return (await self._log.send([*held, *messages]))[len(held) :]
