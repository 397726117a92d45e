"""What every answer and every request must keep to: headers of answers, names of the host."""

from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.problems import problem_at

__all__ = ["CONTENT_SECURITY_POLICY", "GuardedApp"]

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

_RAW_HEADERS: Final = tuple(
    (name.encode(), value.encode())
    for name, value in {**_HEADERS, "cache-control": "no-cache"}.items()
)


class GuardedApp:
    """Refuses foreign Host headers, and puts the security headers on every answer.

    Parameters
    ----------
    app
        What answers.
    hosts
        Host names, without a port, that are answered; `*` answers all.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                named = {name.lower() for name, _ in given}
                more = [header for header in _RAW_HEADERS if header[0] not in named]
                message = {**message, "headers": given + more}
            await send(message)

        if self._knows(scope):
            await self._app(scope, receive, guarded)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "unknown host"})
        else:
            detail = "the Host header names no host of this gateway"
            refusal = problem_at(scope["path"], 421, detail)
            await refusal(scope, receive, guarded)

    def _knows(self, scope: Scope) -> bool:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        return "*" in self._hosts or name in self._hosts
