"""A gateway that takes events over HTTP, tokens of every role, and a source that sends there."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx

from dqmstream.booking.columns import encode_batch
from dqmstream.clock import Clock, SystemClock
from dqmstream.quality.declaration import QualityTest
from dqmstream.store.store import Store
from dqmstream.transport.log import Log
from dqmstream.transport.memory import MemoryLog
from services.gateway.access import Access
from services.gateway.access_tokens import Role, Token, Tokens, new_secret, sha256_of
from services.gateway.asking import Parts
from services.gateway.desk import Desk
from services.gateway.ingest import Ingest
from services.gateway.library import Library
from services.gateway.live import LiveView
from services.gateway.metrics import GatewayMetrics
from services.gateway.readings import Readings
from services.gateway.service import run_gateway
from services.gateway.settings import GatewaySettings
from services.gateway.stream import Stream
from services.status.reader import StatusReader
from tests.random_run import RandomRun

__all__ = [
    "ARROW",
    "INGEST",
    "SECRETS",
    "access",
    "bearer",
    "counts",
    "gateway",
    "parts_with_ingest",
    "send_over_http",
]

ARROW: Final = {"content-type": "application/vnd.apache.arrow.stream"}
INGEST: Final = "/api/v1/ingest"
SECRETS: Final = {role: new_secret() for role in Role}
"""A token of each role, drawn anew for each run of the tests."""


def access(**sources: tuple[str, ...]) -> Access:
    """Tokens of every role, named after it; `producer=("a",)` binds one to sources."""
    return Access(
        tokens=Tokens(
            [
                Token(
                    name=str(role),
                    role=role,
                    sha256=sha256_of(secret),
                    sources=sources.get(str(role), ()),
                )
                for role, secret in SECRETS.items()
            ]
        )
    )


def bearer(role: Role | None) -> dict[str, str]:
    """The header of a role; none of nobody."""
    return {} if role is None else {"authorization": f"Bearer {SECRETS[role]}"}


def parts_with_ingest(
    log: Log,
    *,
    view: LiveView | None = None,
    settings: GatewaySettings | None = None,
    tokens: Access | None = None,
    clock: Clock | None = None,
) -> Parts:
    """The parts of a gateway over a log, for an application without a server."""
    view, settings, clock = (
        view or LiveView(),
        settings or GatewaySettings(),
        clock or SystemClock(),
    )
    desk, metrics = Desk(ThreadPoolExecutor(1)), GatewayMetrics()
    return Parts(
        view=view,
        desk=desk,
        stream=Stream(view, desk, settings=settings, clock=clock, metrics=metrics),
        library=Library(view, desk, None),
        readings=Readings(view, desk, None),
        settings=settings,
        clock=clock,
        metrics=metrics,
        status=StatusReader(MemoryLog(clock), clock).report,
        access=tokens or access(),
        ingest=Ingest(log, clock=clock, limits=settings.limits, metrics=metrics),
    )


@asynccontextmanager
async def gateway(
    log: Log,
    settings: GatewaySettings | None = None,
    *,
    tokens: Access | None = None,
    ingest_log: Log | None = None,
    port: int = 0,
    store: Store | None = None,
    tests: Sequence[QualityTest] | None = None,
) -> AsyncIterator[str]:
    """A gateway with a real server; its address. Port 0 takes a free one."""
    listener = socket.create_server(("127.0.0.1", port))
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(
            run_gateway(
                log,
                store,
                settings or GatewaySettings(),
                clock=SystemClock(),
                ready=ready.set,
                listener=listener,
                access=tokens or access(),
                ingest_log=ingest_log or log,
                tests=tests,
            )
        )
        await ready.wait()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        running.cancel()


async def send_over_http(
    client: httpx.AsyncClient,
    source: RandomRun,
    *,
    seed: int,
    ends: bool = True,
    begun: asyncio.Barrier | None = None,
) -> None:
    """Send a whole run as a clumsy client: chunks in any order and several at once, a third of
    them twice, each until it is answered; LSs and the run are ended once all is.

    Parameters
    ----------
    client
        With the token, and the address of a gateway, or of one that comes back.
    ends
        Whether the run ends with it.
    begun
        Where it waits for other sources once it has begun: an LS does not wait for a source that
        nobody has heard of, and is rightly closed without it.
    """
    rng, place = random.Random(seed), _place(source)
    query = {"rereadable": str(source.rereadable).lower()}

    async def put(path: str, **request: Any) -> dict[str, Any]:
        return await _until_answered(client, f"{place}{path}", params=query, **request)

    started = await put("", json={"first_lumisection": source.first_lumisection})
    if begun is not None:
        await begun.wait()
    for number in range(started["after"] + 1, source.length + 1):
        batches = source.batches(number)
        order = list(enumerate(batches))
        order += rng.sample(order, len(order) // 3)
        rng.shuffle(order)
        slots = asyncio.Semaphore(4)

        async def put_chunk(index: int, body: bytes, *, of: int, slots: asyncio.Semaphore) -> None:
            async with slots:
                path = f"/lumisections/{of}/chunks/{index}"
                await put(path, content=body, headers=ARROW)

        async with asyncio.TaskGroup() as tasks:
            for index, batch in order:
                body = encode_batch(batch)
                tasks.create_task(put_chunk(index, body, of=number, slots=slots))
        await put(f"/lumisections/{number}/end", json=counts(batches))
    if ends:
        await put("/end", json={"last_lumisection": source.length})


def counts(batches: Sequence[Any]) -> dict[str, int]:
    """What the end of an LS says of these chunks."""
    events = sum(batch.num_rows for batch in batches)
    return {"chunks": len(batches), "seen": events, "selected": events}


def _place(source: RandomRun) -> str:
    return f"{INGEST}/runs/{source.run}/sources/{source.name}/{source.incarnation}"


async def _until_answered(client: httpx.AsyncClient, path: str, **request: Any) -> dict[str, Any]:
    """The answer, asked for again while the gateway is away or says that the log is."""
    while True:
        try:
            answer = await client.put(path, **request)
        except httpx.TransportError:
            await asyncio.sleep(0.2)  # a gateway that starts needs the time
            continue
        if answer.status_code in {429, 503}:
            await asyncio.sleep(0.05)
            continue
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body
