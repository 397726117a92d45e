"""What a process says of itself over HTTP: its metrics, whether it lives, whether it is ready."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.monitoring.health import Health
from services.web import listen, serve_until_cancelled

__all__ = ["metrics_response", "serve_metrics"]

_CONNECTIONS: Final = 32


@asynccontextmanager
async def serve_metrics(
    host: str, port: int, registry: CollectorRegistry, health: Health
) -> AsyncIterator[int]:
    """`/metrics`, `/healthz` and `/readyz` on this loop, for the length of the block.

    An answer shows that the loop turns, which is why no thread gives it.

    Parameters
    ----------
    host, port
        Address; port 0 takes any free one.
    registry, health
        What is told.

    Yields
    ------
    int
        The port.

    Raises
    ------
    ConfigurationError
        If the address is taken.
    """
    listener = await asyncio.to_thread(listen, host, port, hint="metrics_port sets another port")
    config = uvicorn.Config(
        _application(registry, health),
        lifespan="off",
        ws="none",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=1,
    )
    started = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(
            serve_until_cancelled(config, started, listener), name="metrics server"
        )
        await started.wait()
        try:
            yield listener.getsockname()[1]
        finally:
            serving.cancel()


async def metrics_response(registry: CollectorRegistry, accept: str) -> Response:
    """All metrics in the text format that `accept` (the request's header) asks for."""
    encode, content_type = choose_encoder(accept)
    # Collectors read /proc and copy counts: neither may hold the loop up.
    body = await asyncio.to_thread(encode, registry)
    return Response(body, headers={"content-type": content_type})


def _application(registry: CollectorRegistry, health: Health) -> Starlette:
    async def metrics(request: Request) -> Response:
        return await metrics_response(registry, request.headers.get("accept", ""))

    async def healthz(_: Request) -> Response:
        return _verdict("alive", health.ailments(), health)

    async def readyz(_: Request) -> Response:
        return _verdict("ready", health.obstacles(), health)

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
        ]
    )


def _verdict(word: str, problems: list[str], health: Health) -> Response:
    body = {word: not problems, "problems": problems, "services": health.document()}
    return Response(json.dumps(body), 503 if problems else 200, media_type="application/json")
