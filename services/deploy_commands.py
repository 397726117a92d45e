"""`dqmstream deploy`: what is deployed, what is to be, and what runs beside it."""

import asyncio
import getpass
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import typer

from dqmstream.clock import SystemClock
from dqmstream.deployments.changes import changes, summary
from dqmstream.deployments.description import Described
from dqmstream.deployments.standing import Deployment, Standing
from dqmstream.deployments.step import (
    Action,
    ComparisonReport,
    Step,
    check_name,
    read_report,
    read_step,
)
from dqmstream.errors import ConfigurationError
from dqmstream.messages.booking import Activation
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.topics import BOOKINGS
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log
from services.deploying.describing import described_here, references_of
from services.deploying.records import Steps, read_steps, take_step
from services.filler.announcing import activations, next_run, publish_activation
from services.log import kafka_log, open_log, remove_log
from services.memory import return_freed_memory
from services.printing import moment, print_json
from services.processes.alone import need_broker
from services.references.known import KnownCatalogue
from services.settings import Settings
from services.shutdown import run_until_stopped
from services.startup import chosen_bookings, chosen_tests, settings_in_force
from services.status.reader import StatusReader
from services.system import running_system

__all__ = ["candidate", "drop", "history", "plan", "promote", "roll_back", "status"]

T = TypeVar("T")

_REPORT: Final = "report.json"
_STATES: Final[Mapping[str, str]] = {"running": "running beside", "rolled_back": "rolled back"}
_DEAD: Final = frozenset({"stale", "stopping"})


def plan(
    *,
    name: str,
    why: str,
    report: Path | None,
    dry_run: bool,
    flags: Mapping[str, object],
    config: Path | None,
    json: bool,
) -> int:
    """Describe what would run here, say what it changes, and write that down."""
    check_name(name)
    settings = _production(flags, config)
    found = _report(report)

    async def on(log: Log) -> tuple[Step, ConfigurationVersion | None]:
        described = await _described(settings, log)
        standing = (await read_steps(log)).standing
        known = standing.deployments.get(name)
        step = _planned(name, why, described, found, standing)
        same = known is not None and (known.described, known.summary) == (described, step.summary)
        if dry_run or (known is not None and known.state == "planned" and same):
            return step, None
        steps = await take_step(
            log,
            lambda now: _planned(name, why, described, found, now),
            who=_who(),
            why=why,
            clock=SystemClock(),
        )
        return step, steps[1]

    step, version = _on_log(settings, on)
    if json:
        described = step.described
        assert described is not None  # noqa: S101 a plan has one
        return print_json(
            {
                "deployment": name,
                "before": step.before,
                "after": step.after,
                "written": version is not None,
                "summary": step.summary,
                "report": step.report,
                "described": described,
            }
        )
    typer.echo(step.summary)
    if version is None:
        typer.echo(
            "nothing was written: " + ("a dry run" if dry_run else "it is planned like this")
        )
    else:
        typer.echo(f"step {version.number}: {name} is planned")
    return 0


def _planned(
    name: str,
    why: str,
    described: Described,
    report: ComparisonReport | None,
    standing: Standing,
) -> Step:
    current = standing.current
    found = changes(current.described if current else None, described)
    before = current.name if current else ""
    return Step(
        deployment=name,
        action="plan",
        before=standing.hash,
        after=described.hash,
        described=described,
        report=report,
        summary=summary(name, found, before=before, after=described, why=why, report=report),
    )


def candidate(
    *, name: str, why: str, url: str, flags: Mapping[str, object], config: Path | None
) -> int:
    """Run a planned deployment beside production, in one process, until stopped."""
    if url and not url.startswith(("http://", "https://")):
        msg = f"url {url!r}: expected the address of a page, as https://candidate.example.org"
        raise ConfigurationError(msg)
    production = _production(flags, config)
    need_broker(production, "deploy candidate")
    settings = settings_in_force({**flags, "candidate": name}, config)
    return_freed_memory()
    clock = SystemClock()

    async def main() -> None:
        async with open_log(production, clock) as log:
            described = await _described(production, log)
            known = (await read_steps(log)).standing.deployments.get(name)
        _check_planned(name, known, described)
        bookings, tests = await asyncio.to_thread(_chosen, settings)
        async with running_system(settings, bookings, tests, clock) as system:
            async with open_log(production, clock) as log:
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
                        who=_who(),
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
        state = "not planned" if known is None else _STATES.get(known.state, known.state)
        msg = f"deployment {name} is {state}: `dqmstream deploy plan {name}` says what it changes"
        raise ConfigurationError(msg)
    if known.described.hash != described.hash:
        msg = (
            f"deployment {name} was planned as {known.described.hash} ({known.described.release}), "
            f"what would run here is {described.hash} ({described.release}): plan it again, or "
            "run it with the release and settings it was planned with"
        )
        raise ConfigurationError(msg)


def promote(
    *,
    name: str,
    why: str,
    from_run: int | None,
    flags: Mapping[str, object],
    config: Path | None,
    json: bool,
) -> int:
    """Make a deployment the one in force: readers show its set from a run on."""
    return _decide("promote", name, why, from_run=from_run, flags=flags, config=config, json=json)


def roll_back(
    *,
    why: str,
    from_run: int | None,
    flags: Mapping[str, object],
    config: Path | None,
    json: bool,
) -> int:
    """Make the deployment before the one in force again."""
    return _decide("rollback", None, why, from_run=from_run, flags=flags, config=config, json=json)


def _decide(
    action: Action,
    name: str | None,
    why: str,
    *,
    from_run: int | None,
    flags: Mapping[str, object],
    config: Path | None,
    json: bool,
) -> int:
    settings = _production(flags, config)
    clock = SystemClock()

    def step(now: Standing) -> Step:
        one = name if name is not None else (now.current.name if now.current else "")
        if not one:
            msg = "nothing was ever deployed: there is nothing to roll back"
            raise ConfigurationError(msg)
        then = now.deployments.get(one) if action == "promote" else now.previous
        after = then.described.hash if then else ""
        return Step(deployment=one, action=action, before=now.hash, after=after)

    async def on(log: Log) -> tuple[Steps, ConfigurationVersion, int | None]:
        before = (await read_steps(log)).standing.current
        steps, version = await take_step(log, step, who=_who(), why=why, clock=clock)
        shown = await _show(log, steps.standing, before, from_run, who=version.who)
        return steps, version, shown

    steps, version, shown = _on_log(settings, on)
    current = steps.standing.current
    assert current is not None  # noqa: S101 the step made one current
    if json:
        return print_json(_row(version) | {"current": current.name, "from_run": shown})
    typer.echo(f"step {version.number}: {current.name} is deployed ({current.described.hash})")
    if shown is not None:
        typer.echo(f"readers show set {current.described.set} from run {shown} on")
    typer.echo("its processes take over as they are started: gateway and fillers one by one")
    return 0


async def _show(
    log: Log, standing: Standing, before: Deployment | None, from_run: int | None, *, who: str
) -> int | None:
    """Activate the set of what is deployed now; None if it is shown already."""
    current = standing.current
    assert current is not None  # noqa: S101 the step made one current
    known = activations(await latest_by_key(log, BOOKINGS))
    is_same = before is not None and before.described.set == current.described.set
    if is_same and from_run is None and any(one.set == current.described.set for one in known):
        return None
    workspaces = tuple(sorted(current.described.workspaces))
    of_ours = [one for one in known if not set(workspaces).isdisjoint(one.workspaces)]
    run = from_run or await next_run(log, of_ours)
    await publish_activation(
        log,
        Activation(
            set=current.described.set,
            workspaces=workspaces,
            from_run=run,
            who=who,
            when=SystemClock().wall(),
        ),
    )
    return run


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
    settings = _production(flags, config)
    beside = settings_in_force({**flags, "candidate": name}, config) if settings.kafka else None

    async def on(log: Log) -> ConfigurationVersion:
        if beside is not None and not keep:
            await _check_stopped(beside, name)
        _, version = await take_step(
            log,
            lambda now: Step(deployment=name, action="drop", before=now.hash, after=now.hash),
            who=_who(),
            why=why,
            clock=SystemClock(),
        )
        return version

    version = _on_log(settings, on)
    removed = [] if beside is None or keep else asyncio.run(remove_log(beside))
    if json:
        return print_json(_row(version) | {"removed": removed})
    typer.echo(f"step {version.number}: {name} is dropped")
    if removed:
        typer.echo(f"{len(removed)} topics were removed: {beside and beside.namespace}*")
    if beside is not None:
        typer.echo(f"its store is left: {beside.shown_store}")
    return 0


async def _check_stopped(settings: Settings, name: str) -> None:
    """Its processes must have ended: they would fail one by one when their topics go."""
    from dqmstream.errors import LogError  # noqa: PLC0415

    try:
        async with kafka_log(settings, SystemClock(), make=False) as log:
            report = await StatusReader(log, SystemClock()).report()
    except LogError:
        return  # it was never run
    alive = sorted({one.process for one in report.services if one.state not in _DEAD})
    if alive:
        msg = (
            f"candidate {name} still runs: {', '.join(alive)}; stop it first, or --keep its topics"
        )
        raise ConfigurationError(msg)


def status(*, flags: Mapping[str, object], config: Path | None, json: bool) -> int:
    """What is deployed, what is planned, and what runs beside."""
    settings = _production(flags, config)
    standing = _on_log(settings, read_steps).standing
    current, previous = standing.current, standing.previous
    if json:
        return print_json(
            {
                "current": current.name if current else None,
                "previous": previous.name if previous else None,
                "deployments": [_told(one) for one in standing.deployments.values()],
            }
        )
    if current is None:
        typer.echo("nothing was ever deployed: processes run with what they were started with")
    for one in sorted(standing.deployments.values(), key=lambda each: each.when):
        mark = "* " if current is not None and one.name == current.name else "  "
        url = f", {one.url}" if one.state == "running" and one.url else ""
        typer.echo(
            f"{mark}{one.name}: {_STATES.get(one.state, one.state)} since {moment(one.when)} by "
            f"{one.who}: {one.why} ({one.described.hash}, {one.described.release}{url})"
        )
    if previous is not None:
        typer.echo(f"a rollback goes to {previous.name}")
    return 0


def history(*, flags: Mapping[str, object], config: Path | None, json: bool) -> int:
    """Every step: who, what, when, why, from what to what."""
    settings = _production(flags, config)
    steps = _on_log(settings, read_steps)
    void = set(steps.standing.void)
    rows = [_row(one) | {"void": one.number in void} for one in steps.versions]
    if json:
        return print_json(rows)
    for row in rows:
        change = (
            "" if row["before"] == row["after"] else f" {row['before'] or '-'} → {row['after']}"
        )
        verdict = f" [{row['report'].verdict}]" if row["report"] else ""
        note = " (changed nothing)" if row["void"] else ""
        typer.echo(
            f"{row['number']:4} {moment(row['when'])} {row['action']} {row['deployment']}{change}"
            f"{verdict} by {row['who']}: {row['why']}{note}"
        )
    if not rows:
        typer.echo("nothing was ever deployed")
    return 0


# ------------------------------------------------------------------ inside


def _row(version: ConfigurationVersion) -> dict[str, Any]:
    row: dict[str, Any] = {
        "number": version.number,
        "hash": version.hash,
        "who": version.who,
        "why": version.why,
        "when": version.when,
    }
    try:
        step = read_step(version.text)
    except ConfigurationError:  # of a newer release
        return row | {"action": "?", "deployment": "?", "before": "", "after": "", "report": None}
    return row | {
        "action": step.action,
        "deployment": step.deployment,
        "before": step.before,
        "after": step.after,
        "report": step.report,
    }


def _told(one: Deployment) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(one)
    described = row.pop("described")
    return row | {
        "hash": one.described.hash,
        "release": described["release"],
        "set": described["set"],
        "workspaces": sorted(described["workspaces"]),
    }


def _report(folder: Path | None) -> ComparisonReport | None:
    if folder is None:
        return None
    path = folder / _REPORT if folder.is_dir() else folder
    try:
        text = path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigurationError(msg) from error
    return read_report(text, str(path), hashlib.blake2b(text, digest_size=8).hexdigest())


async def _described(settings: Settings, log: Log) -> Described:
    async with KnownCatalogue(log, "deploy").reading() as known:
        references = references_of(known.catalogue)
    return await asyncio.to_thread(described_here, settings, references)


def _production(flags: Mapping[str, object], config: Path | None) -> Settings:
    """Settings of production, also in a shell that runs a candidate."""
    return settings_in_force({**flags, "candidate": ""}, config)


def _on_log(settings: Settings, call: Callable[[Log], Awaitable[T]]) -> T:
    async def main() -> T:
        async with open_log(settings, SystemClock()) as log:
            return await call(log)

    return asyncio.run(main())


def _who() -> str:
    """The person at this terminal, for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
