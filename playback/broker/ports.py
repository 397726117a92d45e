"""Loopback ports for servers that go away and come back on the same port."""

import fcntl
import os
import secrets
import socket
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["HOST", "free_port", "free_ports"]

HOST: Final = "127.0.0.1"
_LOWEST: Final = 15_000
_END: Final = 65_536
_FEWEST: Final = 1_000

_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those the kernel gives to outgoing connections.

    A broker that is down for a while must find its port free again: from the kernel's range, a
    client that tries to reconnect could even be connected to itself. Between here and the server
    that listens lie seconds: until this process ends nobody else is given the same port.
    """
    outgoing = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    end = int(outgoing[0])
    if end < _LOWEST + _FEWEST:
        end = _END
    ports: set[int] = set()
    while len(ports) < count:
        port = _LOWEST + secrets.randbelow(end - _LOWEST)
        with socket.socket() as candidate:
            try:
                candidate.bind((HOST, port))
            except OSError:
                continue
        if _taken(port):
            ports.add(port)
    return list(ports)


def _taken(port: int) -> bool:
    """Whether the port was this process's to give, and now is given."""
    if port in _given:
        return False
    try:
        fcntl.lockf(_book(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):
        return False
    _given.add(port)
    return True


@cache
def _book() -> int:
    """A file in which a process locks the byte of each port it has given; the kernel ends that."""
    path = Path(tempfile.gettempdir()) / f"dqmstream-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]
