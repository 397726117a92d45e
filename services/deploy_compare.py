"""`dqmstream deploy compare`: a candidate and production side by side in a terminal."""

from typing import Final

import typer

from dqmstream.client import Client
from dqmstream.errors import ConfigurationError
from services.deploying.beside import Pair, compared, counted, is_good
from services.printing import print_json

__all__ = ["compare"]

_LISTED: Final = 50


def compare(
    *,
    name: str,
    run: int,
    lumisections: str | None,
    url: str,
    candidate_url: str,
    token: str,
    json: bool,
) -> int:
    """Compare all elements of a run; 1 if one of both differs, or nothing is in both."""
    with Client(url, token=token) as production:
        beside = candidate_url or _page(production, name)
        with Client(beside, token=token) as candidate:
            pairs = compared(production, candidate, run=run, lumisections=lumisections)
    counts = counted(pairs)
    status = 0 if is_good(counts) else 1
    if json:
        print_json(
            {"run": run, "same": not status, "counts": counts, "elements": pairs, "url": beside}
        )
        return status
    listed = [one for one in pairs if one.says != "same"]
    for one in listed[:_LISTED]:
        typer.echo(_line(one))
    if len(listed) > _LISTED:
        typer.echo(f"and {len(listed) - _LISTED} more; --json has all")
    typer.echo(f"run {run}: " + ", ".join(f"{n} {says}" for says, n in sorted(counts.items())))
    if not counts:
        typer.echo("nothing was compared: neither has elements of this run")
    return status


def _line(one: Pair) -> str:
    ours, theirs = one.entries
    numbers = f", {ours} and {theirs} entries" if ours is not None else ""
    cells = f" in {one.cells} cells" if one.cells else ""
    return f"{one.path}: {one.says}{cells}{numbers}"


def _page(production: Client, name: str) -> str:
    for one in production.get("deployments")["deployments"]:
        if one["name"] == name and one["url"]:
            return str(one["url"])
    msg = f"production knows no running candidate {name}: name its gateway by --candidate-url"
    raise ConfigurationError(msg)
