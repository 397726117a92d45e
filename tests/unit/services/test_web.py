"""Serving: what connects gets its answer at once."""

import asyncio
import socket

from services.web import listen


async def test_an_answer_in_two_parts_does_not_wait_for_an_acknowledgement():
    """Nagle's algorithm is off on what connects: asyncio does it only if the protocol is named."""
    set_on: list[int] = []

    async def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        set_on.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    with listen("127.0.0.1", 0) as listener:
        server = await asyncio.start_server(connected, sock=listener)
        async with server:
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await reader.read()
            writer.close()
    assert set_on == [1]
