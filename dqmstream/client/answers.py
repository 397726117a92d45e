"""What a gateway answered: the value, or why not."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from dqmstream.client.asks import Ask
from dqmstream.client.element import Element
from dqmstream.client.errors import GatewayError, GatewayUnavailableError

__all__ = ["answered", "only", "unavailable"]

T = TypeVar("T")

_TRY_AGAIN = frozenset({429, 502, 503, 504})


def answered(ask: Ask[T], status: int, body: bytes) -> T:
    """The value in an answer.

    Raises
    ------
    GatewayError
        If it is a refusal: with what the gateway says.
    """
    if 200 <= status < 300:
        return ask.read(body)
    msg = f"{ask.path}: {status} {_detail(body)}"
    raise GatewayUnavailableError(msg) if status in _TRY_AGAIN else GatewayError(msg)


def only(path: str, found: Sequence[Element]) -> Element:
    """The one element of an answer."""
    if len(found) != 1:
        msg = f"{path}: {len(found)} elements answered, expected one"
        raise GatewayError(msg)
    return found[0]


def unavailable(url: str, error: Exception) -> GatewayUnavailableError:
    """No answer."""
    return GatewayUnavailableError(
        f"no gateway answers at {url} ({type(error).__name__} {error!s:.200}); "
        "start one with `dqmstream run`"
    )


def _detail(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["detail"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")
