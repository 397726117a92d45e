"""`dqmstream deploy status` and `history`: what is deployed, and who did what when."""

from collections.abc import Mapping
from pathlib import Path

import typer

from services.deploying.production import on_log, production
from services.deploying.records import read_steps
from services.deploying.told import STATES, deployment_row, row_of
from services.printing import moment, print_json

__all__ = ["history", "status"]


def status(*, flags: Mapping[str, object], config: Path | None, json: bool) -> int:
    """What is deployed, what is planned, and what runs beside."""
    settings = production(flags, config)
    standing = on_log(settings, read_steps).standing
    current, previous = standing.current, standing.previous
    if json:
        return print_json(
            {
                "current": current.name if current else None,
                "previous": previous.name if previous else None,
                "deployments": [deployment_row(one) for one in standing.deployments.values()],
            }
        )
    if current is None:
        typer.echo("nothing was ever deployed: processes run with what they were started with")
    for one in sorted(standing.deployments.values(), key=lambda each: each.when):
        mark = "* " if current is not None and one.name == current.name else "  "
        url = f", {one.url}" if one.state == "running" and one.url else ""
        typer.echo(
            f"{mark}{one.name}: {STATES.get(one.state, one.state)} since {moment(one.when)} by "
            f"{one.who}: {one.why} ({one.described.hash}, {one.described.release}{url})"
        )
    if previous is not None:
        typer.echo(f"a rollback goes to {previous.name}")
    return 0


def history(*, flags: Mapping[str, object], config: Path | None, json: bool) -> int:
    """Every step: who, what, when, why, from what to what."""
    settings = production(flags, config)
    steps = on_log(settings, read_steps)
    void = set(steps.standing.void)
    rows = [row_of(one) | {"void": one.number in void} for one in steps.versions]
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
