"""A process full of clients of the stream: `python -m playback.bench.crowd`.

It is told what to do line by line, and answers each with a line of JSON: `begin` counts from there
on, and stops those from reading that are to stall; `report` says what came since; `resume` lets all
read again; `states` are those that the first client of each kind kept.
"""

import asyncio
import resource
import socket
import sys
from typing import Any, Final

import msgspec

from dqmstream.clock import SystemClock
from playback.bench.raw_stream import Client, Tally

__all__ = ["Crowd"]

_SMALL: Final = 8 << 10
"""Bytes that the system holds for a client that does not read."""
_SIP: Final = 0.02
_CONNECTING: Final = 40


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """Who watches what: `stalled` of the clients stop reading, `slow` read for 20 ms a second."""

    host: str
    port: int
    paths: list[str]
    clients: int
    stalled: int = 0
    slow: int = 0


async def _crowd(crowd: Crowd) -> None:
    tally, clock = Tally(), SystemClock()
    clients: list[Client] = []
    lazy = crowd.stalled + crowd.slow
    room = asyncio.Semaphore(_CONNECTING)

    async def join(number: int) -> None:
        async with room:
            loop = asyncio.get_running_loop()
            plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            plain.setblocking(False)
            if number < lazy:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
            await loop.sock_connect(plain, (crowd.host, crowd.port))
            # The first that stalls, the first that is slow, and the first that reads.
            keeps = number in {0, crowd.stalled, lazy}
            _, client = await loop.create_connection(
                lambda: Client(
                    f"{crowd.host}:{crowd.port}",
                    crowd.paths,
                    tally,
                    clock.wall,
                    reads=number >= lazy,
                    keeps=keeps,
                ),
                sock=plain,
            )
            clients.append(client)
            await client.whole.wait()

    async with asyncio.TaskGroup() as tasks:
        for number in range(crowd.clients):
            tasks.create_task(join(number))
    _say({"connected": sum(client.transport is not None for client in clients)})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_follow(crowd, clients, tally, tasks))


async def _follow(
    crowd: Crowd, clients: list[Client], tally: Tally, tasks: asyncio.TaskGroup
) -> None:
    """Do what is said, until nothing is any more."""
    dozing = [client for client in clients if not client.reads]
    keeping = [client for client in clients if client.keeps]
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    sipping: asyncio.Task[None] | None = None
    while line := (await reader.readline()).decode().strip():
        match line:
            case "begin":
                tally.begin()
                for client in dozing:
                    _pause(client)
                sipping = tasks.create_task(_sip(dozing[: crowd.slow]))
                _say({})
            case "report":
                told = ("delays", "bytes", "messages", "plots", "gaps", "closed")
                _say({name: getattr(tally, name) for name in told})
            case "resume":
                if sipping is not None:
                    sipping.cancel()
                for client in dozing:
                    _resume(client)
                _say({})
            case "states":
                # None of one that the gateway has sent away.
                _say([one.states if one.transport is not None else None for one in keeping])


async def _sip(clients: list[Client]) -> None:
    while True:
        await asyncio.sleep(1.0 - _SIP)
        for client in clients:
            _resume(client)
        await asyncio.sleep(_SIP)
        for client in clients:
            _pause(client)


def _pause(client: Client) -> None:
    if client.transport is not None and client.transport.is_reading():
        client.transport.pause_reading()


def _resume(client: Client) -> None:
    if client.transport is not None and not client.transport.is_reading():
        client.transport.resume_reading()


def _say(answer: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_crowd(msgspec.json.decode(sys.argv[1], type=Crowd)))
