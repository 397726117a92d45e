"""Who may open a stream, and for how long."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

__all__ = ["POLICY", "PROTOCOL", "TOKEN_PREFIX", "Ending", "end_of_stream", "origin_allowed"]

POLICY: Final = 1008
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


class Ending(NamedTuple):
    """With what a gateway closes a stream: a code of RFC 6455, and a sentence."""

    code: int
    reason: str


async def end_of_stream(
    receiver: asyncio.Task[str],
    admitted: Callable[[], bool] | None,
    away: "asyncio.Future[Ending]",
) -> Ending | None:
    """Why a gateway closes a stream; None if its client has left.

    Parameters
    ----------
    receiver
        Says at its end why its client must be sent away, or nothing if that has left.
    admitted
        Whether the client's token is in force; None: there is none that could end.
    away
        Set if all clients are sent away.
    """
    look = None if admitted is None else _LOOK_AT_TOKEN
    ends: tuple[asyncio.Future[Any], ...] = (receiver, away)
    while True:
        await asyncio.wait(ends, timeout=look, return_when=asyncio.FIRST_COMPLETED)
        if receiver.done():
            reason = receiver.result()
            return Ending(POLICY, reason) if reason else None
        if away.done():
            receiver.cancel()
            return away.result()
        if admitted is not None and not admitted():
            receiver.cancel()
            return Ending(POLICY, "the token is in force no longer")
