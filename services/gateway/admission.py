"""Who may open a stream, and for how long."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

__all__ = ["PROTOCOL", "TOKEN_PREFIX", "origin_allowed", "while_admitted"]

PROTOCOL: Final = "dqmstream"
"""The subprotocol of the stream, for clients that offer any."""
TOKEN_PREFIX: Final = "dqmstream.token."  # noqa: S105 a prefix is no secret
"""Browsers offer their token as a subprotocol behind this: they can send no header, and a URL
would end up in logs. It is never answered with."""

_LOOK_AT_TOKEN: Final = 2.0
"""Seconds between two looks whether a client's token is still in force."""


def origin_allowed(origin: str | None, host: str | None, allowed: Sequence[str]) -> bool:
    """Whether a page of `origin` may open the stream of the gateway it calls `host`.

    A browser always sends the origin of the page; programs send none and may come in.
    """
    if origin is None:
        return True
    return origin in allowed or (bool(host) and urlsplit(origin).netloc == host)


async def while_admitted(receiver: asyncio.Task[str], admitted: Callable[[], bool] | None) -> str:
    """What ends a stream: what its receiver says, or that its token is in force no longer; without
    `admitted` there is no token that could end."""
    if admitted is None:
        return await receiver
    while not (await asyncio.wait({receiver}, timeout=_LOOK_AT_TOKEN))[0]:
        if not admitted():
            receiver.cancel()
            return "the token is in force no longer"
    return await receiver
