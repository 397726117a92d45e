"""The service of alarms as a service of a process."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from dqmstream.alarms.rules import AlarmRules, default_rules, read_rules
from dqmstream.errors import ConfigurationError
from dqmstream.quality.declaration import QualityTest
from dqmstream.quality.plugins import load_plugins
from dqmstream.transport.patience import insist
from services.alarms.progress import AlarmsProgress
from services.alarms.service import run_alarms
from services.processes.process import Process, Ready, Service
from services.settings import Settings

__all__ = ["alarms", "chosen_rules"]


def chosen_rules(settings: Settings) -> AlarmRules:
    """Rules of the file that is named, else the shipped ones. Reads it.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, or is wrong.
    """
    if settings.alarm_rules is None:
        return default_rules()
    path = Path(settings.alarm_rules)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"alarm rules {path} cannot be read: {error}"
        raise ConfigurationError(msg) from error
    return read_rules(text, str(path))


def alarms(rules: AlarmRules, tests: Sequence[QualityTest]) -> Service:
    """A service of alarms that goes by these rules, and by the policies of these tests."""
    progress = AlarmsProgress()

    async def start(process: Process, ready: Ready) -> None:
        plugins = await asyncio.to_thread(load_plugins)
        # What it cannot wait for with patience is a start anew, from what it has kept.
        await insist(
            lambda: run_alarms(
                process.log,
                rules,
                tests,
                clock=process.clock,
                ready=ready,
                member=f"{process.name}-alarms",
                progress=progress,
                algorithms=plugins.algorithms,
            ),
            "the service of alarms starts anew",
        )

    return Service(name="alarms", start=start, progress=progress, kind="alarms")
