"""Asking a broker whether it works: two requests of Kafka's protocol on a plain socket.

A port answers before the broker does, and the broker before its group coordinator. An ordinary
client would do as well, but logs an error for each try.
"""

import socket
import struct
from typing import Final

__all__ = ["known_brokers", "works"]

_SECONDS: Final = 5.0
_METADATA: Final = 3
_FIND_COORDINATOR: Final = 10
_VERSION: Final = 1  # of both: the last before fields that are of no use here
_GROUP: Final = b"dqmstream-probe"


def works(port: int, expected: frozenset[int]) -> bool:
    """Whether the broker on `port` knows the `expected` brokers, and a group's coordinator.

    The first such question makes the cluster create its topic of offsets.
    """
    return expected <= known_brokers(port) and _has_coordinator(port)


def known_brokers(port: int) -> frozenset[int]:
    """Numbers of the brokers which the one on `port` takes for alive; none if it is silent."""
    no_topics = struct.pack(">i", 0)
    answer = _ask(port, _METADATA, no_topics)
    if answer is None:
        return frozenset()
    (count,) = struct.unpack_from(">i", answer)
    place, numbers = 4, []
    for _ in range(count):
        number, host = struct.unpack_from(">ih", answer, place)
        place += 6 + host + 4
        (rack,) = struct.unpack_from(">h", answer, place)
        place += 2 + max(rack, 0)  # -1: no rack
        numbers.append(number)
    return frozenset(numbers)


def _has_coordinator(port: int) -> bool:
    group = struct.pack(f">h{len(_GROUP)}sb", len(_GROUP), _GROUP, 0)
    answer = _ask(port, _FIND_COORDINATOR, group)
    if answer is None:
        return False
    _, error = struct.unpack_from(">ih", answer)  # after the throttle time
    return bool(error == 0)


def _ask(port: int, request: int, body: bytes) -> bytes | None:
    """The answer's body; None if there is none within some seconds."""
    client = b"probe"
    header = struct.pack(f">hhih{len(client)}s", request, _VERSION, 1, len(client), client)
    message = header + body
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as connection:
            connection.sendall(struct.pack(">i", len(message)) + message)
            with connection.makefile("rb") as stream:
                size = stream.read(4)
                if len(size) < 4:
                    return None
                answer = stream.read(struct.unpack(">i", size)[0])
    except OSError:
        return None
    return answer[4:]  # after the correlation number
