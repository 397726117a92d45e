"""Who asks: a token in the Authorization header, a role, and what that role may do.

Nobody needs a token to read, unless the settings say so; every route that changes something names
the role it takes. Tokens travel in that header and nowhere else: not in URLs, which end up in logs
and histories, and not in cookies, so that no foreign page can act for somebody who looks at it.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Self

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from dqmstream.clock import Clock
from services.gateway.access_file import follow_tokens, read_tokens
from services.gateway.access_tokens import Role, Tokens
from services.gateway.limits import Rates, client_key
from services.gateway.metrics import GatewayMetrics
from services.gateway.problems import ProblemError, problem_at
from services.gateway.settings import GatewaySettings
from services.gateway.stream import origin_allowed

__all__ = ["ANYBODY", "Access", "AccessGate", "Caller", "requires"]

_REALM: Final = 'Bearer realm="dqmstream"'
_PROBES: Final = frozenset({"/health", "/ready"})
_INGEST: Final = "/api/v1/ingest/"
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of the token, empty without one, and what it may."""

    name: str = ""
    role: Role | None = None
    sources: tuple[str, ...] = ()

    def may(self, wanted: Role) -> bool:
        """Whether the caller's role is enough where `wanted` is asked for."""
        return self.role is not None and self.role.may(wanted)

    def speaks_for(self, source: str) -> bool:
        """Whether the caller's token may send events of a source."""
        return not self.sources or source in self.sources


ANYBODY: Final = Caller()


@dataclass(kw_only=True, slots=True)
class Access:
    """The tokens in force, and the file they come from."""

    tokens: Tokens = field(default_factory=Tokens)
    file: Path | None = None

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """The tokens of a file, which need not be there yet; ConfigurationError if it is none."""
        return cls(tokens=read_tokens(path), file=path)

    async def follow(self) -> None:
        """Keep to what the file holds, for ever."""
        if self.file is not None:
            async for tokens in follow_tokens(self.file, self.tokens):
                self.tokens = tokens
                structlog.get_logger().info("tokens were read again", count=len(tokens.all))

    def caller(self, header: str | None, now: int) -> Caller:
        """Who sends this Authorization header.

        Raises
        ------
        ProblemError
            401 if it holds no token that is in force. Without a header it is anybody.
        """
        if header is None:
            return ANYBODY
        scheme, _, secret = header.partition(" ")
        token = self.tokens.find(secret.strip(), now) if scheme.lower() == "bearer" else None
        if token is None:
            detail = "the Authorization header holds no token that is in force"
            raise ProblemError(
                401, detail, {"www-authenticate": f'{_REALM}, error="invalid_token"'}
            )
        return Caller(token.name, token.role, token.sources)


_scheme = HTTPBearer(auto_error=False, scheme_name="token", description="`dqmstream token new`")


def requires(role: Role) -> Callable[..., Awaitable[Caller]]:
    """A dependency of routes: the caller, whose role is enough.

    Raises
    ------
    ProblemError
        401 without a token, 403 if its role is not enough.
    """

    async def _allowed(
        request: Request,
        _: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)],
    ) -> Caller:
        caller: Caller = request.scope.get("caller", ANYBODY)
        _check(caller, role)
        return caller

    return _allowed


def _check(caller: Caller, role: Role) -> None:
    if caller.role is None:
        detail = f"this takes a token of role {role} or above in the Authorization header"
        raise ProblemError(401, detail, {"www-authenticate": _REALM})
    if not caller.may(role):
        detail = f"the token {caller.name!r} is of role {caller.role}, this takes {role}"
        scope = {"www-authenticate": f'{_REALM}, error="insufficient_scope"'}
        raise ProblemError(403, detail, scope)


class AccessGate:
    """Stands before all routes: says who asks, how often they may, and keeps foreign pages out.

    Parameters
    ----------
    app
        What answers; it finds the caller in `scope["caller"]`.
    access
        The tokens in force.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        settings: GatewaySettings,
        clock: Clock,
        metrics: GatewayMetrics,
    ) -> None:
        limits = settings.limits
        self._app = app
        self._access = access
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
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
        try:
            scope["caller"] = self._admitted(scope)
        except ProblemError as problem:
            self._metrics.refused_requests.labels(str(problem.status)).inc()
            await _refuse(problem, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admitted(self, scope: Scope) -> Caller:
        headers = Headers(scope=scope)
        address = client_key((scope.get("client") or ("", 0))[0])
        try:
            caller = self._access.caller(headers.get("authorization"), self._clock.wall())
        except ProblemError:
            self._pace(f"address {address}")
            raise
        self._pace(f"token {caller.name}" if caller.name else f"address {address}")
        # The routes of ingest name a role of their own, which reads nothing else.
        is_free = scope["path"] in _PROBES or scope["path"].startswith(_INGEST)
        if self._settings.read_needs_token and not is_free:
            _check(caller, Role.VIEWER)
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


async def _refuse(problem: ProblemError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": problem.detail})
            return
        await receive()
    refusal = problem_at(scope["path"], problem.status, problem.detail, headers=problem.headers)
    await refusal(scope, receive, send)
