"""The application: routes, stream, page, and what guards them."""

import mimetypes
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, WebSocket
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dqmstream import __version__
from dqmstream.clock import Clock
from services.gateway.access_gate import AccessGate
from services.gateway.answers import AnswerCache
from services.gateway.asking import Parts
from services.gateway.collector import GatewayCollector
from services.gateway.compression import CompressedAnswers
from services.gateway.heads import HeadAnswers
from services.gateway.metrics import GatewayMetrics
from services.gateway.page_files import PageFiles
from services.gateway.problems import add_problem_answers, problem_answer
from services.gateway.routes import (
    access,
    alarm_record,
    alarm_rules,
    alarms,
    candidates,
    contents,
    deployments,
    displays,
    elements,
    fits,
    ingest,
    layouts,
    login,
    notification_routes,
    operations,
    overlays,
    posted_workspaces,
    quality_tests,
    reference_contents,
    reference_uploads,
    references,
    reports,
    runs,
    series,
    subscriptions,
    summary,
    trends,
)
from services.gateway.routes.elsewhere import elsewhere
from services.gateway.security import GuardedApp

__all__ = ["PAGE", "create_app", "openapi_document"]

PAGE = Path(str(files("services.gateway") / "page"))

_API = "/api/v1"


def _page_files() -> frozenset[str]:
    """Paths that answer with a file of the page."""
    found = {f"/{path.relative_to(PAGE).as_posix()}" for path in PAGE.rglob("*") if path.is_file()}
    return frozenset(found | {"/", "/display"})


# Here, as is all that looks at files: applications are made on the event loop.
_PAGE_FILES: Final = _page_files()

_MODULES: Final = (
    access,
    login,
    runs,
    elements,
    contents,
    fits,
    series,
    trends,
    reports,
    summary,
    references,
    reference_uploads,
    reference_contents,
    overlays,
    posted_workspaces,
    layouts,
    quality_tests,
    displays,
    alarms,
    alarm_record,
    alarm_rules,
    subscriptions,
    notification_routes,
    operations,
    deployments,
    candidates,
    ingest,
)

_ANYWHERE: Final[dict[int | str, dict[str, Any]]] = {
    401: problem_answer("A token is asked for, or the one that came is not in force."),
    403: problem_answer("The token's role is not enough."),
    429: problem_answer("Too many requests of this token or address, or too much on its way."),
}

# Browsers refuse modules and styles of another type, and what a system's own table says varies.
# Reading that table here keeps the first request from doing it on the event loop.
mimetypes.init()
for _type, _suffix in (
    ("text/html", ".html"),
    ("text/javascript", ".js"),
    ("text/css", ".css"),
    ("image/svg+xml", ".svg"),
):
    mimetypes.add_type(_type, _suffix)


def create_app(parts: Parts) -> FastAPI:
    """The ASGI application of a gateway made of these parts.

    Nothing runs by itself: the caller turns `parts.stream.run()` and feeds `parts.view`.
    """
    app = _with_routes()
    app.state.parts = parts
    parts.metrics.registry.register(
        GatewayCollector(
            parts.view,
            parts.desk,
            parts.stream.hub,
            lag=parts.lag,
            wall=parts.clock.wall,
        )
    )

    @app.websocket(f"{_API}/stream")
    async def _stream(websocket: WebSocket) -> None:
        await parts.stream.serve(websocket)

    app.router.routes.append(elsewhere(_API, [module.router for module in _MODULES]))
    app.router.routes.append(Route("/display", _display_page, include_in_schema=False))
    app.mount("/", PageFiles(directory=PAGE, html=True, check_dir=False), name="page")
    app.add_middleware(AnswerCache, view=parts.view, clock=parts.clock)
    app.add_middleware(CompressedAnswers, encoding=parts.encoding)
    # Outside of compression: HEAD gets the headers of an answer that was compressed.
    app.add_middleware(HeadAnswers)
    app.add_middleware(
        AccessGate,
        access=parts.access,
        settings=parts.settings,
        clock=parts.clock,
        metrics=parts.metrics,
        page=_PAGE_FILES,
    )
    app.add_middleware(_Counted, metrics=parts.metrics, clock=parts.clock)
    app.add_middleware(GuardedApp, hosts=parts.settings.hosts)
    return app


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, as any gateway of this release serves it."""
    return _with_routes().openapi()


def _with_routes() -> FastAPI:
    app = FastAPI(
        title="dqmstream gateway",
        version=__version__,
        summary="Current and past MonitorElements, quality reports and runs; events come in.",
        description="Live updates come over the websocket `/api/v1/stream`. Errors are problem "
        "documents (RFC 9457): what came and what was expected. Nobody needs a token to read, "
        "unless the gateway is set so; what writes takes one, in the Authorization header only.",
        openapi_url=f"{_API}/openapi.json",
        # The interactive pages load scripts from elsewhere, which this gateway never does.
        docs_url=None,
        redoc_url=None,
    )
    add_problem_answers(app)
    for module in _MODULES:
        app.include_router(module.router, prefix=_API, responses=_ANYWHERE)
    app.include_router(operations.probes, responses=_ANYWHERE)
    return app


async def _display_page(_: Request) -> Response:
    """The page of single events, under an address without a suffix."""
    return FileResponse(PAGE / "display.html")


def _unrouted(scope: Scope) -> str:
    """What answered where no route did: the gate lets nobody through without saying who asks."""
    return "page" if "caller" in scope else "gate"


class _Counted:
    """Counts requests by route and status, and times them to the first byte."""

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = self._clock.monotonic()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "") or _unrouted(scope)
                self._metrics.requests.labels(route, message["status"]).inc()
                seconds = self._clock.monotonic() - started
                self._metrics.request_seconds.labels(route).observe(seconds)
            await send(message)

        await self._app(scope, receive, counted)
