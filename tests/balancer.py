"""A balancer as control rooms have before their gateways: TCP, in turn to those that say that they
are ready. It is asked for nothing clever: who is sent to a closed port is counted, not sent on."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Final

__all__ = ["Balancer", "balanced"]

_LOOK: Final = 0.2
_PATIENCE: Final = 30.0
_QUESTION: Final = b"GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


class Balancer:
    """Made by `balanced`, which see.

    Parameters
    ----------
    ports
        Of the gateways, here on 127.0.0.1; others may be added, and closed ones stay listed.
    """

    def __init__(self, *ports: int) -> None:
        self.ports = list(ports)
        self.address = ""
        self.refused = 0
        """Connections that met a closed port, or for which nobody was ready."""
        self.ready: set[int] = set()
        """Ports of those that said so when last asked."""
        self._turn = count()
        self._open: set[asyncio.StreamWriter] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None

    async def run(self, listens: threading.Event) -> None:
        """Until `end`; whoever is connected then is cut off."""
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            self.address = f"http://127.0.0.1:{port}"
            looking = tasks.create_task(self._look(listens))
            await self._over.wait()
            looking.cancel()
            server.close()
            # A connection that is cancelled instead would be an error in asyncio's streams.
            while self._open:
                for writer in self._open:
                    writer.transport.abort()
                await asyncio.sleep(0.01)

    def end(self) -> None:
        """From any thread."""
        if self._loop is not None and self._over is not None:
            self._loop.call_soon_threadsafe(self._over.set)

    async def _look(self, listens: threading.Event) -> None:
        while True:
            ports = tuple(self.ports)
            said = await asyncio.gather(*(self._is_ready(port) for port in ports))
            self.ready = {port for port, ready in zip(ports, said, strict=True) if ready}
            if self.ready:
                listens.set()
            await asyncio.sleep(_LOOK)

    async def _is_ready(self, port: int) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    writer.write(_QUESTION)
                    answer = await reader.read(20)
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return b" 200 " in answer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ready = sorted(self.ready)
        try:
            port = ready[next(self._turn) % len(ready)]
            upstream, downstream = await asyncio.open_connection("127.0.0.1", port)
        except (OSError, ZeroDivisionError):
            self.refused += 1
            writer.close()
            return
        both = {writer, downstream}
        self._open |= both
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_pass_on(reader, downstream))
            tasks.create_task(_pass_on(upstream, writer))
        for one in both:
            with suppress(OSError):
                await one.wait_closed()
        self._open -= both


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    writer.close()


@contextmanager
def balanced(*ports: int) -> Iterator[Balancer]:
    """A balancer in a thread of its own, once one of its gateways is ready."""
    balancer, listens = Balancer(*ports), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(balancer.run(listens)), daemon=True)
    thread.start()
    try:
        if not listens.wait(60):
            msg = f"no gateway at {ports} was ready within 60 s"
            raise TimeoutError(msg)
        yield balancer
    finally:
        balancer.end()
        thread.join(60)
