"""The files of the page as they go over the wire: small, and not sent again."""

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from services.gateway.app import PAGE
from services.gateway.page_files import PageFiles

MOST = 300_000
"""Bytes of the whole page, all of its views, without JSROOT."""


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """All of the page but JSROOT, by path."""
    found = {path.relative_to(PAGE): path for path in PAGE.rglob("*") if path.is_file()}
    return {
        name.as_posix(): path.read_bytes()
        for name, path in found.items()
        if name.parts[0] != "jsroot"
    }


@pytest.fixture(scope="module")
def app() -> Starlette:
    return Starlette(routes=[Mount("/", PageFiles(directory=PAGE, html=True))])


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
        yield client


async def test_all_of_the_page_weighs_less_than_300_kb_on_the_wire(client, files):
    sizes = {}
    for name, body in files.items():
        answer = await client.get(f"/{name}", headers={"accept-encoding": "gzip"})
        assert answer.status_code == 200
        assert answer.content == body
        sizes[name] = int(answer.headers["content-length"])
    assert len(files) > 50
    assert sum(sizes.values()) < MOST, sizes


async def test_a_file_that_the_browser_has_is_not_sent_again(client):
    first = await client.get("/app.js", headers={"accept-encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["vary"] == "accept-encoding"
    for coding in ("gzip", "identity"):
        again = await client.get(
            "/app.js", headers={"accept-encoding": coding, "if-none-match": first.headers["etag"]}
        )
        assert again.status_code == 304


async def test_who_takes_no_compression_gets_the_file_as_it_is(client):
    plain = await client.get("/app.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert len(gzip.compress(plain.content)) < len(plain.content)
    part = await client.get("/app.js", headers={"accept-encoding": "gzip", "range": "bytes=0-9"})
    assert (part.status_code, len(part.content)) == (206, 10)
