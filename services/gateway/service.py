"""The gateway as a service: the log feeds the view, the view feeds streams and queries."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from dqmstream.alarms.rules import AlarmRules
from dqmstream.clock import Clock
from dqmstream.quality.declaration import QualityTest
from dqmstream.quality.plugins import load_plugins
from dqmstream.store.store import Store
from dqmstream.transport.log import Log
from services.draining import Drain
from services.gateway.access import Access
from services.gateway.alarm_desk import AlarmDesk
from services.gateway.alarm_rules_desk import AlarmRulesDesk
from services.gateway.app import create_app
from services.gateway.archive import Archive
from services.gateway.asking import Parts
from services.gateway.backfill import Backfill
from services.gateway.candidate_comparing import Comparing
from services.gateway.candidate_relay import CandidateRelay
from services.gateway.deflating import deflating
from services.gateway.deployment_desk import DeploymentDesk
from services.gateway.desk import Desk
from services.gateway.formats.encoding import Encoding, Turns
from services.gateway.ingest import Ingest
from services.gateway.intake import Intake
from services.gateway.layout_desk import LayoutDesk
from services.gateway.leaving import LastAnswers, send_streams_away
from services.gateway.library import Library
from services.gateway.limits_pieces import InPieces
from services.gateway.limits_protocol import PunctualProtocol
from services.gateway.live import LiveView
from services.gateway.metrics import GatewayMetrics
from services.gateway.notification_desk import NotificationDesk
from services.gateway.notification_routes_desk import NotificationRoutesDesk
from services.gateway.posted_desk import PostedDesk
from services.gateway.progress import GatewayProgress
from services.gateway.quality_desk import QualityDesk
from services.gateway.readings import Readings
from services.gateway.reference_desk import ReferenceDesk
from services.gateway.settings import GatewaySettings
from services.gateway.stream import Stream
from services.plugins.bounds import WorkerSettings
from services.status.reader import StatusReader
from services.web import serve_until_cancelled
from services.workspaces.limits import PostedLimits

__all__ = ["run_gateway", "serve"]

_BACKFILL_SECONDS: Final = 30.0
_IDLE_SECONDS: Final = 15
"""For which a connection is kept between two questions. Programs with httpx give up theirs after 5,
as uvicorn would: who ends it first must not be this side, or a question that is on its way is
lost."""


async def run_gateway(
    log: Log,
    store: Store | None,
    settings: GatewaySettings,
    *,
    clock: Clock,
    ready: Callable[[], None],
    listener: socket.socket | None = None,
    registry: CollectorRegistry | None = None,
    progress: GatewayProgress | None = None,
    access: Access | None = None,
    ingest_log: Log | None = None,
    tests: Sequence[QualityTest] | None = None,
    workers: WorkerSettings | None = None,
    rules: AlarmRules | None = None,
    limits: PostedLimits | None = None,
    drain: Drain | None = None,
) -> None:
    """Serve until cancelled.

    Parameters
    ----------
    log
        Where histograms, reports, bookings, conditions and heartbeats come from.
    store
        Where older lumisections are; None serves what is in memory only. The caller closes it.
    settings
        Address, pace and limits.
    clock
        Where time comes from.
    ready
        Called once the server listens and the log has been read to its end.
    listener
        A listening socket to serve on, instead of the settings' address.
    registry
        Of the process: what is in it is served too.
    progress
        To keep up to date.
    access
        The tokens in force; default: none, so that nobody can write.
    ingest_log
        Where events that come over HTTP are written: not a patient log, for that it is away is
        the client's business. None takes no events.
    tests
        Quality tests that comparators are started with; None for the shipped ones.
    workers
        Bounds of what runs the tests of plug-ins, when reports are judged again.
    rules
        Alarm rules that the service of alarms is started with; None for the shipped ones.
    limits
        What workspaces may take of memory, and posted ones of time; None for the usual.
    drain
        Whether the process was told to stop, and answers on for some time.
    """
    view, metrics, whole = LiveView(settings), GatewayMetrics(registry), asyncio.Event()
    progress = progress or GatewayProgress()
    archive = None if store is None else Archive(store)
    async with (
        Desk.open() as desk,
        _ingest(ingest_log, settings, clock, metrics) as ingest,
        CandidateRelay(settings.candidates, clock) as relay,
        asyncio.TaskGroup() as tasks,
    ):
        intake = Intake(log, view, desk, clock=clock, metrics=metrics, progress=progress)
        stream = Stream(
            view, desk, settings=settings, clock=clock, metrics=metrics, progress=progress
        )
        references = ReferenceDesk(log, archive, clock)
        plugins = await asyncio.to_thread(load_plugins)
        quality = QualityDesk(
            log, archive, references, clock, tests, plugins=plugins, workers=workers
        )
        notifications, alarms = NotificationDesk(log, clock), AlarmDesk(log, clock)
        notification_routes = NotificationRoutesDesk(log, clock, notifications, alarms)
        alarm_rules = AlarmRulesDesk(log, clock, alarms, quality.policies, rules)
        limits = limits or PostedLimits()
        posted = PostedDesk(log, clock, view, desk, limits)
        library = Library(view, desk, archive)
        layouts = LayoutDesk(log, clock, lambda: library.layouts(None))
        deployments = DeploymentDesk(log)
        readings = Readings(view, desk, archive, settings.limits.queries)
        encoding = Encoding(settings.limits.encodings)
        parts = Parts(
            view=view,
            desk=desk,
            stream=stream,
            library=library,
            readings=readings,
            encoding=encoding,
            streams=Turns(settings.limits.series, settings.limits.series_each),
            settings=settings,
            clock=clock,
            metrics=metrics,
            is_ready=whole.is_set,
            lag=intake.lag,
            drain=drain or Drain(),
            status=StatusReader(log, clock).report,
            access=access or Access(),
            budgets=limits.memory,
            posted=posted,
            ingest=ingest,
            references=references,
            quality=quality,
            notifications=notifications,
            notification_routes=notification_routes,
            alarms=alarms,
            alarm_rules=alarm_rules,
            layouts=layouts,
            deployments=deployments,
            relay=relay,
            comparing=Comparing(relay, library, readings, encoding, clock),
        )
        tasks.create_task(alarms.run(), name="alarms")
        tasks.create_task(alarm_rules.run(), name="alarm rules")
        tasks.create_task(layouts.run(), name="layouts")
        tasks.create_task(deployments.run(), name="deployments")
        tasks.create_task(notifications.run(), name="notifications")
        tasks.create_task(notification_routes.run(), name="notification routes")
        tasks.create_task(posted.run(), name="posted workspaces")
        tasks.create_task(references.run(), name="references")
        tasks.create_task(quality.run(), name="quality tests")
        if parts.access.file is not None:
            tasks.create_task(parts.access.follow(), name="tokens")
        tasks.create_task(_take_in(intake, archive, log), name="intake")
        backfill = None if archive is None else Backfill(view, desk, archive)
        tasks.create_task(_make_whole(intake, backfill, whole), name="whole")
        tasks.create_task(stream.run(), name="stream")
        tasks.create_task(send_streams_away(stream, parts.drain), name="leaving")
        started = asyncio.Event()
        tasks.create_task(serve(parts, started, listener), name="server")
        await started.wait()
        await whole.wait()
        ready()


@asynccontextmanager
async def _ingest(
    log: Log | None, settings: GatewaySettings, clock: Clock, metrics: GatewayMetrics
) -> AsyncIterator[Ingest | None]:
    if log is None:
        yield None
        return
    ingest = Ingest(log, clock=clock, limits=settings.limits, metrics=metrics)
    metrics.ingest_held.set_function(lambda: ingest.budget.bytes)
    try:
        yield ingest
    finally:
        ingest.workers.close()


async def serve(
    parts: Parts, started: asyncio.Event, listener: socket.socket | None = None
) -> None:
    """Answer HTTP and websockets until cancelled; sets `started` when it listens."""
    settings, limits = parts.settings, parts.settings.limits
    config = uvicorn.Config(
        LastAnswers(InPieces(create_app(parts)), parts.drain),
        host=settings.host,
        port=settings.port,
        http=PunctualProtocol,
        lifespan="off",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=1,
        ws=deflating(),
        ws_max_size=limits.message_bytes,
        ws_ping_interval=settings.ping_interval,
        ws_ping_timeout=settings.ping_timeout,
        # Compressing for each client would cost twenty times the sending (see the benchmarks):
        # the protocol of the stream does it once for all.
        ws_per_message_deflate=False,
    )
    await serve_until_cancelled(config, started, listener)


async def _take_in(intake: Intake, archive: Archive | None, log: Log) -> None:
    stored: dict[tuple[str, int], int] = {}
    if archive is not None:
        of_log = await asyncio.to_thread(archive.log)
        if of_log == log.identity:
            stored = dict(await asyncio.to_thread(archive.positions))
        elif of_log is not None:
            structlog.get_logger().warning(
                "the store is of another log: everything in this one is read",
                stored=of_log,
                log=log.identity,
            )
    await intake.run(stored)


async def _make_whole(intake: Intake, backfill: Backfill | None, whole: asyncio.Event) -> None:
    """Take in what the log no longer has, for ever; `whole` once it was looked for, or the store
    does not answer: who comes from another gateway is not to see less than there."""
    await intake.caught_up.wait()
    if backfill is None:
        whole.set()
        return
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(backfill.run(), name="backfill")
        with suppress(TimeoutError):
            async with asyncio.timeout(_BACKFILL_SECONDS):
                await backfill.looked.wait()
        whole.set()
