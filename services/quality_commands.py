"""What `dqmstream qtests` does: it asks a gateway, and tells it what a person decides."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import typer

from dqmstream.client import Client
from dqmstream.errors import ConfigurationError
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.plugins import load_plugins
from services.posting import post
from services.printing import print_json
from services.version_commands import say_versions, text_of, version_named

__all__ = [
    "activate",
    "check",
    "dry_run",
    "explain",
    "history",
    "report_of",
    "roll_back",
]

_SHOWN: Final = 20
_DIFFERS: Final = 1


def check(*, file: Path, json: bool) -> int:
    """Read a file as the comparator reads it."""
    plugins = load_plugins()
    tests = read_tests(text_of(file), str(file), plugins.algorithms)
    brought = sorted({one.algorithm for one in tests} & plugins.sources.keys())
    if json:
        return print_json({"file": str(file), "tests": len(tests), "of_plugins": brought})
    off = sum(not one.enabled for one in tests)
    typer.echo(f"{file}: {len(tests)} quality tests, {off} of them switched off")
    for name in brought:
        typer.echo(f"algorithm {name} is of a plug-in: {plugins.sources[name]}")
    return 0


def dry_run(
    *, file: Path, run: int | None, last: int | None, url: str, token: str, json: bool
) -> int:
    """Say what the tests of a file would say otherwise of what is stored; of all LSs if `last` is
    None."""
    text, number = _checked(file), run
    if number is None:
        with Client(url, token=token) as client:
            number = client.get("runs/current")["run"]["run"]
    asked = {"text": text, "run": number}
    asked |= {"whole": True} if last is None else {"last": last}
    found = post(url, token, "quality-tests/dry-run", asked)
    if json:
        return print_json(found)
    typer.echo(
        f"run {found['run']}, {found['lumisections']} LSs: {found['changed']} of "
        f"{found['changed'] + found['same']} verdicts would be others, of them "
        f"{found['newly_judged']} new and {found['no_longer_judged']} no longer there"
    )
    for note in found["notes"]:
        typer.echo(f"note: {note}")
    for test in found["tests"]:
        typer.echo(f"{test['qtname']}: {_steps(test['steps'])}")
    for element in found["elements"][:_SHOWN]:
        typer.echo(f"  {element['workspace']} {element['path']}: {_steps(element['steps'])}")
    if (more := len(found["elements"]) - _SHOWN) > 0:
        typer.echo(f"  and {more} more elements: --json has them all")
    return 0


def activate(*, file: Path, why: str, url: str, token: str, json: bool) -> int:
    """Put the tests of a file in force."""
    text = _checked(file)
    return _told(post(url, token, "quality-tests/activate", {"text": text, "why": why}), json=json)


def roll_back(*, to: int | None, why: str, url: str, token: str, json: bool) -> int:
    """Put earlier tests in force again."""
    return _told(post(url, token, "quality-tests/rollback", {"to": to, "why": why}), json=json)


def history(*, url: str, token: str, json: bool) -> int:
    """List versions, the oldest first."""
    with Client(url, token=token) as client:
        found = client.get("quality-tests")
    if json:
        return print_json(found)
    say_versions(found["versions"])
    if found["active"] is None:
        typer.echo("in force are the quality tests that processes were started with")
    return 0


def explain(*, report: str, url: str, token: str, json: bool) -> int:
    """Run the test of a report again; 1 if it does not say the same."""
    run, asked = report_of(report)
    with Client(url, token=token) as client:
        found = client.get(f"runs/{run}/explain", **asked)
    if json:
        print_json(found)
        return 0 if found["same"] else _DIFFERS
    then, again = found["report"], found["again"] or {}
    typer.echo(
        f"run {found['run']} LS {found['lumisection']} {found['workspace']} {then['path']}: "
        f"{then['qtname']} ({then['algorithm']}, {found['scope']})"
    )
    for name, value in found["proof"].items():
        typer.echo(f"{name:18} {_plain(value)}")
    for name, value in then.items():
        if name in {"path", "qtname", "algorithm"} or value in (None, "", []):
            continue
        typer.echo(f"{name:18} {_plain(value)}")
        if name in found["differs"]:
            typer.echo(f"{'  again':18} {_plain(again.get(name))}")
    for note in found["notes"]:
        typer.echo(f"not as it was: {note}")
    said = "the same, bit for bit" if found["same"] else f"another: {', '.join(found['differs'])}"
    typer.echo(f"run again it is {said}")
    return 0 if found["same"] else _DIFFERS


def report_of(text: str) -> tuple[str, dict[str, str]]:
    """The run and the query of a report written `RUN/LS/WORKSPACE/PATH:TEST[@SCOPE]`.

    Raises
    ------
    ConfigurationError
        If it is not written so.
    """
    place, colon, test = text.partition(":")
    parts = place.split("/", 3)
    if not colon or len(parts) < 4 or not all(parts) or not test:
        msg = f"report {text!r:.300}: expected RUN/LS/WORKSPACE/PATH:TEST or with @SCOPE after it"
        raise ConfigurationError(msg)
    run, lumisection, workspace, path = parts
    if not lumisection.isdecimal():
        msg = f"report {text!r:.300}: LS {lumisection!r} is no number"
        raise ConfigurationError(msg)
    name, _, scope = test.rpartition("@")
    if not name or not scope.startswith(("lumisection", "run", "last:", "change:")):
        name, scope = test, "lumisection"
    asked = {"lumisection": lumisection, "workspace": workspace, "path": path}
    return run, {**asked, "qtname": name, "scope": scope}


def _told(row: Mapping[str, Any], *, json: bool) -> int:
    if json:
        return print_json(row)
    typer.echo(f"{version_named(row)} is in force from the next LS on ({row['hash']})")
    return 0


def _steps(steps: list[dict[str, Any]]) -> str:
    return ", ".join(
        f"{step['count']} {step['before'] or 'none'} -> {step['after'] or 'none'}" for step in steps
    )


def _checked(file: Path) -> str:
    """The text of a file that is TOML: what else is wrong with it the gateway says, which knows the
    plug-ins that count."""
    text = text_of(file)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{file}: not TOML: {error}"
        raise ConfigurationError(msg) from error
    return text


def _plain(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
