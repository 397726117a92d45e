"""What a gateway that is about to stop does with those who are connected to it."""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.draining import Drain
from services.gateway.stream import Stream

__all__ = ["LastAnswers", "send_streams_away"]

_UNTIL_NOTICED: Final = 0.5
"""Share of the time after which balancers count as having noticed."""


class LastAnswers:
    """Says with each answer of a gateway that is about to stop that it is the last one on its
    connection: the next question goes to another gateway, and not into a closed socket.

    Parameters
    ----------
    app
        What answers.
    drain
        Whether it is about to stop.
    """

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def said(message: Message) -> None:
            if message["type"] == "http.response.start" and self._drain.begun.is_set():
                headers = [*message.get("headers", ()), (b"connection", b"close")]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, said)


async def send_streams_away(stream: Stream, drain: Drain) -> None:
    """Close the streams one by one once balancers have noticed: all at once their clients would
    ask the gateways that stay for everything in the same second."""
    await drain.begun.wait()
    await asyncio.sleep(drain.seconds * _UNTIL_NOTICED)
    # What is left of the time when the last is told is for it to be gone.
    await stream.send_away(drain.seconds * (1 - _UNTIL_NOTICED) * 0.8)
