"""What one process of a crash test runs: `dqmstream fill`, `compare`, `record` or `serve` itself.

Only what the command line keeps to itself is replaced: paces, so that what takes minutes in
production takes seconds here, and the rules that a test wants to be wrong.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import typer

from dqmstream.transport import kafka
from dqmstream.transport.log import Log
from services.cli import app
from services.command_line.invoke import invoke
from services.filler.service import run_filler
from services.processes import compare, fill, record
from services.processes.alone import alone
from services.processes.produce import Producing
from services.recorder.batches import BatchSettings
from services.recorder.service import RecorderSettings
from services.settings import Settings
from services.settings_layers import PREFIX, load_settings
from services.shutdown import run_until_stopped
from services.startup import settings_in_force
from tests.crash.echo import echoing
from tests.crash.schedule import Schedule
from tests.crash.world import QUALITY_TESTS, WORKSPACES
from tests.crash.wrong_rules import RIGHT, RULES, Rules
from tests.random_run import RandomRun

__all__ = ["PATIENCE", "Life", "environment_of", "live", "settings_of"]

PATIENCE: Final = {
    "request_timeout": 3.0,
    "delivery_timeout": 6.0,
    "session_timeout": 2.0,
    "rebalance_timeout": 4.0,
}
"""Of the client of Kafka, in seconds: a frozen service is missed while the test still runs."""

_COMMANDS: Final = {
    "filler": ("fill", "filling "),
    "comparator": ("compare", "comparing "),
    "recorder": ("record", "recording "),
    "gateway": ("serve", "page: "),
    "producer": ("", "producing "),
}
"""Which command a service is, and how the line begins that it prints once it is ready."""


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
        """Whether a user's command line starts it; there is none for random sources."""
        return self.schedule.commands and self.kind != "producer"

    @property
    def command(self) -> str:
        """The command of `dqmstream` that it is."""
        return _COMMANDS[self.kind][0]

    @property
    def ready_line(self) -> str:
        """How the line begins that it prints once it is ready."""
        return _COMMANDS[self.kind][1]


def environment_of(life: Life) -> dict[str, str]:
    """The settings of a life as variables, as a user sets them."""
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


def settings_of(life: Life) -> Settings:
    """The same as the services have them."""
    return load_settings({}, environment_of(life)).settings


def live(life: Life) -> int:
    """Run a service until it is done or stopped; the exit status."""
    os.environ.update(environment_of(life))
    _set_paces(life.schedule)
    _set_rules(life)
    try:
        if life.kind == "producer":
            invoke(_produce, life=life)
        else:
            app([life.command])
    except typer.Exit as exit_:
        return exit_.exit_code
    except SystemExit as exit_:
        return int(exit_.code or 0)
    return 0


def _produce(life: Life) -> int:
    settings = settings_in_force({}, None)
    assert life.source is not None
    names = [source.name for source in life.schedule.sources]
    producing = Producing(settings, [[life.source]], speed=1.0, expected=names)
    says = f"producing {life.source.incarnation}"
    return run_until_stopped(lambda: alone(settings, producing.services(), says=says))


# -------------------------------------------------------------- what is replaced


def _set_paces(schedule: Schedule) -> None:
    _replace(kafka, "KafkaSettings", **PATIENCE)
    _replace(fill, "FillerSettings", checkpoint_interval=schedule.checkpoint_interval)
    pace = RecorderSettings(batch=BatchSettings(linger=0.05), idle=1.0)
    _replace(record, "run_recorder", settings=pace)


def _set_rules(life: Life) -> None:
    rules = RULES.get(life.wrong_rule, RIGHT)
    echo = life.schedule.echo if life.service == "filler 0" else 0.0
    _replace(compare, "run_comparator", **rules.comparator)
    if echo or rules.filler:
        fill.run_filler = partial(_fill, rules, echo)  # type: ignore[assignment]


def _replace(module: Any, name: str, **arguments: Any) -> None:
    """Let a module call something with these arguments as well."""
    called: Callable[..., Any] = getattr(module, name)
    setattr(module, name, partial(called, **arguments))


async def _fill(rules: Rules, echo: float, log: Log, *arguments: Any, **named: Any) -> None:
    async with echoing(log, echo) as echoed:
        await run_filler(echoed, *arguments, **named, **rules.filler)
