"""A small TCP proxy in front of a broker, to cut its clients off and let them in again.

A broker that is paused keeps its connections open and silent; one that is cut off closes them and
refuses new ones, while it goes on running.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Self

from playback.broker.ports import HOST

__all__ = ["Proxy"]

_CHUNK: Final = 256 * 1024
_CONNECT_SECONDS: Final = 5.0


class Proxy:
    """Passes connections to `port` on to `target`, both on the loopback. Open when made.

    A context manager: at its end it is cut.

    Raises
    ------
    OSError
        Somebody else listens on the port.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self.mend()

    def mend(self) -> None:
        """Accept connections (again)."""
        with self._lock:
            if self._listener is None:
                self._listener = socket.create_server((HOST, self.port))
                _in_thread(self._accept, self._listener)

    def cut(self) -> None:
        """Close all connections, and refuse new ones until `mend`."""
        with self._lock:
            if self._listener is not None:
                _shut(self._listener)  # closing alone would not wake the thread that accepts
                self._listener.close()
                self._listener = None
            for connection in self._open:
                _shut(connection)  # the threads that read them see their end, and close them
            self._open.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # cut
                return
            _in_thread(self._connect, listener, client)

    def _connect(self, listener: socket.socket, client: socket.socket) -> None:
        try:
            broker = socket.create_connection((HOST, self._target), timeout=_CONNECT_SECONDS)
        except OSError:  # it is down: the client is told as much by the end of its connection
            client.close()
            return
        broker.settimeout(None)
        for connection in (client, broker):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            if self._listener is not listener:  # cut in the meantime
                client.close()
                broker.close()
                return
            self._open |= {client, broker}
        back = _in_thread(_pump, broker, client)
        _pump(client, broker)
        back.join()
        with self._lock:
            self._open -= {client, broker}
            client.close()
            broker.close()


def _in_thread(function: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=function, args=arguments, name="proxy", daemon=True)
    thread.start()
    return thread


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until either side ends; then both ends are told."""
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    _shut(source)
    _shut(sink)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side may have been quicker
        connection.shutdown(socket.SHUT_RDWR)
