"""What stands before all routes: who asks, how often they may, and which pages may write."""

import math
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from dqmstream.clock import Clock
from services.gateway.access import Access, check_role
from services.gateway.access_tokens import Role
from services.gateway.admission import TOKEN_PREFIX, origin_allowed
from services.gateway.caller import Caller
from services.gateway.limits import Rates, client_key
from services.gateway.metrics import GatewayMetrics
from services.gateway.problems import ProblemError, problem_at
from services.gateway.settings import GatewaySettings

__all__ = ["AccessGate"]

_LOGIN: Final = frozenset(
    f"/api/v1/login{more}" for more in ("", "/callback", "/exchange", "/renew", "/leave")
)
_FREE: Final = frozenset({"/health", "/ready", "/api/v1/me"}) | _LOGIN
"""Routes that answer whoever asks: probes, and those by which one logs in."""
_INGEST: Final = "/api/v1/ingest/"
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class AccessGate:
    """Stands before all routes: says who asks, how often they may, and keeps foreign pages out.

    Parameters
    ----------
    app
        What answers; it finds the caller in `scope["caller"]`.
    access
        The tokens in force.
    page
        Paths of the files of the page. They hold no data: the page itself asks who is there.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        settings: GatewaySettings,
        clock: Clock,
        metrics: GatewayMetrics,
        page: frozenset[str] = frozenset(),
    ) -> None:
        limits = settings.limits
        self._app = app
        self._access = access
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._free = _FREE | page
        self._rates = Rates(
            limits.requests_per_second,
            max(1.0, limits.requests_per_second * limits.burst_seconds),
            limits.rated_clients,
            clock,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        authorization = _authorization(scope)
        try:
            scope["caller"] = self._admitted(scope, authorization)
        except ProblemError as problem:
            self._metrics.refused_requests.labels(str(problem.status)).inc()
            await _refuse(problem, scope, receive, send)
            return
        if scope["type"] == "websocket" and authorization is not None:
            scope["admitted"] = self._goes_on(authorization)
        await self._app(scope, receive, send)

    def _goes_on(self, authorization: str) -> Callable[[], bool]:
        """Whether who opened a stream may still read it: it outlives what is asked but once."""

        def admitted() -> bool:
            try:
                caller = self._access.caller(authorization, self._clock.wall())
                if self._settings.read_needs_token:
                    check_role(caller, Role.VIEWER)
            except ProblemError:
                return False
            return True

        return admitted

    def _admitted(self, scope: Scope, authorization: str | None) -> Caller:
        headers = Headers(scope=scope)
        address = client_key((scope.get("client") or ("", 0))[0])
        try:
            caller = self._access.caller(authorization, self._clock.wall())
        except ProblemError:
            self._pace(f"address {address}")
            raise
        self._pace(f"token {caller.name}" if caller.name else f"address {address}")
        # The routes of ingest name a role of their own, which reads nothing else.
        is_free = scope["path"] in self._free or scope["path"].startswith(_INGEST)
        if self._settings.read_needs_token and not is_free:
            check_role(caller, Role.VIEWER)
        if scope.get("method", "GET") not in _READING:
            origin, host = headers.get("origin"), headers.get("host")
            if not origin_allowed(origin, host, self._settings.allowed_origins):
                raise ProblemError(403, f"a page of {origin!r:.200} may not write here")
        return caller

    def _pace(self, client: str) -> None:
        wait = self._rates.wait(client)
        if wait:
            detail = (
                f"more than {self._settings.limits.requests_per_second:g} requests a second come "
                "from this address or token"
            )
            raise ProblemError(429, detail, {"retry-after": str(math.ceil(wait))})


def _authorization(scope: Scope) -> str | None:
    """What is said of who asks: the header, or the subprotocol of a browser's stream."""
    header = Headers(scope=scope).get("authorization")
    if header is None:
        for offered in scope.get("subprotocols", ()):
            if offered.startswith(TOKEN_PREFIX):
                return f"Bearer {offered.removeprefix(TOKEN_PREFIX)}"
    return header


async def _refuse(problem: ProblemError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": problem.detail})
            return
        await receive()
    refusal = problem_at(scope["path"], problem.status, problem.detail, headers=problem.headers)
    await refusal(scope, receive, send)
