"""A candidate's gateway is asked within bounds: one that hangs, ends nothing or says nonsense costs
this gateway a sentence."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.transport.memory import MemoryLog
from services.deploying.beside import Pair, counted, is_good, rank
from services.deploying.records import take_step
from services.gateway import candidate_relay
from services.gateway.access_tokens import Role
from services.gateway.candidate_comparing import shared_stretch
from services.gateway.candidate_reading import Known
from services.gateway.candidate_relay import Running, base_of
from services.gateway.problems import ProblemError
from services.gateway.settings import CandidateSettings, GatewaySettings
from tests.filled import make_topics
from tests.ingesting import SECRETS, bearer, gateway
from tests.unit.gateway.test_alarms import CLOCK, until
from tests.unit.gateway.test_deployments import SAID, step

Answering = Callable[[str, asyncio.StreamWriter], Awaitable[None]]

ELEMENTS = "/deployments/v2/runs/7/elements"
CONTENTS = "/deployments/v2/runs/7/contents?path=Pixel/charge"
REPORTS = "/deployments/v2/runs/7/reports"
ELEMENT = {
    "path": "Pixel/charge",
    "workspace": "pixel",
    "kind": "histogram",
    "storage": "count",
    "title": "charge",
    "description": "",
    "draw": {},
    "axes": [{"type": "regular", "bins": 1, "lower": 0.0, "upper": 1.0}],
    "shape": [3],
    "projected": False,
    "cells": 3,
    "value_axis": "entries",
}
COVERED = {
    "word": "run",
    "run": 7,
    "first": 1,
    "last": 2,
    "lumisections": 2,
    "closed": True,
    "complete": True,
    "whole": True,
    "late_events": 0,
    "late": None,
    "as_of": "",
    "replaced": "",
    "marks": [],
    "reshaped": "",
}
TOTALS = {"entries": 6, "nan": 0, "outside": 0, "value": None, "invalid": ""}
DRAWN = {
    "element": ELEMENT,
    "window": COVERED,
    "totals": TOTALS,
    "problem": "",
    "arrays": {"values": [1, 2, 3]},
}


def said(body: bytes, *head: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}", *head]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def beside(
    answering: Answering, **bounds: Any
) -> AsyncIterator[tuple[httpx.AsyncClient, list[str]]]:
    """A gateway beside which v2 runs, whose server answers so; and the requests that it got."""
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                heads.append(head)
                await answering(head, writer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    log = MemoryLog(CLOCK)
    await make_topics(log, 1)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await take_step(log, step("plan"), **SAID)
    await take_step(log, step("run", url=f"http://127.0.0.1:{port}/v2/#run=7"), **SAID)
    candidates = CandidateSettings(**{"seconds": 60.0, "token": "hidden-token"} | bounds)
    settings = GatewaySettings(update_interval=0.02, candidates=candidates)
    async with (
        server,
        gateway(log, settings) as url,
        httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60) as client,
    ):

        async def runs() -> bool:
            rows = (await client.get("/deployments")).json()["deployments"]
            return [one["state"] for one in rows] == ["running"]

        await until(runs)
        yield client, heads


def with_body(body: Any, *head: str, **more: str) -> Answering:
    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(said(body if isinstance(body, bytes) else orjson.dumps(body), *head, **more))

    return answer


async def refused(client: httpx.AsyncClient, path: str) -> tuple[int, str]:
    answer = await client.get(path)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["detail"]


async def test_contents_of_a_candidate_are_handed_on_without_anything_of_who_asks() -> None:
    """What a newer release says besides is left out; the token is the candidate's own."""
    later = {**DRAWN, "mood": "new", "element": {**ELEMENT, "colour": "of a newer release"}}
    async with beside(with_body({"contents": [later]})) as (client, heads):
        own = {"cookie": "session=mine", **bearer(Role.EXPERT)}
        answer = await client.get(f"{CONTENTS}&lumisections=1-2", headers=own)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"contents": [DRAWN]}
        (head,) = heads
        assert head.startswith(
            "GET /v2/api/v1/runs/7/contents?path=Pixel%2Fcharge&lumisections=1-2 HTTP/1.1"
        )
        assert "cookie" not in head.lower()
        assert SECRETS[Role.EXPERT] not in head
        assert "authorization: bearer hidden-token" in head.lower()
        answer = await client.get(f"{CONTENTS}&as_of=offset:12")
        assert (answer.status_code, len(heads)) == (422, 1)


async def begin(writer: asyncio.StreamWriter) -> None:
    """The beginning of an answer that has more to come."""
    writer.write(said(b"{").replace(b"content-length: 1", b"content-length: 9"))
    await writer.drain()


async def test_a_candidate_that_hangs_holds_so_many_questions_and_everything_else_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidate_relay, "_SECONDS_OF_REST", 600.0)
    let_go = asyncio.Event()

    async def hang(_: str, writer: asyncio.StreamWriter) -> None:
        await begin(writer)
        await let_go.wait()
        writer.close()

    async with beside(hang, at_once=2, waiting=2) as (client, heads), asyncio.timeout(60):
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(refused(client, ELEMENTS)) for _ in range(8)]
            while sum(one.done() for one in asked) < 4 or len(heads) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert {one.result()[0] for one in asked if one.done()} == {503}
            assert (await client.get("/deployments")).status_code == 200
            assert sum(one.done() for one in asked) == 4
            assert len(heads) == 2
            let_go.set()
        assert sorted(one.result()[0] for one in asked) == [502] * 4 + [503] * 4
        assert len(heads) == 2, "who waited is told what the others met"


async def test_a_candidate_that_hangs_is_given_up_and_left_alone_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidate_relay, "_SECONDS_OF_REST", 600.0)

    async def hang(_: str, writer: asyncio.StreamWriter) -> None:
        await begin(writer)
        await asyncio.sleep(3_600)

    async with beside(hang, seconds=0.4) as (client, heads):
        status, detail = await refused(client, ELEMENTS)
        assert status == 504
        assert "v2 does not answer: nothing, or not all" in detail
        # Who asks next is told at once.
        assert (await refused(client, REPORTS))[0] == 502
        assert len(heads) <= 1


async def test_an_answer_without_end_is_cut_off() -> None:
    async def endless(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        while True:
            writer.write(b" " * 65_536)
            await writer.drain()

    async with beside(endless, size=200_000) as (client, _):
        assert await refused(client, ELEMENTS) == (
            502,
            "candidate v2 answers with more than 200000 bytes",
        )


ONE = {"contents": [DRAWN]}


@pytest.mark.parametrize(
    ("answering", "path", "status", "sentence"),
    [
        (with_body(b"<html>"), ELEMENTS, 502, "cannot be used here: elements: the answer"),
        (with_body(b"[" * 100_000), ELEMENTS, 502, "cannot be used here"),
        (with_body([]), ELEMENTS, 502, "cannot be used here"),
        (with_body({"elements": [1], "total": 1, "after": None}), ELEMENTS, 502, "elements.0"),
        (
            with_body({"elements": [], "total": 9, "after": 0, "next": None}),
            ELEMENTS,
            502,
            "goes on at 0",
        ),
        (with_body(ONE, kind="text/html"), CONTENTS, 502, "answers with text/html, identity"),
        (with_body(ONE, "content-encoding: gzip"), CONTENTS, 502, "json, gzip"),
        (
            with_body({"contents": [{**DRAWN, "arrays": {"values": [1]}}]}),
            CONTENTS,
            502,
            "[1] cells, expected 3 of [3]",
        ),
        (
            with_body({"contents": [{**DRAWN, "window": {**COVERED, "run": 8}}]}),
            CONTENTS,
            502,
            "of run 8, expected what was asked for",
        ),
        (
            with_body(b"", "location: http://127.0.0.1:1/", status="302 Found"),
            REPORTS,
            502,
            "sends elsewhere (302), which is not followed",
        ),
        (with_body(b"", status="401 Unauthorized"), REPORTS, 502, "see candidate_token_file"),
        (with_body(b"oops", status="500 Broken"), REPORTS, 502, "refuses (500): without saying"),
        (
            with_body({"detail": "run 7 is not known"}, status="404 Not Found"),
            REPORTS,
            404,
            "candidate v2 refuses (404): run 7 is not known",
        ),
    ],
)
async def test_nonsense_becomes_a_sentence(
    answering: Answering, path: str, status: int, sentence: str
) -> None:
    async with beside(answering) as (client, heads):
        found = await refused(client, path)
        assert (found[0], sentence in found[1]) == (status, True), found
        assert len(heads) == 1


async def test_one_that_is_away_is_named_and_one_that_does_not_run_beside_is_not_asked() -> None:
    async def close(_: str, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with beside(close) as (client, heads):
        status, detail = await refused(client, ELEMENTS)
        assert status == 502
        assert detail.startswith("candidate v2 does not answer: ")
        assert (await refused(client, "/deployments/v3/runs/7/elements"))[0] == 404
        assert len(heads) == 1


async def test_only_a_deployment_that_runs_beside_is_asked() -> None:
    log = MemoryLog(CLOCK)
    await make_topics(log, 1)
    await take_step(log, step("plan"), **SAID)
    async with (
        gateway(log, GatewaySettings()) as url,
        httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60) as client,
    ):
        for path in (ELEMENTS, CONTENTS, REPORTS, "/deployments/v2/compare?run=7"):
            assert await refused(client, path) == (
                409,
                "deployment v2 is planned, expected one that runs beside",
            )


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://10.0.0.7:8001", "http://10.0.0.7:8001/api/v1"),
        ("https://dqm.example.org/v2/#run=1", "https://dqm.example.org/v2/api/v1"),
    ],
)
def test_the_address_on_record_leads_to_the_api_below_it(url: str, base: str) -> None:
    assert base_of(Running("v2", url), "") == base
    assert base_of(Running("v2", url), "http://{name}:8000") == "http://v2:8000/api/v1"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "ftp://example.org",
        "http://",
        "http://somebody:secret@example.org",
        "http://example.org/?to=elsewhere",
        "http://example.org:port",
        "http://exa mple.org",
        "http://example.org\r\nx: y",
        "//example.org",
    ],
)
def test_what_is_no_plain_address_is_not_asked(url: str) -> None:
    with pytest.raises(ProblemError, match="v2 cannot be asked") as found:
        base_of(Running("v2", url), "")
    assert found.value.status == 502
    assert "secret" not in found.value.detail


NUMBERS = st.frozensets(st.integers(1, 30))


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_the_stretch_that_is_compared_is_closed_in_both_throughout(
    ours: frozenset[int],
    theirs: frozenset[int],
    open_here: frozenset[int],
    open_there: frozenset[int],
) -> None:
    here, there = Known(ours, ours - open_here), Known(theirs, theirs - open_there)
    found = shared_stretch(here, there)
    shared = here.closed & there.closed
    if found is None:
        assert not shared
        return
    first, last = found
    known = ours | theirs
    assert last == max(shared)
    assert {number for number in known if first <= number <= last} <= shared
    before = [number for number in known if number < first]
    assert not before or max(before) not in shared


def test_what_differs_comes_before_what_does_not() -> None:
    says = ["same", "only in production", "of another kind", "re-binned", "different"]
    pairs = [Pair(path=each, says=each) for each in [*says, "same, of other LSs"]]
    ordered = sorted(pairs, key=lambda one: (rank(one), one.path))
    assert [one.says for one in ordered][:3] == ["different", "re-binned", "of another kind"]
    assert [one.says for one in ordered][-2:] == ["same", "same, of other LSs"]
    assert not is_good(counted(pairs))
    assert not is_good({})
    assert is_good({"same": 1, "only in production": 3})
