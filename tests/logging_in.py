"""A real OpenID Connect provider as a process of its own, and people who are known there."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import httpx

from dqmstream.clock import Clock, SystemClock
from playback.broker.ports import free_port
from services.gateway.access import Access
from services.gateway.access_tokens import Role
from services.gateway.oidc import People
from services.gateway.oidc_settings import ProviderSettings

__all__ = ["ADA", "BOB", "EVE", "access_with", "provider", "settings_of"]

ADA: Final = {"sub": "1001", "preferred_username": "ada", "groups": ["dqm-shifters", "cms"]}
BOB: Final = {"sub": "1002", "preferred_username": "bob", "groups": ["dqm-experts"]}
EVE: Final = {"sub": "1003", "preferred_username": "eve", "groups": ["somebody-else"]}
_START_SECONDS: Final = 90


@contextmanager
def provider(*flags: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Its issuer, and the process. `localhost`: to a gateway at 127.0.0.1 it is another site."""
    # Some tests call this on an event loop, which nothing of ours may block.
    with ThreadPoolExecutor(1) as thread:
        port = thread.submit(free_port).result()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *flags]
    for person in (ADA, BOB, EVE):
        command += ["--user-claims", json.dumps(person)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://localhost:{port}"
    try:
        _wait_for(issuer, process)
        yield issuer, process
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(issuer: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=30)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    msg = f"the provider did not start within {_START_SECONDS} s (status {process.poll()})"
    raise TimeoutError(msg)


def settings_of(issuer: str, **more: Any) -> ProviderSettings:
    """A provider whose shifters and experts have a role here."""
    given: dict[str, Any] = {
        "issuer": issuer,
        "client_id": "dqmstream",
        "secret": "a secret of the client",
        "roles": (("dqm-shifters", Role.SHIFTER), ("dqm-experts", Role.EXPERT)),
    }
    return ProviderSettings(**(given | more))


def access_with(tokens: Access, settings: ProviderSettings, clock: Clock | None = None) -> Access:
    """Tokens, and who logs in at a provider."""
    tokens.people = People(settings, clock or SystemClock())
    return tokens
