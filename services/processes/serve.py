"""The gateway as a service of a process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dqmstream.clock import Clock, SystemClock
from dqmstream.errors import ConfigurationError
from dqmstream.store.store import Store
from services.gateway.access import Access
from services.gateway.progress import GatewayProgress
from services.gateway.service import run_gateway
from services.gateway.settings import CandidateSettings, GatewaySettings, Limits
from services.processes.alarm import chosen_rules
from services.processes.process import Process, Ready, Service
from services.secrets import from_file
from services.settings import Settings
from services.startup import chosen_tests, posted_limits, worker_bounds
from services.web import listen

if TYPE_CHECKING:
    from services.gateway.oidc import People

__all__ = ["Serving", "serving"]

_OTHER_CONNECTIONS: Final = 768
"""Besides streams: what asks for answers."""


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
    rules = await asyncio.to_thread(chosen_rules, settings)
    listener = await asyncio.to_thread(
        listen, settings.host, settings.port, hint="--port 0 takes any free port"
    )
    with listener:
        await asyncio.to_thread(settings.store_folder.mkdir, parents=True, exist_ok=True)
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
                    candidate=settings.candidate,
                    production_url=settings.production_url if settings.candidate else "",
                    candidates=CandidateSettings(
                        url=settings.candidate_url, token=settings.candidate_token
                    ),
                    limits=Limits(
                        clients=settings.streams,
                        connections=settings.streams + _OTHER_CONNECTIONS,
                        requests_per_second=settings.requests_per_second,
                    ),
                ),
                clock=process.clock,
                ready=ready,
                drain=process.drain,
                listener=listener,
                registry=process.metrics.registry,
                progress=progress,
                access=access,
                tests=tests,
                workers=worker_bounds(settings),
                rules=rules,
                limits=posted_limits(settings),
                ingest_log=(
                    process.bare_log if settings.ingest and not settings.candidate else None
                ),
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
    access = Access.of_file(settings.tokens_path)
    if settings.oidc_issuer:
        access.people = _people(settings, SystemClock())
    return access


def _people(settings: Settings, clock: Clock) -> "People":
    from services.gateway.oidc import People  # noqa: PLC0415 only who configures it needs Authlib
    from services.gateway.oidc_settings import ProviderSettings, read_roles  # noqa: PLC0415

    secret = from_file(settings.oidc_secret_file) if settings.oidc_secret_file else ""
    chosen = ProviderSettings(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        secret=secret,
        claim=settings.oidc_claim,
        roles=read_roles(settings.oidc_roles),
        name_claim=settings.oidc_name,
        url=settings.oidc_url,
    )
    return People(chosen, clock)
