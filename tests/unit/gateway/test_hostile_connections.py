"""What only a real connection shows: heads and bodies that never end, or lie about themselves."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dqmstream.clock import SystemClock
from dqmstream.transport.memory import MemoryLog
from services.gateway.access_tokens import Role
from services.gateway.limits_pieces import InPieces
from services.gateway.limits_protocol import PunctualProtocol
from services.gateway.settings import GatewaySettings, Limits
from services.web import serve_until_cancelled
from tests.filled import make_topics
from tests.ingesting import ARROW, INGEST, SECRETS, bearer, gateway

CHUNK = f"{INGEST}/runs/7/sources/a/one/lumisections/1/chunks/0"
HEAD = (
    f"PUT {CHUNK} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {SECRETS[Role.PRODUCER]}\r\n"
    f"content-type: {ARROW['content-type']}\r\nconnection: close\r\n"
)


@asynccontextmanager
async def served(**limits: float) -> AsyncIterator[str]:
    log = MemoryLog(SystemClock())
    await make_topics(log, 1)
    async with gateway(log, GatewaySettings(limits=Limits(**limits))) as url:
        yield url


async def said(url: str, *pieces: bytes, pause: float = 0.0, end: bool = False) -> bytes:
    """What comes back for bytes sent as they are, up to the end of the connection."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answer = bytearray()

    async def listen() -> None:
        # While it speaks: what is not read when the other side closes may be lost.
        with suppress(ConnectionError):
            while piece := await reader.read(1 << 16):
                answer.extend(piece)

    try:
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tasks.create_task(listen())
            with suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause)
                if end:
                    writer.write_eof()
    finally:
        writer.close()
    return bytes(answer)


def client_of(url: str, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=60)


async def held(client: httpx.AsyncClient, count: int) -> None:
    """Wait until the gateway holds so many bytes of bodies."""

    async def told() -> float:
        lines = (await client.get("/metrics")).text.splitlines()
        return next(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith("dqm_gateway_ingest_held_bytes ")
        )

    async with asyncio.timeout(60):
        while await told() != count:  # noqa: ASYNC110 what is told is no event
            await asyncio.sleep(0.02)


async def still_answers(url: str) -> bool:
    with pytest.MonkeyPatch.context() as patched:
        # The machine may stand still for a while.
        patched.setattr(PunctualProtocol, "seconds", 60.0)
        async with client_of(url) as client:
            return (await client.get("/health")).status_code == 200


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PunctualProtocol, "seconds", 1.0)


@pytest.mark.usefixtures("quick")
async def test_a_head_that_comes_byte_by_byte_is_not_waited_for() -> None:
    """Nor a connection that says nothing at all; nor the second request of a good one."""
    good = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
    async with served() as url:
        assert await still_answers(url), "the first answer of all takes longest"
        assert await said(url) == b""
        assert await said(url, *(bytes([each]) for each in good[:30]), pause=0.05) == b""
        answer = await said(url, good, b"GET /health HTTP/1.1\r\nhost: loc")
        assert answer.count(b"HTTP/1.1 200") == 1
        assert await still_answers(url)


async def test_a_head_without_end_is_cut_off() -> None:
    line = b"x-more: " + b"y" * 8_000 + b"\r\n"
    async with served() as url:
        answer = await said(url, b"GET /health HTTP/1.1\r\nhost: localhost\r\n", *[line] * 2_000)
        assert b"200" not in answer
        assert await still_answers(url)


CHUNKED = "POST /health HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"


@pytest.mark.parametrize(
    "pieces",
    [[b"x-more: " + b"y" * 8_000 + b"\r\n"] * 40, [b"x-more: ", *[b"y" * 8_000] * 40]],
    ids=["many", "one"],
)
async def test_trailers_without_end_are_cut_off(pieces: list[bytes]) -> None:
    async with served() as url:
        await said(url, CHUNKED.encode(), *pieces, pause=0.001)
        assert await still_answers(url)


async def test_trailers_are_left_out_and_the_connection_goes_on() -> None:
    good = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    async with served() as url:
        answer = await said(url, CHUNKED.encode() + b"x-sum: 1\r\n\r\n" + good)
        assert [answer.count(status) for status in (b"HTTP/1.1 405", b"HTTP/1.1 200")] == [1, 1]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"POST /health HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000\r\n\r\n", b"x"),
        (b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n", b"\r\n"),
    ],
    ids=["body", "lines"],
)
async def test_what_drips_on_after_an_answer_is_not_waited_for(head: bytes, drop: bytes) -> None:
    """The rest of a body that nobody reads, or empty lines instead of a request."""
    async with served() as url:
        answer = await said(url, head, *[drop] * 30, pause=0.05)
        assert answer.count(b"HTTP/1.1") == 1
        assert await still_answers(url)


@pytest.mark.parametrize("kept", [True, False], ids=["keep-alive", "close"])
async def test_a_client_that_reads_nothing_is_dropped_and_one_that_reads_gets_all(
    kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether all of the answer is on its way or not, and although closing waits for it."""
    size, ended = 8 << 20, 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal ended
        await Response(bytes(size))(scope, receive, send)
        ended += 1

    listener = socket.create_server(("127.0.0.1", 0))
    # What the system takes of an answer before a client reads is the test's to say.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
    address = listener.getsockname()
    config = uvicorn.Config(InPieces(app), http=PunctualProtocol, lifespan="off", log_config=None)
    asked = b"GET / HTTP/1.1\r\nhost: localhost\r\n" + b"connection: close\r\n" * (not kept)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        started = asyncio.Event()
        server = tasks.create_task(serve_until_cancelled(config, started, listener))
        await started.wait()
        # First who reads: a machine that stands still is not taken for one who does not.
        reader, writer = await asyncio.open_connection(*address)
        writer.write(asked + b"\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(size) == bytes(size)
        writer.close()
        monkeypatch.setattr(PunctualProtocol, "unread_seconds", 0.5)
        unread = socket.socket()
        unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 10)
        unread.setblocking(False)
        await asyncio.get_running_loop().sock_connect(unread, address)
        await asyncio.get_running_loop().sock_sendall(unread, asked + b"\r\n")
        while ended < 2:  # noqa: ASYNC110 # the server says nothing of it
            await asyncio.sleep(0.01)
        got = 0
        with suppress(ConnectionError):
            while piece := await asyncio.get_running_loop().sock_recv(unread, 1 << 20):
                got += len(piece)
        unread.close()
        assert got < size
        server.cancel()


async def test_more_connections_than_may_be_are_refused_in_a_problem_document() -> None:
    async with served(connections=2) as url:
        async with client_of(url) as one, client_of(url) as other:
            first, second = await one.get("/health"), await other.get("/health")
        assert (first.status_code, second.status_code) == (200, 503)
        assert second.headers["content-type"] == "application/problem+json"
        assert second.headers["retry-after"] == "1"
        assert second.json()["instance"] == "/health"


async def test_what_is_no_http_is_refused_in_a_problem_document() -> None:
    async with served() as url:
        head, _, body = (await said(url, b"nonsense\r\n\r\n")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"content-type: application/problem+json" in head
        assert json.loads(body)["status"] == 400


@pytest.mark.parametrize("drip", [[b"x"] * 40, [b"x"]], ids=["drips", "stops"])
async def test_a_body_that_comes_too_slowly_is_408_and_holds_nothing(drip: list[bytes]) -> None:
    async with served(ingest_body_seconds=0.3) as url:
        head = f"{HEAD}content-length: 4000000\r\n\r\n".encode()
        answers = await asyncio.gather(*(said(url, head, *drip, pause=0.02) for _ in range(5)))
        for answer in answers:
            assert answer.startswith(b"HTTP/1.1 408"), answer
        async with client_of(url, bearer(Role.VIEWER)) as client:
            await held(client, 0)


async def test_bodies_that_are_announced_count_before_they_come() -> None:
    """So that nobody gets far into a body that there is no room for."""
    async with served(ingest_token_bytes=5_000_000, ingest_body_seconds=60) as url:
        head = f"{HEAD}content-length: 4000000\r\n\r\n".encode()
        async with (
            client_of(url, bearer(Role.VIEWER)) as client,
            asyncio.TaskGroup() as tasks,
        ):
            first = tasks.create_task(said(url, head, b"x"))
            await held(client, 4_000_000)
            answer = await client.put(
                CHUNK, content=bytes(4_000_000), headers=ARROW | bearer(Role.PRODUCER)
            )
            assert answer.status_code == 429
            assert answer.headers["retry-after"] == "1"
            first.cancel()
            await held(client, 0)


@pytest.mark.parametrize(
    ("head", "statuses"),
    [
        # Less comes than was announced: the client hangs up, and nobody is there to be answered.
        ("content-length: 100\r\n\r\nshort", {b""}),
        ("content-length: 99999999999\r\n\r\n", {b"413"}),
        (f"content-length: {'9' * 300}\r\n\r\n", {b"400", b"413"}),
        ("content-length: -1\r\n\r\n", {b"400"}),
        ("content-length: ten\r\n\r\n", {b"400"}),
        ("content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef", {b"400"}),
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", {b"400", b"422"}),
        ("transfer-encoding: chunked\r\n\r\nnonsense\r\n", {b"400"}),
        ("transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n", {b"400", b"413", b""}),
        ("x-evil: a\x00b\r\ncontent-length: 0\r\n\r\n", {b"400", b"422"}),
        ("x-evil\r\n\r\n", {b"400"}),
    ],
)
async def test_heads_that_lie_are_refused(head: str, statuses: set[bytes]) -> None:
    async with served(ingest_body_seconds=1) as url:
        answer = await said(url, (HEAD + head).encode("latin-1"), end=b"" in statuses)
        assert answer[9:12] in statuses, answer
        assert await still_answers(url)


async def test_what_stands_in_a_name_never_becomes_a_header() -> None:
    """CR and LF in a path, a query or a token come back as text, if at all."""
    async with served() as url:
        for path in (
            f"{INGEST}/runs/1/sources/a%0d%0aset-cookie:%20x=1/one",
            "/api/v1/runs/x%0d%0a",
        ):
            head = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
            head += f"authorization: Bearer {SECRETS[Role.PRODUCER]}\r\n\r\n"
            answer = await said(url, head.encode())
            assert answer.startswith(b"HTTP/1.1 422")
            assert b"set-cookie" not in answer.partition(b"\r\n\r\n")[0].lower()
