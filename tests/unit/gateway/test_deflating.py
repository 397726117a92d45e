"""Messages are compressed once for all who are sent the same, and each client can read them."""

import asyncio
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from services.gateway.deflating import Deflated
from services.gateway.settings import Limits
from tests.unit.gateway.test_stream import GatewaySettings, of, receive, served, subscribe


@given(st.lists(st.tuples(st.binary(max_size=400), st.integers(9, 15)), max_size=80))
def test_what_was_compressed_is_what_comes_out_and_little_of_it_is_kept(messages):
    deflated = Deflated()
    for data, bits in messages:
        packed = deflated.of(data, bits)
        assert zlib.decompressobj(wbits=-bits).decompress(packed + b"\x00\x00\xff\xff") == data
        assert deflated.of(bytes(bytearray(data)), bits) is packed, "the same words, not compressed"
    assert len(deflated._kept) <= 32


@pytest.fixture
async def gateway(view):
    async with served(view, GatewaySettings(update_interval=3600.0)) as opened:
        yield opened


@pytest.mark.parametrize(
    "offer",
    [
        ClientPerMessageDeflateFactory(),
        ClientPerMessageDeflateFactory(server_no_context_takeover=True),
        ClientPerMessageDeflateFactory(server_max_window_bits=10, client_max_window_bits=9),
        None,
    ],
    ids=["as browsers offer", "anew each time", "small windows", "none"],
)
async def test_clients_that_take_compression_in_any_way_or_none_read_the_same(
    gateway, detector, offer
):
    url = f"ws://127.0.0.1:{gateway.port}/api/v1/stream"
    await gateway.tell(detector.fill(1))
    async with (
        connect(url, compression=None, extensions=offer and [offer], open_timeout=60) as client,
        gateway.connect() as plain,
    ):
        agreed = client.response.headers.get("Sec-WebSocket-Extensions", "")
        assert ("deflate" in agreed) == (offer is not None)
        for each in (client, plain):
            await subscribe(each, paths=["pixel/charge"], window="run")
        first = [await receive(each, of("snapshot")) for each in (client, plain)]
        assert first[0] == first[1]
        for _ in range(3):
            await gateway.tell(detector.fill(1, 50))
            change = [await receive(each, of("change")) for each in (client, plain)]
            assert change[0] == change[1]


async def first_frame(port: int, extensions: bytes) -> tuple[int, bytes]:
    """The first byte of the first message of a stream, and what it carries, as they are sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + extensions + b"\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    head, size = await reader.readexactly(2)
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2))
    payload = await reader.readexactly(size)
    writer.close()
    await writer.wait_closed()
    return head, payload


async def test_only_who_says_that_it_takes_compressed_messages_is_sent_them(gateway):
    """A text is 0x81; 0x40 beside it says that it is compressed (RFC 7692, 6)."""
    head, plain = await first_frame(gateway.port, b"")
    assert (head, json.loads(plain)["type"]) == (0x81, "hello")
    head, packed = await first_frame(
        gateway.port, b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    )
    assert head == 0xC1
    whole = zlib.decompressobj(wbits=-15).decompress(packed + b"\x00\x00\xff\xff")
    assert json.loads(whole)["limits"] == json.loads(plain)["limits"]
    assert len(packed) < len(plain)


async def test_a_message_that_grows_beyond_the_limit_when_it_is_read_closes_the_stream(view):
    async with (
        served(view, GatewaySettings(limits=Limits(message_bytes=1024))) as gateway,
        connect(
            f"ws://127.0.0.1:{gateway.port}/api/v1/stream",
            compression=None,
            extensions=[ClientPerMessageDeflateFactory()],
            open_timeout=60,
        ) as client,
    ):
        assert json.loads(await client.recv())["type"] == "hello"
        await client.send("x" * 5_000_000)
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd.code == 1009
