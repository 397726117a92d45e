"""What the commands of deployments do first: settings and log of production, and who is there."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

from dqmstream.clock import SystemClock
from dqmstream.deployments.description import Described
from dqmstream.transport.log import Log
from services.deploying.describing import described_here, references_of
from services.log import open_log
from services.references.known import KnownCatalogue
from services.settings import Settings
from services.startup import settings_in_force

__all__ = ["described_there", "on_log", "production", "who"]

T = TypeVar("T")


async def described_there(settings: Settings, log: Log) -> Described:
    """What these settings would run, with the references that stand on the log."""
    async with KnownCatalogue(log, "deploy").reading() as known:
        references = references_of(known.catalogue)
    return await asyncio.to_thread(described_here, settings, references)


def production(flags: Mapping[str, object], config: Path | None) -> Settings:
    """Settings of production, also in a shell that runs a candidate."""
    return settings_in_force({**flags, "candidate": ""}, config)


def on_log(settings: Settings, call: Callable[[Log], Awaitable[T]]) -> T:
    """One call on the log of the settings."""

    async def main() -> T:
        async with open_log(settings, SystemClock()) as log:
            return await call(log)

    return asyncio.run(main())


def who() -> str:
    """The person at this terminal, for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
