"""Many websocket clients of one gateway, each watching some plots."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
from websockets.asyncio.client import connect

from playback.bench.program import BenchError
from playback.bench.workspace import BOOKING

__all__ = ["PLOTS", "watched"]

PLOTS: Final = 10
"""Plots that each client watches; all of them the same ones."""


def watched(address: str, *, clients: int, seconds: float) -> int:
    """Watch for so many seconds; messages that all clients together got.

    Raises
    ------
    BenchError
        If a client got nothing.
    """
    return sum(asyncio.run(_watch_all(address, clients, seconds)))


async def _watch_all(address: str, clients: int, seconds: float) -> list[int]:
    url = address.replace("http://", "ws://") + "/api/v1/stream"
    paths = [element.path for element in BOOKING.elements[:PLOTS]]
    async with asyncio.TaskGroup() as tasks:
        watching = [tasks.create_task(_watch(url, paths, seconds)) for _ in range(clients)]
    counts = [task.result() for task in watching]
    if min(counts) < PLOTS:
        msg = f"a viewer got {min(counts)} messages in {seconds} s for {PLOTS} plots"
        raise BenchError(msg)
    return counts


async def _watch(url: str, paths: Sequence[str], seconds: float) -> int:
    messages = 0
    async with connect(url, compression=None, max_size=None) as stream:
        subscribe = {"type": "subscribe", "id": "a", "paths": paths, "window": "run"}
        await stream.send(msgspec.json.encode(subscribe).decode())
        try:
            async with asyncio.timeout(seconds):
                async for _ in stream:
                    messages += 1
        except TimeoutError:
            pass
    return messages
