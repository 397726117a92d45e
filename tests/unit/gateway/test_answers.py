"""Answers that are kept: never older than the view, made once however many ask, and bounded."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from dqmstream.clock import SettableClock
from services.gateway import answers
from services.gateway.answers import AnswerCache
from services.gateway.app import create_app
from services.gateway.desk import Desk
from tests.unit.gateway.parts import parts_of

URL = "/api/v1/runs/400001/contents?path=pixel/charge"


class Counting:
    """Answers each request with a text that says which one it is, once it may."""

    def __init__(self) -> None:
        self.requests = 0
        self.asked = asyncio.Event()
        self.may = asyncio.Event()
        self.may.set()
        self.status, self.size = 200, 0
        self.unchanged = b""
        """Tag that a request may hold: then there is nothing new."""

    async def __call__(self, scope, _receive, send) -> None:
        self.requests += 1
        self.asked.set()
        body = f"answer {self.requests}".encode() + b"." * self.size
        await self.may.wait()
        headers = [(b"etag", f'"{self.requests}"'.encode())]
        status = self.status
        if self.unchanged and (b"if-none-match", self.unchanged) in scope["headers"]:
            status, headers, body = 304, [(b"etag", self.unchanged)], b""
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def route() -> Counting:
    return Counting()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def client(view, route, clock) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(AnswerCache(route, view, clock))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
        yield opened


async def test_an_answer_is_kept_until_the_view_changes(client, route, view, detector, feed):
    assert [(await client.get(URL)).text for _ in range(3)] == ["answer 1"] * 3
    feed(view, detector.fill(1))
    assert (await client.get(URL)).text == "answer 2"
    feed(view, detector.beats(1, "filler"))
    assert (await client.get(URL)).text == "answer 2", "a heartbeat changes no contents"


async def test_an_answer_is_kept_for_a_second_at_most(client, clock):
    await client.get(URL)
    clock.advance(0.9)
    assert (await client.get(URL)).text == "answer 1"
    clock.advance(0.2)
    assert (await client.get(URL)).text == "answer 2"


async def test_an_older_answer_is_asked_for_by_its_tag(client, route, clock):
    """Where nothing has changed the route reads nothing anew, and clients get what is kept."""
    first = await client.get(URL)
    clock.advance(2)
    route.unchanged = first.headers["etag"].encode()
    for _ in range(3):
        again = await client.get(URL)
        assert (again.status_code, again.text) == (200, "answer 1")
        assert again.headers["etag"] == first.headers["etag"]
    assert route.requests == 2
    clock.advance(2)
    route.unchanged = b""
    assert (await client.get(URL)).text == "answer 3"


async def test_other_parameters_and_formats_are_other_answers(client):
    first = await client.get(URL)
    other = await client.get(URL + "&last=3")
    csv = await client.get(URL, headers={"accept": "text/csv"})
    assert [each.text for each in (first, other, csv)] == ["answer 1", "answer 2", "answer 3"]


async def test_who_has_an_answer_is_told_so(client, route):
    first = await client.get(URL)
    for held in (first.headers["etag"], f'"x", W/{first.headers["etag"]}'):
        again = await client.get(URL, headers={"if-none-match": held})
        assert (again.status_code, again.content) == (304, b"")
    other = await client.get(URL, headers={"if-none-match": '"x"'})
    assert (other.status_code, other.text, route.requests) == (200, "answer 1", 1)


async def test_that_nothing_has_changed_is_kept_too(client, route):
    route.unchanged = b'"x"'
    for _ in range(3):
        again = await client.get(URL, headers={"if-none-match": '"x"'})
        assert (again.status_code, again.headers["etag"]) == (304, '"x"')
    assert route.requests == 1
    other = await client.get(URL, headers={"if-none-match": '"y"'})
    assert (other.status_code, other.text) == (200, "answer 2"), "who holds another needs contents"
    assert (await client.get(URL)).text == "answer 2"


async def test_contents_outlast_that_nothing_has_changed(client, route, clock):
    """Contents are not lost when somebody who holds them is told so; they are fresh again."""
    first = await client.get(URL)
    clock.advance(2)
    route.unchanged = first.headers["etag"].encode()
    held = {"if-none-match": first.headers["etag"]}
    assert (await client.get(URL, headers=held)).status_code == 304
    assert (await client.get(URL)).text == "answer 1"
    assert route.requests == 2


async def test_what_is_refused_or_too_large_is_not_kept(client, route):
    route.status = 404
    await client.get(URL)
    route.status, route.size = 200, 1 << 20
    await client.get(URL)
    await client.get(URL)
    assert route.requests == 3


async def test_many_that_come_together_wait_for_one(client, route):
    route.may.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(client.get(URL)) for _ in range(20)]
        await route.asked.wait()
        await asyncio.sleep(0.01)
        route.may.set()
    assert {task.result().text for task in asking} == {"answer 1"}
    assert route.requests == 1


async def test_an_answer_that_was_made_while_the_view_changed_is_not_given_again(
    client, route, view, detector, feed
):
    route.may.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(client.get(URL))
        await route.asked.wait()
        feed(view, detector.fill(1))
        route.may.set()
    assert asking.result().text == "answer 1"
    assert (await client.get(URL)).text == "answer 2"


async def test_answers_are_kept_in_bounded_memory(client, route, monkeypatch):
    """Counted with what they take besides their bytes."""
    route.size = 1_000
    monkeypatch.setattr(answers, "_MOST_BYTES", 5_000)
    for number in range(5):
        await client.get(f"{URL}&last={number + 1}")
    await client.get(f"{URL}&last=5")
    assert route.requests == 5
    await client.get(f"{URL}&last=1")
    assert route.requests == 6


@pytest.mark.parametrize("unchanged", [False, True], ids=["200", "304"])
async def test_what_is_kept_is_bounded_whatever_clients_send(view, clock, monkeypatch, unchanged):
    """Tags that are held are no part of it; long addresses and headers count, or are not kept."""
    monkeypatch.setattr(answers, "_MOST_BYTES", 100_000)
    route = Counting()
    cache = AnswerCache(route, view, clock)
    if unchanged:
        route.unchanged = b'"t"'
    transport = httpx.ASGITransport(cache)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for number in range(300):
            clock.advance(2)
            tags = [("if-none-match", '"t"'), ("if-none-match", f'"{number}{"y" * 20_000}"')]
            await client.get(URL, headers=tags)
        assert len(cache) == 1
        assert cache.bytes < 3_000
        accept = "text/csv" + " " * 20_000
        await client.get(URL, headers={"accept": f"{accept},x"})
        await client.get(f"{URL}&x={'y' * 20_000}")
        assert len(cache) == 1
        tag = {"if-none-match": '"t"'}
        for number in range(300):
            await client.get(f"{URL}&x={number}{'y' * 2_000}", headers=tag)
        assert 20 < len(cache) < 50
        assert 2_000 * len(cache) < cache.bytes <= 100_000
    monkeypatch.setattr(answers, "_MOST_ANSWERS", 7)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await client.get(URL + "&last=1", headers=tag)
    assert len(cache) == 7


async def test_the_gateway_gives_a_kept_answer_with_all_its_headers(view, detector, feed):
    feed(view, detector.fill(1))
    async with Desk.open() as desk:
        parts = parts_of(view, desk)
        transport = httpx.ASGITransport(create_app(parts))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            first, kept = await client.get(URL), await client.get(URL)
            assert kept.content == first.content
            assert dict(kept.headers) == dict(first.headers)
            metrics = (await client.get("/metrics")).text
    route = 'route="/runs/{run}/contents",status="200"'
    assert f"dqm_gateway_requests_total{{{route}}} 2.0" in metrics
