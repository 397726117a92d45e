"""What one process of a crash test runs: a service as the command line runs it.

The same parts as `services.cli` puts together; what is set besides are the paces that the command
line keeps to itself, so that what takes minutes in production takes seconds here.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import typer

from dqmstream.booking.chunk import decode_chunk
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.transport import kafka
from services.batches import BatchSettings
from services.comparator import run_comparator
from services.filler import FillerProgress, FillerSettings, run_filler
from services.invoke import invoke
from services.judging import ComparatorProgress
from services.logs import set_up_logs
from services.memory import return_freed_memory
from services.processes.alone import alone
from services.processes.fill import Filling
from services.processes.process import Process, Ready, Service
from services.processes.produce import Producing
from services.processes.serve import serving
from services.recorder import RecorderProgress, RecorderSettings, run_recorder
from services.settings import PREFIX, Settings, load_settings
from services.shutdown import run_until_stopped
from tests.crash.echo import echoing
from tests.crash.schedule import Schedule
from tests.crash.world import (
    BOOKINGS,
    QUALITY_TESTS,
    WORKSPACES,
    booking_set,
    quality_tests,
)
from tests.crash.wrong_rules import RIGHT, RULES
from tests.random_run import RandomRun

__all__ = ["PATIENCE", "Life", "environment_of", "live", "settings_of"]

PATIENCE: Final = {
    "request_timeout": 3.0,
    "delivery_timeout": 6.0,
    "session_timeout": 2.0,
    "rebalance_timeout": 4.0,
}
"""Of the client of Kafka, in seconds: a frozen service is missed while the test still runs."""


@dataclass(frozen=True, kw_only=True)
class Life:
    """One start of a service: all that its process is told. `service` is as `filler 1`."""

    service: str
    schedule: Schedule
    servers: str
    prefix: str
    folder: Path
    port: int = 0
    source: RandomRun | None = None
    wrong_rule: str = ""

    @property
    def kind(self) -> str:
        """Which service it is."""
        return self.service.partition(" ")[0]

    @property
    def by_command(self) -> bool:
        """Whether the command line starts it; it knows no random sources."""
        return self.schedule.commands and self.kind != "producer"

    @property
    def command(self) -> tuple[str, ...]:
        """Which command of `dqmstream` starts it."""
        return (_COMMANDS[self.kind][0],)

    @property
    def ready_line(self) -> str:
        """How the line begins that it prints once it is ready."""
        return _COMMANDS[self.kind][1] if self.by_command else f"{self.service} is ready"


_COMMANDS: Final = {
    "filler": ("fill", "filling "),
    "comparator": ("compare", "comparing "),
    "recorder": ("record", "recording "),
    "gateway": ("serve", "page: "),
}


def settings_of(life: Life) -> Settings:
    """Settings of the service of a life."""
    values = environment_of(life)
    return load_settings({}, values).settings


def environment_of(life: Life) -> dict[str, str]:
    """The same as variables, as a user sets them."""
    schedule = life.schedule
    values = {
        "kafka": life.servers,
        "kafka_prefix": life.prefix,
        "data": life.folder,
        "partitions": schedule.partitions,
        "max_open": schedule.max_open,
        "publish_interval": schedule.publish_interval,
        "lumisection_timeout": schedule.lumisection_timeout,
        "run_timeout": schedule.run_timeout,
        "update_interval": 0.1,
        "producer_buffer_seconds": schedule.buffer,
        "port": life.port,
        "quality_tests": QUALITY_TESTS,
        "workspaces": ",".join(WORKSPACES),
        "log_level": "info",
    }
    return {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}


def live(life: Life) -> int:
    """Run a service until it is done or stopped; the exit status."""
    patient = partial(kafka.KafkaSettings, **PATIENCE)
    setattr(kafka, "KafkaSettings", patient)  # noqa: B010 the command line has no setting for it
    settings = settings_of(life)
    set_up_logs(settings.log_level, settings.log_format)
    return_freed_memory()
    try:
        invoke(lambda: run_until_stopped(partial(_live, life, settings)))
    except typer.Exit as exit_:
        return exit_.exit_code
    return 0


async def _live(life: Life, settings: Settings) -> None:
    says = f"{life.service} is ready"
    match life.kind:
        case "producer":
            await alone(settings, _produces(life, settings), says=says)
        case "filler":
            filling = Filling(settings, BOOKINGS)
            await alone(settings, _fills(life), says=says, begin=filling.begin)
        case "comparator":
            await alone(settings, [_comparator(life)], says=says)
        case "recorder":
            await alone(settings, [_recorder()], says=says)
        case _:
            async with serving(settings) as gateway:
                await alone(settings, [gateway.service], says=says)


def _produces(life: Life, settings: Settings) -> Sequence[Service]:
    assert life.source is not None
    names = [source.name for source in life.schedule.sources]
    return Producing(settings, [[life.source]], speed=1.0, expected=names).services()


def _fills(life: Life) -> Sequence[Service]:
    schedule, filled = life.schedule, booking_set(life.schedule)
    progress = FillerProgress()

    async def start(process: Process, ready: Ready) -> None:
        echo = schedule.echo if life.service == "filler 0" else 0.0
        async with echoing(process.bare_log, echo) as log:
            await run_filler(
                log,
                filled,
                await asyncio.to_thread(lambda: [WorkspaceFiller(one) for one in filled.layouts]),
                decode_chunk,
                member=f"{process.name}-{life.service}",
                settings=FillerSettings(
                    publish_interval=schedule.publish_interval,
                    checkpoint_interval=schedule.checkpoint_interval,
                    lumisection_timeout=schedule.lumisection_timeout,
                    run_timeout=schedule.run_timeout,
                ),
                clock=process.clock,
                progress=progress,
                ready=ready,
                **RULES.get(life.wrong_rule, RIGHT).filler,
            )

    return [Service(name=life.service, start=start, progress=progress, kind="filler")]


def _comparator(life: Life) -> Service:
    progress = ComparatorProgress()

    async def start(process: Process, ready: Ready) -> None:
        await run_comparator(
            process.log,
            quality_tests(),
            clock=process.clock,
            ready=ready,
            member=f"{process.name}-comparator",
            progress=progress,
            **RULES.get(life.wrong_rule, RIGHT).comparator,
        )

    return Service(name=life.service, start=start, progress=progress, kind="comparator")


def _recorder() -> Service:
    progress = RecorderProgress()
    settings = RecorderSettings(batch=BatchSettings(linger=0.05), idle=1.0)

    async def start(process: Process, ready: Ready) -> None:
        await run_recorder(
            process.log,
            process.settings.store_url,
            clock=process.clock,
            ready=ready,
            progress=progress,
            settings=settings,
        )

    return Service(name="recorder", start=start, progress=progress, kind="recorder")
