"""What leaves on one stream: answers and updates take turns, and updates go together where asked.

A message costs the same, short or long, and many clients watch the same plots: so all that waits
for a client leaves as one message, and clients that stand alike are sent the same bytes, which are
put together once (see `dqmstream bench viewers`).
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from starlette.websockets import WebSocket

from dqmstream.clock import Clock
from services.gateway.hub import Hub, Update
from services.gateway.metrics import GatewayMetrics

__all__ = ["MOST_BYTES", "Batches", "Outbox", "send_updates"]

MOST_BYTES: Final = 256 << 10
"""Of a batch: above it the rest waits for the next one, as a client that is slow would for all."""
_KEPT: Final = 32


class Batches:
    """Batches of messages as text, each put together once while clients still ask for it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, ...], tuple[str, Sequence[bytes]]] = {}

    def text(self, messages: Sequence[bytes]) -> str:
        """One message with all of these: `batch`, or the only one as it is.

        Messages are shared by clients, and known by which object they are: those of a batch that is
        kept are kept with it.
        """
        key = tuple(map(id, messages))
        found = self._kept.get(key)
        if found is None:
            joined = messages[0] if len(messages) == 1 else _joined(messages)
            found = self._kept[key] = (joined.decode(), tuple(messages))
            if len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return found[0]


class Outbox:
    """Lets the answers and the updates of one client take turns on its socket."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._turn = asyncio.Lock()

    async def send(self, message: bytes | str) -> None:
        """Send, once it is the turn of this message and there is room for it."""
        async with self._turn:
            await self._websocket.send_text(
                message if isinstance(message, str) else message.decode()
            )


async def send_updates(
    outbox: Outbox,
    hub: Hub,
    client: int,
    wake: asyncio.Event,
    *,
    batches: Batches,
    together: bool,
    clock: Clock,
    metrics: GatewayMetrics,
) -> None:
    """Send what the hub has for a client, for ever: the next only when the last has left.

    Parameters
    ----------
    wake
        Set when there may be something.
    batches
        What clients are sent, as text.
    together
        Whether what waits goes as one message.
    """
    most = MOST_BYTES if together else 1
    while True:
        await wake.wait()
        wake.clear()
        while taken := _taken(hub, client, most):
            await outbox.send(batches.text([update.message for update in taken]))
            metrics.sent_messages.inc()
            metrics.sent_bytes.inc(sum(len(update.message) for update in taken))
            # Of several plots that which waited longest.
            if heard := min((one.heard for one in taken if one.heard), default=0):
                metrics.screen_seconds.observe(max(0.0, (clock.wall() - heard) / 1e9))


def _taken(hub: Hub, client: int, most: int) -> list[Update]:
    """The next updates of a client, until they have so many bytes."""
    taken: list[Update] = []
    size = 0
    while size < most and (update := hub.take(client)) is not None:
        taken.append(update)
        size += len(update.message)
    return taken


def _joined(messages: Sequence[bytes]) -> bytes:
    return b'{"type":"batch","messages":[' + b",".join(messages) + b"]}"
