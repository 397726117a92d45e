"""Notifications as signed POST requests of JSON."""

import asyncio
import ssl
from typing import Final

import httpx

from dqmstream import __version__
from dqmstream.clock import Clock
from dqmstream.notifications.attempt import Attempt
from dqmstream.notifications.receiver import shown_address
from dqmstream.notifications.signature import sign
from dqmstream.notifications.words import body_of
from services.notifier.address import Address
from services.notifier.sender import Failure

__all__ = ["Webhook"]

_LARGEST_ANSWER: Final = 64 << 10
_LATER: Final = frozenset({408, 425, 429})


class Webhook:
    """One webhook.

    Redirects are not followed, proxies of the environment are not used, cookies not kept: it goes
    where the configuration allows, and nowhere else.

    Parameters
    ----------
    address
        Where, and how it is signed.
    clock
        Dates signatures.
    """

    def __init__(self, address: Address, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    @property
    def address(self) -> str:
        """See `Sender.address`."""
        return shown_address(self._address.url)

    async def send(self, attempt: Attempt) -> Failure | None:
        """See `Sender.send`: it has it when it has answered 2xx, and the answer came to its end."""
        body = body_of(attempt)
        seconds = self._clock.wall() // 1_000_000_000
        headers = {
            "content-type": "application/json",
            "user-agent": f"dqmstream/{__version__}",
            **sign(self._address.secret, attempt.identity, seconds, body),
        }
        timeout = self._address.receiver.timeout
        try:
            # Of the whole try: httpx's own limits begin anew with each byte.
            async with asyncio.timeout(timeout):
                return await self._post(body, headers)
        except TimeoutError:
            return Failure(f"no whole answer within {timeout:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            said = str(error).replace(self._address.url, self.address)
            return Failure(f"{type(error).__name__}: {said}"[:300])

    async def close(self) -> None:
        """See `Sender.close`."""
        if self._client is not None:
            await self._client.aclose()

    async def _post(self, body: bytes, headers: dict[str, str]) -> Failure | None:
        client = await self._opened()
        request = client.build_request("POST", self._address.url, content=body, headers=headers)
        response = await client.send(request, stream=True)
        try:
            size = 0
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > _LARGEST_ANSWER:
                    break
        finally:
            await response.aclose()
            client.cookies.clear()
        return _judged(response)

    async def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            # It reads the system's certificates.
            context = await asyncio.to_thread(ssl.create_default_context)
            self._client = httpx.AsyncClient(
                verify=context,
                trust_env=False,
                follow_redirects=False,
                timeout=self._address.receiver.timeout,
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            )
        return self._client


def _judged(response: httpx.Response) -> Failure | None:
    status = response.status_code
    if response.is_success:
        return None
    if response.has_redirect_location or 300 <= status < 400:
        return Failure(f"HTTP {status}: redirects are not followed", refused=True)
    if status in _LATER or status >= 500:
        asked = response.headers.get("retry-after", "")
        wait = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0.0
        return Failure(f"HTTP {status}", wait=wait)
    return Failure(f"HTTP {status}", refused=True)
