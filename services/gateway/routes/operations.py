"""Routes: is it alive, is it ready, what does it count."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from services.gateway.asking import PROBLEMS, Gateway, answer
from services.gateway.boards import pulse_board
from services.gateway.booked_memory import booked_memory
from services.gateway.held import held_memory
from services.gateway.memory_models import BookedMemoryAnswer, MemoryAnswer
from services.gateway.problems import ProblemError
from services.gateway.process_models import Health, PulseAnswer, Readiness
from services.monitoring.server import metrics_response
from services.status.statuses import StatusReport

__all__ = ["probes", "router"]

_PATIENCE: Final = 10.0

router = APIRouter(tags=["operations"])
probes = APIRouter(tags=["operations"])


@router.get("/pulse", response_model=PulseAnswer, summary="Heartbeats and ages")
async def show_pulse(parts: Gateway) -> Response:
    """Which processes are alive, and how old the live numbers are."""
    state = await parts.stream.ask(pulse_board, parts.view, parts.clock.wall())
    return answer({**state.header, "processes": list(state.rows.values())})


@router.get(
    "/status",
    response_model=StatusReport,
    responses={503: PROBLEMS[503]},
    summary="How the whole system stands",
)
async def show_status(parts: Gateway) -> Response:
    """Topics, services, lag, open lumisections and missing sources, from the log as it is now."""
    try:
        async with asyncio.timeout(_PATIENCE):
            report = await parts.status()
    except TimeoutError as error:
        raise ProblemError(503, f"the log does not answer within {_PATIENCE:.0f} s") from error
    return Response(report.model_dump_json(), media_type="application/json")


@router.get(
    "/memory",
    response_model=MemoryAnswer,
    summary="What the gateway holds in memory",
    responses={422: PROBLEMS[422]},
)
async def show_memory(
    parts: Gateway,
    largest: Annotated[int, Query(ge=0, le=200, description="Elements of each workspace.")] = 5,
) -> Response:
    """Contents of LSs by workspace, and the elements that take most of it."""
    return answer(await parts.desk.ask(held_memory, parts.view, largest))


@router.get(
    "/memory/bookings",
    response_model=BookedMemoryAnswer,
    summary="What plots cost in memory",
    responses={422: PROBLEMS[422]},
)
async def show_booked_memory(
    parts: Gateway,
    workspace: Annotated[
        str, Query(max_length=64, description="Only this workspace; default: all.")
    ] = "",
    largest: Annotated[int, Query(ge=0, le=2_000, description="Elements of each workspace.")] = 20,
) -> Response:
    """By workspace and element: of one LS, with twice the bins, and held by fillers and gateway."""

    def told() -> dict[str, Any]:
        now = parts.clock.wall()
        return booked_memory(parts.view, parts.budgets, now, workspace=workspace, largest=largest)

    return answer(await parts.desk.ask(told))


@probes.get("/health", response_model=Health, summary="The process answers")
async def show_health() -> Response:
    """Always the same, as long as the event loop turns."""
    return JSONResponse({"alive": True})


@probes.get(
    "/ready",
    response_model=Readiness,
    summary="The log has been read",
    responses={503: {"model": Readiness, "description": "Still catching up, or about to stop."}},
)
async def show_readiness(parts: Gateway) -> Response:
    """200 once everything is read that was in the log when the gateway started, and until it is
    told to stop."""
    stopping = parts.drain.begun.is_set()
    ready = parts.is_ready() and not stopping
    body = {"ready": ready, "stopping": stopping, "lag": parts.lag()}
    return JSONResponse(body, 200 if ready else 503)


@probes.get(
    "/metrics",
    summary="Counters for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus text format."}},
)
async def show_metrics(request: Request, parts: Gateway) -> Response:
    """Counters, gauges and histograms of the gateway, and of the process it is in."""
    return await metrics_response(parts.metrics.registry, request.headers.get("accept", ""))
