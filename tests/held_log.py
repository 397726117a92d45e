"""A log that holds up chosen records, so that a test decides what is acknowledged when."""

import asyncio
from collections.abc import Callable, Sequence

from dqmstream.messages.events import EventBatch, LumisectionEnd
from dqmstream.messages.wire import CODEC
from dqmstream.transport.log import Log, Outgoing
from tests.troubled_log import TroubledLog

__all__ = ["HeldLog"]


class HeldLog(TroubledLog):
    """Holds up what `holds` says, chunks and LumisectionEnds, until somebody lets go of it."""

    def __init__(
        self,
        log: Log,
        holds: Callable[[EventBatch | LumisectionEnd], bool],
        *,
        pause: float = 0.0,
        on_words: Callable[[int], None] = lambda _: None,
    ) -> None:
        super().__init__(log, pause=pause, on_words=on_words)
        self._holds = holds
        self.held = 0
        self.let_go = asyncio.Event()

    async def _send(self, messages: Sequence[Outgoing]) -> list[int]:
        held = [message for message in messages if self._is_held(message)]
        if held and not self.let_go.is_set():
            others = [message for message in messages if message not in held]
            if others:
                await super()._send(others)
            self.held += 1
            await self.let_go.wait()
            return await super()._send(held)
        return await super()._send(messages)

    def _is_held(self, message: Outgoing) -> bool:
        said = CODEC.decode(message.headers, message.value)
        return isinstance(said, EventBatch | LumisectionEnd) and self._holds(said)
