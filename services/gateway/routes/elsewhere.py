"""What the API has no route for: said by the API, before the page could take it for a file."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from services.gateway.problems import problem_response

__all__ = ["elsewhere"]


def elsewhere(prefix: str, routers: Sequence[APIRouter]) -> Route:
    """The last route under `prefix`: 405 where another method would do, with which; else 404."""
    return Route(f"{prefix}/{{rest:path}}", _Elsewhere(prefix, routers), include_in_schema=False)


class _Elsewhere:
    def __init__(self, prefix: str, routers: Sequence[APIRouter]) -> None:
        self._prefix = prefix
        self._routes: list[Any] = [route for router in routers for route in router.routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        allowed = self._allowed(scope)
        if allowed:
            detail = f"{scope['method']:.20} is not answered here, only {', '.join(allowed)}"
            allow = {"allow": ", ".join(allowed)}
            response = problem_response(request, 405, detail, headers=allow)
        else:
            response = problem_response(request, 404, "Not Found: the API has no such route")
        await response(scope, receive, send)

    def _allowed(self, scope: Scope) -> list[str]:
        path = scope["path"].removeprefix(self._prefix)
        asked = {"type": "http", "path": path, "root_path": "", "method": scope["method"]}
        methods: set[str] = set()
        for route in self._routes:
            if route.matches(asked)[0] is not Match.NONE:
                methods |= set(route.methods or ())
        return sorted(methods | ({"HEAD"} if "GET" in methods else set()))
