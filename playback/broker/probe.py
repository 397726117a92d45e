"""Asking a broker whether it works: two requests of Kafka's protocol on a plain socket.

A port answers before the broker does, and the broker before its group coordinator. An ordinary
client would do as well, but logs an error for each try.
"""

import socket
import struct
from typing import Final

from playback.broker.ports import HOST

__all__ = ["works"]

_SECONDS: Final = 5.0
_METADATA: Final = 3
_FIND_COORDINATOR: Final = 10
_VERSION: Final = 1  # of both: the last before fields that are of no use here
_ALL_TOPICS: Final = struct.pack(">i", -1)
_GROUP: Final = b"dqmstream-probe"
_NOBODY: Final = -1


def works(port: int, number: int, expected: frozenset[int]) -> bool:
    """Whether broker `number`, on `port`, does all of its work.

    That is: it takes the `expected` brokers for alive; every partition it has a copy of has a
    leader, and its copy is in sync; and it knows a group's coordinator. The first such question
    makes the cluster create its topic of offsets.
    """
    metadata = _ask(port, _METADATA, _ALL_TOPICS)
    group = struct.pack(f">h{len(_GROUP)}sb", len(_GROUP), _GROUP, 0)
    return (
        metadata is not None
        and _in_place(_Fields(metadata), number, expected)
        and (coordinator := _ask(port, _FIND_COORDINATOR, group)) is not None
        and _has_no_error(_Fields(coordinator))
    )


class _Fields:
    """Reads the fields of an answer, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def integer(self, size: int) -> int:
        (value,) = struct.unpack_from({1: ">b", 2: ">h", 4: ">i"}[size], self._data, self._place)
        self._place += size
        return int(value)

    def integers(self) -> list[int]:
        return [self.integer(4) for _ in range(self.integer(4))]

    def skip_text(self) -> None:
        length = self.integer(2)
        self._place += max(0, length)  # -1: none


def _in_place(metadata: _Fields, number: int, expected: frozenset[int]) -> bool:
    alive = set()
    for _ in range(metadata.integer(4)):
        alive.add(metadata.integer(4))
        metadata.skip_text()  # host
        metadata.integer(4)  # port
        metadata.skip_text()  # rack
    metadata.integer(4)  # controller
    complete = True
    for _ in range(metadata.integer(4)):
        metadata.integer(2)  # error, said of each partition again
        metadata.skip_text()  # topic
        metadata.integer(1)  # whether it is internal
        for _ in range(metadata.integer(4)):
            metadata.integer(2)  # error: no leader, or a copy is away
            metadata.integer(4)  # partition
            leader = metadata.integer(4)
            copies, in_sync = metadata.integers(), metadata.integers()
            if number in copies and (leader == _NOBODY or number not in in_sync):
                complete = False
    return complete and expected <= alive


def _has_no_error(coordinator: _Fields) -> bool:
    coordinator.integer(4)  # throttle time
    return coordinator.integer(2) == 0


def _ask(port: int, request: int, body: bytes) -> bytes | None:
    """The answer's body; None if there is none within some seconds."""
    client = b"probe"
    header = struct.pack(f">hhih{len(client)}s", request, _VERSION, 1, len(client), client)
    message = header + body
    try:
        with socket.create_connection((HOST, port), timeout=_SECONDS) as connection:
            connection.sendall(struct.pack(">i", len(message)) + message)
            with connection.makefile("rb") as stream:
                size = int.from_bytes(stream.read(4), "big")
                answer = stream.read(size)
    except OSError:
        return None
    # A broker that ends meanwhile leaves nothing, or a part.
    complete = size > 0 and len(answer) == size
    return answer[4:] if complete else None  # after the correlation number
