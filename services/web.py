"""Serving HTTP inside a process that decides itself when to stop."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from dqmstream.errors import ConfigurationError

__all__ = ["listen", "serve_until_cancelled"]

_GRACE: Final = 3.0
_BACKLOG: Final = 128


def listen(host: str, port: int, *, hint: str = "") -> socket.socket:
    """A listening socket, so that a taken port stops the start with a sentence.

    Parameters
    ----------
    hint
        What else one could do, for the end of the sentence.

    Raises
    ------
    ConfigurationError
        If the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's algorithm off for what connects: else an
    # answer's body waits 40 ms for the acknowledgement of its headers.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        msg = f"cannot listen on {host}:{port}: {error.strerror}{hint and '; '}{hint}"
        raise ConfigurationError(msg) from error
    listener.listen(_BACKLOG)
    return listener


async def serve_until_cancelled(
    config: uvicorn.Config, started: asyncio.Event, listener: socket.socket | None = None
) -> None:
    """Answer requests until cancelled; sets `started` when it listens."""
    server = _Server(config, started)
    async with asyncio.TaskGroup() as tasks:
        sockets = None if listener is None else [listener]
        serving = tasks.create_task(server.serve(sockets=sockets), name="uvicorn")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await asyncio.wait([serving], timeout=_GRACE)
            raise


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers (the process decides when to stop), saying when it
    listens."""

    def __init__(self, config: uvicorn.Config, listening: asyncio.Event) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
