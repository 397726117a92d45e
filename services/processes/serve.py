"""The gateway as a service of a process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dqmstream.errors import ConfigurationError
from dqmstream.store.store import Store
from services.gateway.access import Access
from services.gateway.progress import GatewayProgress
from services.gateway.service import run_gateway
from services.gateway.settings import GatewaySettings, Limits
from services.processes.process import Process, Ready, Service
from services.settings import Settings
from services.startup import chosen_tests
from services.web import listen

__all__ = ["Serving", "serving"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """A gateway that listens already: where its page will be, the store it reads, the service."""

    url: str
    store: Store
    service: Service


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Serving]:
    """Take the address and open the store for the length of the block.

    Raises
    ------
    ConfigurationError
        If the address is taken, or the file of tokens is none.
    StoreError
        If the store cannot be opened.
    """
    access = await asyncio.to_thread(_access, settings)
    tests = await asyncio.to_thread(chosen_tests, settings)
    listener = await asyncio.to_thread(
        listen, settings.host, settings.port, hint="--port 0 takes any free port"
    )
    with listener:
        await asyncio.to_thread(settings.data.mkdir, parents=True, exist_ok=True)
        store = await asyncio.to_thread(Store, settings.store_url)

        progress = GatewayProgress()

        async def start(process: Process, ready: Ready) -> None:
            await run_gateway(
                process.log,
                store,
                GatewaySettings(
                    host=settings.host,
                    port=settings.port,
                    update_interval=settings.update_interval,
                    allowed_hosts=settings.allowed_hosts,
                    read_needs_token=settings.read_needs_token,
                    limits=Limits(requests_per_second=settings.requests_per_second),
                ),
                clock=process.clock,
                ready=ready,
                listener=listener,
                registry=process.metrics.registry,
                progress=progress,
                access=access,
                tests=tests,
                ingest_log=process.bare_log if settings.ingest else None,
            )

        try:
            yield Serving(
                url=f"http://{settings.host}:{listener.getsockname()[1]}",
                store=store,
                service=Service(name="gateway", start=start, progress=progress),
            )
        finally:
            await asyncio.to_thread(store.close)


def _access(settings: Settings) -> Access:
    """The tokens of the file that is set, which must be there; else of the one in the data folder,
    which somebody may make later."""
    named = settings.tokens_file
    if named is not None and not named.exists():
        msg = f"tokens file {named} does not exist: make it with `dqmstream token new`"
        raise ConfigurationError(msg)
    return Access.of_file(settings.tokens_path)
