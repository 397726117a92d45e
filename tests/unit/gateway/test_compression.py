"""Answers in text as they go over the wire: small for who takes that, the same for all others."""

import asyncio
import gzip
import random
import socket
import threading
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from dqmstream.messages.quality import Outcome
from services.gateway import compression
from services.gateway.compression import CompressedAnswers, Kept, takes_gzip
from services.gateway.desk import Desk
from services.gateway.formats.encoding import Encoding
from services.gateway.live import LiveView
from services.gateway.service import serve
from tests.unit.gateway.parts import parts_of

API = "/api/v1"
RUN = f"{API}/runs/400001"
ALL = f"{RUN}/contents?match=**"
GZIP, PLAIN = {"accept-encoding": "gzip, br"}, {"accept-encoding": "identity"}

TEXTS = [
    f"{API}/elements?run=400001",
    f"{API}/memory/bookings",
    ALL,
    f"{RUN}/contents/csv?path=pixel/charge",
    f"{RUN}/contents/svg?path=pixel/charge",
    f"{RUN}/contents/uhi?match=**",
    f"{API}/openapi.json",
    "/metrics",
    "/",
    "/display",
    "/app.js",
    "/display.css",
]
TAGGED = [ALL, f"{API}/elements?run=400001", "/app.js"]
PACKED_BY_THEMSELVES = [
    *(f"{RUN}/contents/{form}?path=pixel/charge" for form in ("png", "root", "parquet", "npz")),
    f"{RUN}/series?path=pixel/charge",
]


@pytest.fixture
def filled(view, detector, feed) -> LiveView:
    for number in (1, 2):
        feed(view, detector.fill(number, 500))
        feed(view, detector.close(number))
        feed(view, detector.reports(number, {"pixel/charge": Outcome.BAD}))
    return view


@pytest.fixture
async def client(filled) -> AsyncIterator[httpx.AsyncClient]:
    """Of a gateway with a real server."""
    listener = socket.create_server(("127.0.0.1", 0))
    started = asyncio.Event()
    async with Desk.open() as desk, asyncio.TaskGroup() as tasks:
        server = tasks.create_task(serve(parts_of(filled, desk), started, listener))
        await started.wait()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=address, timeout=60) as opened:
            yield opened
        server.cancel()


async def sent(client: httpx.AsyncClient, path: str) -> tuple[httpx.Response, bytes]:
    """An answer to who takes gzip, and the bytes of its body on the wire."""
    async with client.stream("GET", path, headers=GZIP) as answer:
        return answer, b"".join([piece async for piece in answer.aiter_raw()])


async def test_texts_come_compressed_to_who_takes_that(client):
    for path in TEXTS:
        plain = await client.get(path, headers=PLAIN)
        answer, body = await sent(client, path)
        assert plain.status_code == answer.status_code == 200, path
        assert answer.headers.get("content-encoding") == "gzip", path
        assert int(answer.headers["content-length"]) == len(body) < len(plain.content) / 1.5
        if path != "/metrics":
            assert gzip.decompress(body) == plain.content
        assert "content-encoding" not in plain.headers
        for one in (answer, plain):
            varies = [word.strip() for word in one.headers["vary"].split(",")]
            assert varies.count("accept-encoding") == 1
            assert ("accept" in varies) == ("/contents" in path)


async def test_what_is_compressed_already_goes_as_it_is(client):
    for path in PACKED_BY_THEMSELVES:
        answer, body = await sent(client, path)
        assert answer.status_code == 200, path
        assert "content-encoding" not in answer.headers, path
        assert "accept-encoding" not in answer.headers.get("vary", "")
        assert len(body) > 1_000, path


async def test_what_is_small_goes_as_it_is(client):
    for path in ("/health", f"{API}/nowhere"):
        answer, _ = await sent(client, path)
        assert "content-encoding" not in answer.headers


async def test_who_has_it_is_told_so_by_the_tag_that_it_holds(client):
    """Weak where it came compressed: the tag of equal contents in other bytes."""
    for path in TAGGED:
        plain = (await client.get(path, headers=PLAIN)).headers["etag"]
        packed = (await client.get(path, headers=GZIP)).headers["etag"]
        assert packed == f"W/{plain}"
        for accepted in (GZIP, PLAIN):
            for held in (plain, packed):
                again = await client.get(path, headers={**accepted, "if-none-match": held})
                assert (again.status_code, again.content) == (304, b""), path
                assert again.headers["etag"] == held
        other = await client.get(path, headers={**GZIP, "if-none-match": 'W/"other"'})
        assert other.status_code == 200


async def test_head_has_the_headers_of_get(client):
    for path in TAGGED:
        for accepted in (GZIP, PLAIN):
            got = await client.get(path, headers=accepted)
            head = await client.head(path, headers=accepted)
            assert head.content == b""
            assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


@pytest.fixture
def packed(monkeypatch) -> list[int]:
    """The thread of each compression."""
    threads: list[int] = []

    def counted(body: bytes, pack: Callable[[bytes], bytes] = compression._pack) -> bytes:
        threads.append(threading.get_ident())
        return pack(body)

    monkeypatch.setattr(compression, "_pack", counted)
    return threads


async def test_an_answer_is_compressed_once_however_many_ask(
    client, packed, filled, detector, feed
):
    """Contents that are kept, and lists that are made anew of the same."""
    for path in (ALL, f"{API}/elements?run=400001"):
        packed.clear()
        answers = await asyncio.gather(*(client.get(path, headers=GZIP) for _ in range(20)))
        assert len({answer.content for answer in answers}) == 1
        assert len(packed) == 1
    packed.clear()
    feed(filled, detector.fill(3))
    changed = await client.get(ALL, headers=GZIP)
    assert (changed.content != answers[0].content, len(packed)) == (True, 1)
    await client.get(ALL, headers=PLAIN)
    assert len(packed) == 1


async def test_large_answers_are_compressed_off_the_event_loop(client, packed):
    await client.get(f"{API}/elements?run=400001", headers=GZIP)
    assert packed == [threading.get_ident()], "a small one costs less than a thread"
    packed.clear()
    await client.get(f"{API}/openapi.json", headers=GZIP)
    assert len(packed) == 1
    assert packed != [threading.get_ident()]


def of_app(app: ASGIApp) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(CompressedAnswers(app, Encoding()))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=GZIP)


async def test_those_who_wait_get_an_answer_whose_first_asker_left(monkeypatch):
    body = b"x" * 100_000
    loop, begun, may = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def slow(body: bytes, pack: Callable[[bytes], bytes] = compression._pack) -> bytes:
        loop.call_soon_threadsafe(begun.set)
        may.wait(60)
        return pack(body)

    monkeypatch.setattr(compression, "_pack", slow)
    async with of_app(PlainTextResponse(body)) as client, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(client.get("/"))
        await begun.wait()
        others = [tasks.create_task(client.get("/")) for _ in range(5)]
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0)
        may.set()
    assert first.cancelled()
    assert [task.result().content for task in others] == [body] * 5


async def test_secrets_pieces_and_events_go_as_they_are():
    """A secret is not compressed with what others may choose: the length would tell of it."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"data: 1\n\n" * 1_000

    apps = [
        JSONResponse({"token": "x" * 2_000}, headers={"cache-control": "no-store"}),
        StreamingResponse(pieces(), media_type="text/plain"),
        Response(b"data: 1\n\n" * 1_000, media_type="text/event-stream"),
        PlainTextResponse("x" * 2_000, 206, {"content-range": "bytes 0-1999/4000"}),
        PlainTextResponse(b"y" * 2_000, headers={"content-encoding": "identity"}),
    ]
    for app in apps:
        async with of_app(app) as client:
            answer = await client.get("/")
        assert answer.headers.get("content-encoding", "identity") == "identity"
        assert len(answer.content) >= 2_000


async def test_what_gets_no_smaller_goes_as_it_is():
    body = random.Random(1).randbytes(2_000)
    async with of_app(Response(body, media_type="text/plain")) as client:
        answer = await client.get("/")
    assert (answer.content, "content-encoding" in answer.headers) == (body, False)


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("", False),
        ("identity", False),
        ("gzip", True),
        ("GZIP;Q=0.5, deflate", True),
        ("deflate, br , x-gzip", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0, gzip", True),
        ("*", True),
        ("br, *;q=0", False),
        ("gzipped, zstd", False),
        ("gzip;q=nonsense", False),
        ("gzip;q=nan", False),
        (";q=1,,;", False),
    ],
)
def test_who_takes_gzip_says_so(accepted: str, takes: bool):
    assert takes_gzip(accepted) is takes


@given(
    st.integers(0, 60),
    st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20)), max_size=30),
)
def test_what_is_kept_is_bounded_and_what_was_kept_last(most: int, kept: list[tuple[bytes, bytes]]):
    answers, last = Kept(most), dict[bytes, bytes]()
    for body, packed in kept:
        last.setdefault(body, packed)
        answers.keep(body, last[body])
        assert answers.bytes <= most
        assert answers.of(body) in {last[body], None}
        if len(body) + len(last[body]) <= most:
            assert answers.of(body) == last[body], "what came last is there"
    found = {body: answers.of(body) for body in last}
    held = [(body, one) for body, one in found.items() if one is not None]
    assert len(held) == len(answers)
    assert answers.bytes == sum(len(body) + len(one) for body, one in held)
