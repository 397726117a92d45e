"""`dqmstream references save`, and where else a comparison takes the catalogue of a system from."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from dqmstream.clock import SystemClock
from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash
from dqmstream.references.saved import SUFFIX, read_catalogue
from dqmstream.transport.embedded import EmbeddedLog
from services.log import kafka_log
from services.printing import print_json
from services.references.saving import saved_catalogue
from services.settings import Settings
from services.startup import settings_in_force

__all__ = ["catalogue_file", "save"]


def save(*, to: Path, flags: Mapping[str, Any], config: Path | None, json: bool) -> int:
    """Write the catalogue of a log as a file."""
    if not to.parent.is_dir():
        msg = f"{to}: there is no folder {to.parent}"
        raise ConfigurationError(msg)
    body, versions = _catalogue(settings_in_force(flags, config))
    _write(to, body)
    if json:
        return print_json({"file": str(to), "versions": versions, "bytes": len(body)})
    typer.echo(f"{to}: {versions} versions of references, {len(body):,} bytes")
    return 0


def catalogue_file(where: str, cache: Path) -> Path:
    """A file with the catalogue that a word names, in the cache by its content if it is none.

    Parameters
    ----------
    where
        A file of `dqmstream references save`; the folder of `--data`; or Kafka brokers, for which
        the other settings are those of the environment.

    Raises
    ------
    ConfigurationError
        If there is nothing there.
    LogError
        If the log cannot be read.
    """
    place = Path(where)
    if place.is_file():
        read_catalogue(place)  # before anything is run
        return place.resolve()
    if place.is_dir():
        flags: dict[str, object] = {"data": place, "kafka": ""}
    elif ":" in where:
        flags = {"kafka": where}
    else:
        msg = (
            f"references {where}: no such file or folder: expected a file of `dqmstream references "
            "save`, the folder of --data, or brokers (host:port)"
        )
        raise ConfigurationError(msg)
    body, _ = _catalogue(settings_in_force(flags, None))
    folder = cache / "references"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{content_hash(body)}{SUFFIX}"
    _write(file, body)
    return file


def _catalogue(settings: Settings) -> tuple[bytes, int]:
    if not settings.kafka and not (settings.data / "log").is_dir():
        msg = f"no log in {settings.data}: name its folder by --data, or brokers by --kafka"
        raise ConfigurationError(msg)

    async def main() -> tuple[bytes, int]:
        clock = SystemClock()
        # Read as it is: nothing is made that is not there, nor checked against our own settings.
        if settings.kafka:
            async with kafka_log(settings, clock, make=False) as log:
                return await saved_catalogue(log, clock.wall())
        async with EmbeddedLog.open(settings.data / "log", clock=clock) as embedded:
            return await saved_catalogue(embedded, clock.wall())

    return asyncio.run(main())


def _write(file: Path, body: bytes) -> None:
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    part.write_bytes(body)
    part.replace(file)
