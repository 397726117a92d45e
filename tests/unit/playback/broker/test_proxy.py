"""The proxy that cuts clients off from a broker."""

import socket
import threading
from collections.abc import Iterator

import pytest

from playback.broker.ports import HOST, free_ports
from playback.broker.proxy import Proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """Port of a server that sends back what it gets."""

    def answer(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server((HOST, 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    (port,) = free_ports(1)
    with Proxy(port, echo) as proxy:
        yield proxy


def _connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout=20)


def _echoed(connection: socket.socket, data: bytes) -> bytes:
    writer = threading.Thread(target=connection.sendall, args=(data,))
    writer.start()
    with connection.makefile("rb") as stream:
        answer = stream.read(len(data))
    writer.join()
    return answer


def test_it_passes_everything_on_both_ways(proxy: Proxy) -> None:
    data = bytes(range(256)) * 20_000
    with _connect(proxy) as one, _connect(proxy) as two:
        assert _echoed(one, data) == data
        assert _echoed(two, b"two") == b"two"


def test_a_cut_ends_open_connections_and_refuses_new_ones(proxy: Proxy) -> None:
    with _connect(proxy) as connection:
        assert _echoed(connection, b"before") == b"before"
        proxy.cut()
        assert connection.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        _connect(proxy)


def test_after_mending_the_same_port_works_again(proxy: Proxy) -> None:
    for _ in range(20):
        with _connect(proxy) as connection:
            assert _echoed(connection, b"x") == b"x"
            proxy.cut()
        proxy.mend()
    with _connect(proxy) as connection:
        assert _echoed(connection, b"after") == b"after"


def test_cutting_and_mending_twice_is_the_same_as_once(proxy: Proxy) -> None:
    proxy.mend()
    proxy.cut()
    proxy.cut()
    proxy.mend()
    with _connect(proxy) as connection:
        assert _echoed(connection, b"x") == b"x"


def test_a_server_that_is_down_ends_the_client_s_connection() -> None:
    port, nobody = free_ports(2)
    with Proxy(port, nobody) as proxy, _connect(proxy) as connection:
        assert connection.recv(1) == b""


def test_a_client_that_leaves_leaves_nothing_behind(proxy: Proxy) -> None:
    for _ in range(50):
        with _connect(proxy) as connection:
            assert _echoed(connection, b"x") == b"x"
    proxy.cut()
    for thread in threading.enumerate():
        if thread.name == "proxy":
            thread.join(20)
            assert not thread.is_alive()
