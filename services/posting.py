"""Decisions of people at a terminal, sent to a gateway, which knows them by their token."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import httpx
import msgspec

from dqmstream.client.answers import answered, unavailable
from dqmstream.client.asks import page
from dqmstream.client.connection import Address

__all__ = ["post", "send"]

_TIMEOUT: Final = 300.0
"""Seconds without a byte: what is made of many LSs takes its time."""


def post(
    url: str,
    token: str,
    path: str,
    body: Mapping[str, Any] | bytes,
    *,
    query: Mapping[str, Any] | None = None,
    media_type: str = "application/json",
) -> Any:
    """The JSON answer to a POST request; parameters and errors as for `send`."""
    return send("POST", url, token, path, body, query=query, media_type=media_type)


def send(
    method: Literal["POST", "PUT", "DELETE"],
    url: str,
    token: str,
    path: str,
    body: Mapping[str, Any] | bytes | None = None,
    *,
    query: Mapping[str, Any] | None = None,
    media_type: str = "application/json",
) -> Any:
    """The JSON answer to a request that decides something.

    Parameters
    ----------
    url, token
        Of the gateway, and of the person.
    path
        Below `/api/v1/`.
    body
        A JSON object, or bytes of `media_type`; None sends none.

    Raises
    ------
    GatewayError
        With what the gateway says, if it refuses; GatewayUnavailableError if it does not answer.
    """
    address, asked = Address(url, token), page(path, query or {})
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = {**address.headers, "content-type": media_type}
    try:
        answer = httpx.request(
            method,
            f"{address.url}{asked.path}",
            params=asked.query,
            content=None if body is None else content,
            headers=address.headers if body is None else headers,
            timeout=_TIMEOUT,
        )
    except httpx.HTTPError as error:
        raise unavailable(address.url, error) from error
    return answered(asked, answer.status_code, answer.content)
