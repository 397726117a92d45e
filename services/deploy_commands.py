"""`dqmstream deploy plan`, `promote` and `rollback`: what is to be deployed, and what is."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

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
)
from dqmstream.errors import ConfigurationError
from dqmstream.messages.booking import Activation
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.topics import BOOKINGS
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log
from services.deploying.production import described_there, on_log, production, who
from services.deploying.records import Steps, read_steps, take_step
from services.deploying.told import row_of
from services.filler.announcing import activations, next_run, publish_activation
from services.printing import print_json

__all__ = ["plan", "promote", "roll_back"]

_REPORT: Final = "report.json"


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
    settings = production(flags, config)
    found = _report(report)

    async def on(log: Log) -> tuple[Step, ConfigurationVersion | None]:
        described = await described_there(settings, log)
        standing = (await read_steps(log)).standing
        known = standing.deployments.get(name)
        step = _planned(name, why, described, found, standing)
        same = known is not None and (known.described, known.summary) == (described, step.summary)
        if dry_run or (known is not None and known.state == "planned" and same):
            return step, None
        steps = await take_step(
            log,
            lambda now: _planned(name, why, described, found, now),
            who=who(),
            why=why,
            clock=SystemClock(),
        )
        return step, steps[1]

    step, version = on_log(settings, on)
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
    settings = production(flags, config)
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
        steps, version = await take_step(log, step, who=who(), why=why, clock=clock)
        shown = await _show(log, steps.standing, before, from_run, who=version.who)
        return steps, version, shown

    steps, version, shown = on_log(settings, on)
    current = steps.standing.current
    assert current is not None  # noqa: S101 the step made one current
    if json:
        return print_json(row_of(version) | {"current": current.name, "from_run": shown})
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
