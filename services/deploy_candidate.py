"""`dqmstream deploy candidate` and `drop`: a deployment beside production, and its end."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import typer

from dqmstream.clock import SystemClock
from dqmstream.deployments.description import Described
from dqmstream.deployments.standing import Deployment
from dqmstream.deployments.step import Step
from dqmstream.errors import ConfigurationError, LogError, LogUnavailableError
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.transport.log import Log
from services.deploying.production import described_there, on_log, production, who
from services.deploying.records import read_steps, take_step
from services.deploying.told import STATES, row_of
from services.log import kafka_log, open_log, remove_log
from services.memory import return_freed_memory
from services.printing import print_json
from services.processes.alone import need_broker
from services.settings import Settings
from services.shutdown import run_until_stopped
from services.startup import chosen_bookings, chosen_tests, settings_in_force
from services.status.reader import StatusReader
from services.system import running_system

__all__ = ["candidate", "drop"]

_DEAD: Final = frozenset({"stale", "stopping"})


def candidate(
    *, name: str, why: str, url: str, flags: Mapping[str, object], config: Path | None
) -> int:
    """Run a planned deployment beside production, in one process, until stopped."""
    if url and not url.startswith(("http://", "https://")):
        msg = f"url {url!r}: expected the address of a page, as https://candidate.example.org"
        raise ConfigurationError(msg)
    ours = production(flags, config)
    need_broker(ours, "deploy candidate")
    settings = settings_in_force({**flags, "candidate": name}, config)
    return_freed_memory()
    clock = SystemClock()

    async def main() -> None:
        async with open_log(ours, clock) as log:
            described = await described_there(ours, log)
            known = (await read_steps(log)).standing.deployments.get(name)
        _check_planned(name, known, described)
        bookings, tests = await asyncio.to_thread(_chosen, settings)
        async with running_system(settings, bookings, tests, clock) as system:
            async with open_log(ours, clock) as log:
                steps = await read_steps(log)
                known = steps.standing.deployments[name]
                if (known.state, known.url) != ("running", url or system.url):
                    await take_step(
                        log,
                        lambda now: Step(
                            deployment=name,
                            action="run",
                            before=now.hash,
                            after=now.hash,
                            url=url or system.url,
                        ),
                        who=who(),
                        why=why or "beside production",
                        clock=clock,
                    )
            typer.echo(f"page: {system.url}")
            typer.echo(f"{name} runs beside production: set {system.booking_set.hash}")
            await system.process.finished.wait()

    return run_until_stopped(main)


def _chosen(settings: Settings) -> tuple[Any, Any]:
    bookings = chosen_bookings(settings)
    return bookings, chosen_tests(settings, bookings)


def _check_planned(name: str, known: Deployment | None, described: Described) -> None:
    if known is None or known.state not in {"planned", "running"}:
        state = "not planned" if known is None else STATES.get(known.state, known.state)
        msg = f"deployment {name} is {state}: `dqmstream deploy plan {name}` says what it changes"
        raise ConfigurationError(msg)
    if known.described.hash != described.hash:
        msg = (
            f"deployment {name} was planned as {known.described.hash} ({known.described.release}), "
            f"what would run here is {described.hash} ({described.release}): plan it again, or "
            "run it with the release and settings it was planned with"
        )
        raise ConfigurationError(msg)


def drop(
    *,
    name: str,
    why: str,
    keep: bool,
    flags: Mapping[str, object],
    config: Path | None,
    json: bool,
) -> int:
    """End a candidate: its topics go, production stays as it is."""
    settings = production(flags, config)
    beside = settings_in_force({**flags, "candidate": name}, config) if settings.kafka else None

    async def on(log: Log) -> ConfigurationVersion:
        if beside is not None and not keep:
            await _check_stopped(beside, name)
        _, version = await take_step(
            log,
            lambda now: Step(deployment=name, action="drop", before=now.hash, after=now.hash),
            who=who(),
            why=why,
            clock=SystemClock(),
        )
        return version

    version = on_log(settings, on)
    removed = [] if beside is None or keep else asyncio.run(remove_log(beside))
    if json:
        return print_json(row_of(version) | {"removed": removed})
    typer.echo(f"step {version.number}: {name} is dropped")
    if removed:
        typer.echo(f"{len(removed)} topics were removed: {beside and beside.namespace}*")
    if beside is not None:
        typer.echo(f"its store is left: {beside.shown_store}")
    return 0


async def _check_stopped(settings: Settings, name: str) -> None:
    """Its processes must have ended: they would fail one by one when their topics go."""
    try:
        async with kafka_log(settings, SystemClock(), make=False) as log:
            report = await StatusReader(log, SystemClock()).report()
    except LogUnavailableError:
        raise
    except LogError:
        return  # it was never run
    alive = sorted({one.process for one in report.services if one.state not in _DEAD})
    if alive:
        msg = (
            f"candidate {name} still runs: {', '.join(alive)}; stop it first, or --keep its topics"
        )
        raise ConfigurationError(msg)
