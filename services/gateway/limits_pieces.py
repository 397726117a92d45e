"""Bodies of answers in pieces, so that what is sent to a client waits until it reads."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["InPieces"]

_PIECE: Final = 64 * 1024
"""Bytes: what a transport takes before it says that its client does not keep up."""


class InPieces:
    """Hands bodies over piece by piece: a server waits between two for the client to read.

    Parameters
    ----------
    app
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def cut(message: Message) -> None:
            body = message.get("body", b"")
            if message["type"] != "http.response.body" or len(body) <= _PIECE:
                await send(message)
                return
            for start in range(0, len(body), _PIECE):
                more = start + _PIECE < len(body) or message.get("more_body", False)
                piece = body[start : start + _PIECE]
                await send({"type": message["type"], "body": piece, "more_body": more})

        await self._app(scope, receive, cut)
