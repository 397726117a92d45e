"""Loopback ports for servers that go away and come back on the same port."""

import secrets
import socket
from pathlib import Path
from typing import Final

__all__ = ["HOST", "free_port", "free_ports"]

HOST: Final = "127.0.0.1"
_LOWEST: Final = 15_000
_END: Final = 65_536
_FEWEST: Final = 1_000


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those the kernel gives to outgoing connections.

    A broker that is down for a while must find its port free again: from the kernel's range, a
    client that tries to reconnect could even be connected to itself.
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
        ports.add(port)
    return list(ports)


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]
