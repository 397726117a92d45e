"""Events over HTTP: written as they are named, answered when the log has them, refused whole."""

import asyncio
import gzip
import json
import threading
import zlib
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
import zstandard

from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.clock import SystemClock
from dqmstream.errors import MessageError
from dqmstream.messages.events import EventBatch, LumisectionEnd, RunEnd, RunStart
from dqmstream.messages.operations import Command
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import COMMANDS, EVENTS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.memory import MemoryLog
from services.gateway import ingest_ndjson
from services.gateway.access import Access
from services.gateway.access_tokens import Role
from services.gateway.app import create_app
from services.gateway.ingest_ndjson import arrow_of_lines
from services.gateway.settings import GatewaySettings, Limits
from tests.filled import make_topics
from tests.held_log import HeldLog
from tests.ingesting import ARROW, INGEST, access, bearer, parts_with_ingest
from tests.random_run import random_batch
from tests.troubled_log import TroubledLog

RUN = f"{INGEST}/runs/7"
SOURCE = f"{RUN}/sources/a/one"
CHUNK = f"{SOURCE}/lumisections/1/chunks/0"
LINES = {"content-type": "application/x-ndjson"}
NOTHING = {"chunks": 0, "seen": 0, "selected": 0}


@pytest.fixture
async def log() -> MemoryLog:
    made = MemoryLog(SystemClock())
    await make_topics(made, 3, largest_event=64 << 10)
    return made


def client_of(log: Any, tokens: Access | None = None, **limits: Any) -> httpx.AsyncClient:
    settings = GatewaySettings(limits=Limits(**limits))
    transport = httpx.ASGITransport(
        create_app(parts_with_ingest(log, settings=settings, tokens=tokens))
    )
    return httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=bearer(Role.PRODUCER)
    )


@pytest.fixture
async def client(log: MemoryLog) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(log) as opened:
        yield opened


async def messages(log: MemoryLog, topic: str = EVENTS) -> list[Message]:
    return [CODEC.decode(record.headers, record.value) async for record in read_to_end(log, topic)]


def body_of(events: int = 5, seed: int = 0) -> bytes:
    return encode_batch(random_batch(np.random.default_rng(seed), events))


async def test_each_record_bears_the_names_of_the_request(
    client: httpx.AsyncClient, log: MemoryLog
) -> None:
    started = {"run_type": "hi_run", "expected": ["a", "b"], "marks": ["simulated"]}
    started |= {"first_lumisection": 3, "labels": {"path": ["x", "y"]}}
    answer = await client.put(SOURCE, json=started)
    assert answer.json() == {
        "run": 7,
        "source": "a",
        "incarnation": "one",
        "after": 2,
        "ended": False,
        "replaces": "",
        "body_limit": (64 << 10) - 1024 - 256,
    }
    place = f"{SOURCE}/lumisections/3"
    asked = {"seen": "9", "dropped": "2"}
    chunk = await client.put(f"{place}/chunks/1", params=asked, content=body_of(), headers=ARROW)
    assert chunk.json()["selected"] == 5
    said = {"chunks": 2, "seen": 20, "selected": 11, "dropped": 2, "notes": {"truncated": 1}}
    assert (await client.put(f"{place}/end", json=said)).json()["acknowledged"] == 3
    assert (await client.put(f"{SOURCE}/end", json={"last_lumisection": 3})).status_code == 200

    found = await messages(log)
    kinds = [type(message) for message in found]
    assert [kinds.count(kind) for kind in (RunStart, EventBatch, LumisectionEnd, RunEnd)] == [
        *(3, 1, 3, 3)
    ]
    start = next(one for one in found if isinstance(one, RunStart))
    assert (start.run, start.source, start.incarnation) == (7, "a", "one")
    assert (start.rereadable, start.first_lumisection, start.run_type) == (False, 3, "hi_run")
    assert (start.expected, start.marks) == (("a", "b"), ("simulated",))
    batch = next(one for one in found if isinstance(one, EventBatch))
    assert (batch.chunk.lumisection, batch.chunk.number) == (3, 1)
    assert (batch.chunk.seen, batch.chunk.selected, batch.chunk.dropped) == (9, 5, 2)
    assert batch.body == body_of()
    end = next(one for one in found if isinstance(one, LumisectionEnd))
    assert (end.chunks, end.seen, end.selected, end.notes) == (2, 20, 11, {"truncated": 1})


async def test_the_start_and_the_end_of_a_run_are_audited_and_chunks_are_not(
    client: httpx.AsyncClient, log: MemoryLog
) -> None:
    await client.put(SOURCE, json={})
    await client.put(CHUNK, content=body_of(), headers=ARROW)
    await client.put(f"{SOURCE}/lumisections/1/end", json=NOTHING | {"chunks": 1})
    await client.put(f"{SOURCE}/end", json={"last_lumisection": 1})
    found = [one for one in await messages(log, COMMANDS) if isinstance(one, Command)]
    assert [(one.subject, one.action, one.who) for one in found] == [
        ("run 7 source a", "start of ingest", "producer"),
        ("run 7 source a", "end of ingest", "producer"),
    ]
    assert found[0].arguments == {"incarnation": "one", "role": "producer"}
    assert found[0].when > 0


async def test_a_repeat_is_answered_and_written_once_and_another_body_is_refused(
    client: httpx.AsyncClient, log: MemoryLog
) -> None:
    for repeated in (False, True):
        answer = await client.put(CHUNK, content=body_of(), headers=ARROW)
        assert answer.json()["repeated"] is repeated
    assert len(await messages(log)) == 1
    other = await client.put(CHUNK, content=body_of(seed=1), headers=ARROW)
    assert other.status_code == 409
    assert "came before as" in other.json()["detail"]
    more = await client.put(CHUNK, params={"seen": "6"}, content=body_of(), headers=ARROW)
    assert more.status_code == 409


async def test_contradictions_are_told_at_once(client: httpx.AsyncClient) -> None:
    end, place = f"{SOURCE}/lumisections/1/end", f"{SOURCE}/lumisections/1/chunks"
    assert (await client.put(end, json=NOTHING)).status_code == 409  # never started
    await client.put(SOURCE, json={})
    await client.put(f"{place}/4", content=body_of(), headers=ARROW)
    few = await client.put(end, json=NOTHING | {"chunks": 4})
    assert (few.status_code, "number 4 was written" in few.text) == (409, True)
    said = {"chunks": 5, "seen": 5, "selected": 5}
    for _ in range(2):
        assert (await client.put(end, json=said)).status_code == 200
    assert (await client.put(end, json=said | {"seen": 6})).status_code == 409
    beyond = await client.put(f"{place}/5", content=body_of(), headers=ARROW)
    assert (beyond.status_code, "announced 5 chunks" in beyond.text) == (409, True)
    kind = await client.put(end, params={"rereadable": "true"}, json=said)
    assert (kind.status_code, "began as live" in kind.text) == (409, True)
    early = await client.put(f"{SOURCE}/end", json={"last_lumisection": 2})
    assert (early.status_code, "ended up to 1" in early.text) == (409, True)


async def test_what_is_acknowledged_has_no_gap_and_outlives_the_gateway(
    log: MemoryLog,
) -> None:
    """LSs ended out of order, through two gateways that know nothing of each other."""
    async with client_of(log) as one, client_of(log) as other:
        await one.put(SOURCE, json={})

        async def end(through: httpx.AsyncClient, lumisection: int) -> int:
            answer = await through.put(f"{SOURCE}/lumisections/{lumisection}/end", json=NOTHING)
            return int(answer.json()["acknowledged"])

        assert await end(one, 2) == 0
        assert await end(one, 1) == 2
        assert await end(other, 4) == 2  # through the other one, which asks the log
        assert await end(one, 3) == 3
        early = await one.put(f"{SOURCE}/end", json={"last_lumisection": 4})
        assert early.status_code == 409
        assert await end(other, 5) == 5
        assert await end(one, 6) == 6
    async with client_of(log) as third:
        answer = await third.put(SOURCE, json={})
        assert answer.json()["after"] == 6
        standing = (await third.get(f"{RUN}/sources/a")).json()
        assert (standing["lumisection"], standing["ended"], standing["joining"]) == (6, False, 8)
        assert (await third.put(f"{SOURCE}/end", json={"last_lumisection": 6})).status_code == 200
        again = await third.put(SOURCE, json={})
        assert (again.json()["after"], again.json()["ended"]) == (6, True)
        standing = (await third.get(SOURCE)).json()
        assert (standing["ended"], standing["joining"]) == (True, 7)


async def test_another_life_of_a_live_source_replaces_it_and_one_that_is_read_again_has_one(
    client: httpx.AsyncClient,
) -> None:
    await client.put(SOURCE, json={})
    second = await client.put(f"{RUN}/sources/a/two", json={"first_lumisection": 2})
    assert second.json()["replaces"] == "one"
    gone = await client.get(SOURCE)
    assert (gone.status_code, "'two', asked for is 'one'" in gone.text) == (404, True)
    for path, said in (("/lumisections/1/end", NOTHING), ("/end", {"last_lumisection": 0})):
        late = await client.put(f"{SOURCE}{path}", json=said)
        assert (late.status_code, "the log's newest is 'two'" in late.text) == (409, True)
    again = {"rereadable": "true"}
    await client.put(f"{RUN}/sources/b/one", params=again, json={})
    other = await client.put(f"{RUN}/sources/b/two", params=again, json={})
    assert (other.status_code, "the run began with 'one'" in other.text) == (409, True)
    known = (await client.get(RUN)).json()
    assert [(one["source"], one["incarnation"]) for one in known["sources"]] == [
        ("a", "two"),
        ("b", "one"),
    ]


async def test_a_log_that_is_away_is_503_and_the_same_request_works_later(
    log: MemoryLog,
) -> None:
    trouble = TroubledLog(log)
    async with client_of(trouble) as client:
        await client.put(SOURCE, json={})
        trouble.away = True
        for path, sent in (
            (SOURCE, {"json": {}}),
            (CHUNK, {"content": body_of(), "headers": ARROW}),
            (f"{SOURCE}/lumisections/1/end", {"json": NOTHING}),
        ):
            answer = await client.put(path, **sent)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        trouble.away = False
        assert (await client.put(CHUNK, content=body_of(), headers=ARROW)).status_code == 200


async def test_bodies_take_no_threads_but_those_of_ingest(log: MemoryLog) -> None:
    """What the rest of the gateway waits for goes on, and of ingest so many work at once."""
    loop = asyncio.get_running_loop()
    shared = ThreadPoolExecutor(1)
    loop.set_default_executor(shared)
    release = threading.Event()
    occupied = loop.run_in_executor(None, release.wait)
    compressed = {"content-encoding": "gzip", "content-type": "application/json"}
    places = [f"{SOURCE}/lumisections/1/chunks/{number}" for number in range(5)]
    try:
        async with client_of(log, ingest_workers=2) as client, asyncio.timeout(60):
            started = await client.put(SOURCE, content=gzip.compress(b"{}"), headers=compressed)
            puts = (client.put(place, content=body_of(), headers=ARROW) for place in places)
            answers = await asyncio.gather(*puts)
    finally:
        release.set()
        await occupied
    assert [answer.status_code for answer in (started, *answers)] == [200] * 6


async def test_a_log_that_answers_late_is_503(log: MemoryLog) -> None:
    async with client_of(TroubledLog(log, pause=5), ingest_send_seconds=0.05) as client:
        answer = await client.put(CHUNK, content=body_of(), headers=ARROW)
        assert (answer.status_code, "did not answer" in answer.text) == (503, True)


async def test_too_much_on_its_way_is_429(log: MemoryLog) -> None:
    """Two bodies fit: the others are refused while the log has acknowledged none."""
    body, held = body_of(100), HeldLog(log, lambda _: True)
    limits = {"ingest_token_bytes": 2 * len(body) + 10, "ingest_send_seconds": 60.0}
    async with client_of(held, **limits) as client:

        async def put(number: int) -> int:
            path = f"{SOURCE}/lumisections/1/chunks/{number}"
            return (await client.put(path, content=body, headers=ARROW)).status_code

        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            puts = [tasks.create_task(put(number)) for number in range(4)]
            while sum(one.done() for one in puts) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            held.let_go.set()
        statuses = sorted(one.result() for one in puts)
        assert statuses in ([200, 429, 429, 429], [200, 200, 429, 429])
        assert await put(9) == 200


async def test_a_token_sends_only_for_its_sources(log: MemoryLog) -> None:
    async with client_of(log, access(producer=("a",))) as client:
        assert (await client.put(SOURCE, json={})).status_code == 200
        for path in (f"{RUN}/sources/b/one", f"{RUN}/sources/A/one"):
            assert (await client.put(path, json={})).status_code == 403
        assert (await client.get(f"{RUN}/sources/b/one")).status_code == 403
        admin = bearer(Role.ADMIN)
        assert (await client.put(f"{RUN}/sources/b/one", json={}, headers=admin)).status_code == 200
        # Where others stand is for all to see: sources of a run wait for each other.
        shown = (await client.get(RUN)).json()["sources"]
        assert [one["source"] for one in shown] == ["a", "b"]
        assert (await client.get(f"{RUN}/sources/b")).status_code == 200


async def test_ingest_is_off_without_a_token_that_may_send_and_when_it_is_set_so(
    log: MemoryLog,
) -> None:
    parts = parts_with_ingest(log)
    viewers = Access(
        tokens=type(parts.access.tokens)(
            [t for t in parts.access.tokens.all if t.role is Role.VIEWER]
        )
    )
    for off in (replace(parts, ingest=None), replace(parts_with_ingest(log), access=viewers)):
        transport = httpx.ASGITransport(create_app(off))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.put(SOURCE, json={}, headers=bearer(Role.VIEWER))
            assert (answer.status_code, "takes no events" in answer.text) == (404, True)


# ---------------------------------------------------------------------- bodies


async def test_lines_of_json_become_columns(client: httpx.AsyncClient, log: MemoryLog) -> None:
    lines = [
        {"x": 1, "good": True, "hit": []},
        {"x": 2.5, "good": False, "hit": [{"e": 1, "layer": 3}, {"e": 2, "layer": 4}]},
    ]
    text = "\n".join(map(json.dumps, lines))
    declared = (
        '{"columns": {"x": "float32", "good": "bool", "hit": {"e": "float32", "layer": "int8"}}}'
    )
    for number, body in enumerate((text, f"{declared}\n{text}\n", f"{declared}\n")):
        path = f"{SOURCE}/lumisections/1/chunks/{number}"
        answer = await client.put(path, content=body, headers=LINES)
        assert answer.status_code == 200, answer.text
    found = {one.chunk.number: one for one in await messages(log) if isinstance(one, EventBatch)}
    guessed, typed, empty = (
        decode_batch(found[n].body, selected=found[n].chunk.selected) for n in range(3)
    )
    assert guessed.values["x"].tolist() == typed.values["x"].tolist() == [1, 2.5]
    assert (guessed.values["x"].dtype, typed.values["x"].dtype) == (np.float64, np.float32)
    assert typed.values["good"].tolist() == [True, False]
    assert typed.collections["hit"].offsets.tolist() == [0, 0, 2]
    assert typed.collections["hit"].members["layer"].dtype == np.int8
    assert guessed.collections["hit"].members["layer"].tolist() == [3, 4]
    assert (empty.events, set(empty.collections["hit"].members)) == (0, {"e", "layer"})


def test_the_same_lines_are_always_the_same_bytes() -> None:
    """A repeat, through whichever gateway, must not look like another chunk."""
    lines = b'{"x": 1, "hit": [{"e": 1}]}\n{"x": 2, "hit": []}\n'
    assert arrow_of_lines(lines) == arrow_of_lines(lines)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (b"", "bad_json"),
        (b"[1]", "Expected `object`"),
        (b"nonsense", "bad_json"),
        (b'{"x": 1}\n{"x": nonsense}', "bad_json"),
        (b'{"x": 1}\n{"x": 1', "bad_json"),
        (b'{"x": 1}\n{"y": 1}', "unexpected field"),
        (b'{"x": 1}\n{}', "nulls: column x has 1 nulls"),
        (b'{"x": 1}\n{"x": null}', "nulls: column x"),
        (b'{"x": 1, "x": 2}', "specified twice"),
        (b'{"x": 1}\n{"x": "1"}', "Column(/x) changed from number to string"),
        (b'{"x": {"y": 1}}', "column x is {'y': 1}"),
        (b'{"x": [1, 2]}', "column x is [1, 2]"),
        (b'{"x": null}', "column x is None"),
        (b'{"hit": []}', "collection hit is empty in all events"),
        (b'{"hit": [{"e": 1}]}\n{"hit": [{}]}', "hit.e has 1 nulls"),
        (b'{"hit": [{"e": 1}]}\n{"hit": [null]}', "nulls"),
        (b'{"hit": [{"e": "text"}]}', "bad_type"),
        (b'{"hit": [{"e": []}]}', "column hit.e is []"),
        (b'{"hit": []}\n{"hit": [{"e": [{"f": []}]}]}', "column hit.e is [{'f': []}]"),
        (b'{"a b": 1}', "'a b' is not an identifier"),
        (b'{"columns": {"x": "complex"}}\n{"x": 1}', "column x is 'complex'"),
        (b'{"columns": {"x": "int8"}}\n{"x": 300}', "column x: Failed to convert JSON to int8"),
        (b'{"columns": {"a": "int8", "x": "uint8"}}\n{"a": 1, "x": -1}', "column x: Failed"),
        (b'{"columns": {"x": "int64"}}\n{"x": 1' + b"0" * 400 + b"}", "column x: Failed"),
        (b'{"columns": {}}\n{}', "0 columns"),
        (b'{"x": 1e999999}', "bad_json"),
        (b'{"x": ' + b"[" * 50_000, "recursion"),
        (b'{"x": 1}\n{"x": ' + b"[" * 50_000, "changed from number to array"),
        (b'{"x": 1, "t": "\xff"}', "bad_json"),
        (
            b'{"columns": {' + b",".join(b'"c%d":"int8"' % n for n in range(5_000)) + b"}}",
            "5000 columns",
        ),
    ],
)
async def test_lines_that_are_no_events_are_refused_with_column_and_reason(
    lines: bytes, said: str, log: MemoryLog
) -> None:
    wide = MemoryLog(SystemClock())
    await make_topics(wide, 1)
    async with client_of(wide) as client:
        answer = await client.put(CHUNK, content=lines, headers=LINES)
        assert answer.status_code == 422
        assert said in answer.json()["detail"]
        assert "run 7 LS 1 'a' chunk 0" in answer.json()["detail"]
    assert await messages(wide) == []


def test_empty_collections_are_looked_for_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their number: each line is read once more at most, and none after the last."""
    read = 0
    original = ingest_ndjson._object

    def counted(line: bytes) -> dict[str, Any]:
        nonlocal read
        read += 1
        return original(line)

    monkeypatch.setattr(ingest_ndjson, "_object", counted)
    names = [f"c{number}" for number in range(40)]

    def line(filled: Sequence[str]) -> bytes:
        return json.dumps({name: [{"e": 1}] if name in filled else [] for name in names}).encode()

    lines = [line([])] * 50 + [line(names[20:]), line(names[:20])] + [line([])] * 50
    found = decode_batch(arrow_of_lines(b"\n".join(lines)), selected=len(lines))
    assert list(found.collections) == names
    assert [each.offsets[-1] for each in found.collections.values()] == [1] * 40
    assert read == 1 + 52
    read = 0
    with pytest.raises(MessageError, match="collection c0 is empty in all events"):
        arrow_of_lines(b"\n".join([line([])] * 100))
    assert read == 1 + 100


async def test_a_million_columns_are_refused_quickly_and_whole() -> None:
    """In the first line, which is too long; and in a later one, at its first column."""
    log = MemoryLog(SystemClock())
    await make_topics(log, 1, largest_event=32 << 20)
    line = b"{" + b",".join(b'"c%d":1' % number for number in range(1_000_000)) + b"}"
    async with client_of(log) as client:
        for body, said in ((line, "the first line has"), (b'{"x":1}\n' + line, "unexpected field")):
            answer = await client.put(CHUNK, content=body, headers=LINES)
            assert (answer.status_code, said in answer.text) == (422, True), answer.text
    assert await messages(log) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "bad_arrow"),
        (b"nonsense", "bad_arrow"),
        (body_of()[:-20], "bad_arrow"),
        (body_of()[:200], "bad_arrow"),
        (body_of() + body_of(), None),
        (b"\xff" * 1000, "bad_arrow"),
    ],
)
async def test_arrow_that_is_cut_or_no_arrow_is_refused_and_nothing_is_written(
    body: bytes, reason: str | None, client: httpx.AsyncClient, log: MemoryLog
) -> None:
    answer = await client.put(CHUNK, content=body, headers=ARROW)
    if reason is None:
        # What stands after the end of a stream is not read: by the fold neither.
        assert answer.status_code == 200
        return
    assert (answer.status_code, f"{reason}:" in answer.json()["detail"]) == (422, True), answer.text
    assert await messages(log) == []
    metrics = (await client.get("/metrics", headers=bearer(Role.VIEWER))).text
    assert f'dqm_gateway_ingest_refused_total{{reason="{reason}"}} 1.0' in metrics


async def test_columns_that_nobody_can_fill_are_refused_by_name(client: httpx.AsyncClient) -> None:
    for array, reason in (
        (pa.array([1, None]), "column energy has 1 nulls"),
        (pa.array([[1], [2]]), "column energy is list<"),
    ):
        batch = pa.RecordBatch.from_arrays([array], names=["energy"])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        answer = await client.put(CHUNK, content=sink.getvalue().to_pybytes(), headers=ARROW)
        assert (answer.status_code, reason in answer.text) == (422, True), answer.text


async def test_fewer_events_seen_than_sent_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.put(CHUNK, params={"seen": "4"}, content=body_of(), headers=ARROW)
    assert (answer.status_code, "4 events seen, 5 are in the body" in answer.text) == (422, True)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_compressed_bodies_are_expanded_and_bombs_are_not(
    encoding: str, client: httpx.AsyncClient, log: MemoryLog
) -> None:
    compress = gzip.compress if encoding == "gzip" else zstandard.compress
    headers = ARROW | {"content-encoding": encoding}
    whole = compress(body_of())
    answer = await client.put(CHUNK, content=whole, headers=headers)
    assert answer.status_code == 200, answer.text
    (batch,) = await messages(log)
    assert isinstance(batch, EventBatch)
    assert batch.body == body_of()
    bomb = compress(bytes(200 << 20))
    assert len(bomb) < 60_000 or encoding == "gzip"
    for sent, status in (
        (compress(bytes(70 << 10)), 413),
        (bomb[:60_000] if encoding == "gzip" else bomb, 413),
        (whole[:-9], 400),
        (b"nonsense", 400),
    ):
        path = f"{SOURCE}/lumisections/1/chunks/1"
        assert (await client.put(path, content=sent, headers=headers)).status_code == status
    assert len(await messages(log)) == 1


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_compressed_body_is_taken_whole_or_not_at_all(
    encoding: str, client: httpx.AsyncClient, log: MemoryLog
) -> None:
    """Cut where a line ends, followed by a second one or by anything else: no event is lost by it
    and answered as if it were there."""
    lines = [b'{"x": %d}\n' % number for number in range(1_000)]
    first, rest = b"".join(lines[:600]), b"".join(lines[600:])
    if encoding == "gzip":
        compress, unfinished = gzip.compress, zlib.compressobj(wbits=31)
        cut = unfinished.compress(first) + unfinished.flush(zlib.Z_SYNC_FLUSH)
    else:
        compress, stream = zstandard.compress, zstandard.ZstdCompressor().compressobj()
        cut = stream.compress(first) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    headers = LINES | {"content-encoding": encoding}
    for sent in (
        cut,
        compress(first) + compress(rest),
        compress(first) + cut,
        compress(first) + b"\0",
        compress(first)[:-1],
        b"",
    ):
        answer = await client.put(CHUNK, content=sent, headers=headers)
        assert (answer.status_code, encoding in answer.text) == (400, True), answer.text
    assert await messages(log) == []
    answer = await client.put(CHUNK, content=compress(first + rest), headers=headers)
    assert answer.json()["selected"] == 1_000


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/json"},
        {"content-type": "application/vnd.apache.arrow.file"},
        {"content-type": ", ".join([ARROW["content-type"]] * 2)},
        ARROW | {"content-encoding": "br"},
        ARROW | {"content-encoding": "gzip, gzip"},
        {"content-type": "x" * 5_000},
    ],
)
async def test_a_body_of_another_type_is_415(
    headers: dict[str, str], client: httpx.AsyncClient
) -> None:
    answer = await client.put(CHUNK, content=body_of(), headers=headers)
    assert (answer.status_code, "expected one of" in answer.text) == (415, True)


async def test_more_than_the_limit_is_not_read(client: httpx.AsyncClient) -> None:
    """Announced, or simply coming: the rest of an endless body is never asked for."""
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield bytes(8 << 10)

    answer = await client.put(CHUNK, content=endless(), headers=ARROW)
    assert answer.status_code == 413
    assert asked <= 9
    huge = ARROW | {"content-length": "9" * 4_000}
    answer = await client.put(CHUNK, content=endless(), headers=huge)
    assert answer.status_code == 413
    document = await client.put(SOURCE, json={"labels": {"path": ["x" * 200] * 6_000}})
    assert document.status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        f"{RUN}/sources/../etc/passwd",
        f"{RUN}/sources/%2e%2e/one",
        f"{RUN}/sources/a%2fb/one",
        f"{RUN}/sources/a%0d%0aX-Evil:%201/one",
        f"{RUN}/sources/a%00/one",
        f"{RUN}/sources/%ff%fe/one",
        f"{RUN}/sources/-a/one",
        f"{RUN}/sources/{'a' * 129}/one",
        f"{RUN}/sources/a/..%5c..",
        f"{RUN}/sources/a/{'b' * 129}",
        f"{RUN}/sources/é/one",
        f"{INGEST}/runs/0/sources/a/one",
        f"{INGEST}/runs/-1/sources/a/one",
        f"{INGEST}/runs/4294967296/sources/a/one",
        f"{INGEST}/runs/{'9' * 5_000}/sources/a/one",
        f"{INGEST}/runs/1e3/sources/a/one",
        f"{SOURCE}/lumisections/0/end",
        f"{SOURCE}/lumisections/10001/end",
        f"{SOURCE}/lumisections/1/chunks/-1",
        f"{SOURCE}/lumisections/1/chunks/1048576",
        f"{SOURCE}/lumisections/1/chunks/{'9' * 5_000}",
    ],
)
async def test_names_and_numbers_out_of_range_are_refused(
    path: str, client: httpx.AsyncClient, log: MemoryLog
) -> None:
    sent = {"content": b"{}", "headers": {"content-type": "application/json"}}
    answer = await client.put(path, **sent)
    assert answer.status_code in {404, 405, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "x-evil" not in answer.headers
    assert await messages(log) == []


@pytest.mark.parametrize(
    ("path", "document", "said"),
    [
        ("", b"", "body"),
        ("", b"[]", "body"),
        ("", b'{"first_lumisection": "1"}', "body.first_lumisection"),
        ("", b'{"first_lumisection": 0}', "body.first_lumisection"),
        ("", b'{"first_lumisection": 1e99}', "body.first_lumisection"),
        ("", b'{"first_lumisection": true}', "body.first_lumisection"),
        ("", b'{"run_type": "a\\r\\nb"}', "body.run_type"),
        ("", b'{"marks": ["golden"]}', "mark 'golden' is none of"),
        ("", b'{"expected": ["a/b"]}', "body.expected.0"),
        ("", b'{"more": 1}', "body.more"),
        ("", b"[" * 100_000, "recursion"),
        ("/lumisections/1/end", b'{"chunks": 1}', "body.seen"),
        ("/lumisections/1/end", b'{"chunks": 1, "seen": 1, "selected": 2}', "2 events selected"),
        ("/lumisections/1/end", b'{"chunks": -1, "seen": 1, "selected": 1}', "body.chunks"),
        (
            "/lumisections/1/end",
            b'{"chunks": 1, "seen": 1' + b"0" * 30 + b', "selected": 1}',
            "seen",
        ),
        ("/end", b"{}", "body.last_lumisection"),
        ("/end", b'{"last_lumisection": 10001}', "body.last_lumisection"),
    ],
)
async def test_documents_that_are_none_are_refused_by_field(
    path: str, document: bytes, said: str, client: httpx.AsyncClient
) -> None:
    headers = {"content-type": "application/json"}
    answer = await client.put(f"{SOURCE}{path}", content=document, headers=headers)
    assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text
