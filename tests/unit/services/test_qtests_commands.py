"""`dqmstream qtests` against a real gateway and store: what an expert types, and what is said."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import Result
from typer.testing import CliRunner

from dqmstream import AsyncClient, Client
from dqmstream.client import GatewayError
from dqmstream.clock import SystemClock
from dqmstream.errors import ConfigurationError
from dqmstream.quality.declaration import read_tests
from dqmstream.store.store import Store
from dqmstream.transport.memory import MemoryLog
from services.cli import app
from services.gateway.access_tokens import Role
from services.quality_commands import report_of
from tests.filled import make_topics
from tests.ingesting import SECRETS, gateway
from tests.unit.gateway.test_quality_tests import BEFORE, OTHER, RUN, STRICTER, store_run

NOBODY = "http://127.0.0.1:9"
REPORT = f"{RUN}/4/pixel/pixel/charge:dead"


def call(url: str, *arguments: str, role: Role | None = Role.EXPERT) -> Result:
    given = {"DQMSTREAM_URL": url, "DQMSTREAM_TOKEN": SECRETS[role] if role else ""}
    return CliRunner().invoke(app, ["qtests", *arguments], env=given)


class Terminal(NamedTuple):
    url: str
    folder: Path

    async def __call__(
        self, *arguments: str, status: int = 0, role: Role | None = Role.EXPERT
    ) -> str:
        result = await asyncio.to_thread(call, self.url, *arguments, role=role)
        assert result.exit_code == status, result.output
        assert "Traceback" not in result.output
        return result.output

    async def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(await self(*arguments, "--json", status=status))

    def file(self, text: str, name: str = "tests.toml") -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.sqlite'}"
    store_run(url)
    return url


@pytest.fixture
async def terminal(stored: str, tmp_path: Path) -> AsyncIterator[Terminal]:
    log = MemoryLog(SystemClock())
    await make_topics(log, 1)
    store = await asyncio.to_thread(Store, stored)
    tests = await asyncio.to_thread(read_tests, BEFORE, "before")
    async with gateway(log, store=store, tests=tests) as url:
        yield Terminal(url, tmp_path)
    await asyncio.to_thread(store.close)


async def test_tests_are_put_in_force_and_back_by_commands(terminal: Terminal) -> None:
    said = await terminal("history")
    assert "in force are the quality tests that processes were started with" in said
    first, second = terminal.file(BEFORE), terminal.file(STRICTER, "stricter.toml")
    assert "version 1 is in force from the next LS on" in await terminal(
        "activate", first, "--why", "to begin with"
    )
    await terminal("activate", second, "--why", "stricter")
    again = await terminal("activate", second, "--why", "once more", status=2)
    assert "409" in again
    assert "version 2 in force says the same" in again
    back = await terminal("rollback", "--why", "too strict")
    assert "version 3, which is 1 again, is in force" in back
    assert await terminal("show") == BEFORE
    assert await terminal("show", "2") == STRICTER
    assert "what processes were started with" in await terminal(
        "rollback", "--why", "all of it", "--to", "0"
    )
    lines = (await terminal("history")).splitlines()
    assert len(lines) == 5
    assert "by expert: stricter" in lines[1]
    assert ", version 1 again by expert: too strict" in lines[2]
    assert lines[4] == "in force are the quality tests that processes were started with"
    listed = await terminal.json("history")
    assert [one["number"] for one in listed["versions"]] == [1, 2, 3, 4]
    assert (await terminal.json("show", "2"))["why"] == "stricter"


async def test_what_is_not_there_or_not_allowed_is_said(terminal: Terminal) -> None:
    file = terminal.file(BEFORE)
    missing = str(terminal.folder / "none.toml")
    for command in ("check", "dry-run", "activate"):
        why = ("--why", "a slip") if command == "activate" else ()
        said = await terminal(command, missing, *why, status=2)
        assert f"{missing}: cannot be read" in said.replace("\n", "")
        said = await terminal(command, terminal.file("no toml [", "bad.toml"), *why, status=2)
        assert "bad.toml: not TOML" in said.replace("\n", "")
    unknown = terminal.file(BEFORE.replace("DeadChannel", "DeadChanel"), "typo.toml")
    for command, more in (
        ("check", ()),
        ("dry-run", ("--run", str(RUN))),
        ("activate", ("--why", "typo")),
    ):
        said = await terminal(command, unknown, *more, status=2)
        assert "'DeadChanel' is unknown" in said.replace("\n", "")
        assert "did you mean 'DeadChannel'" in said.replace("\n", "")
    for role, needed in (
        (Role.SHIFTER, "of role shifter, this takes expert"),
        (None, "takes a token"),
    ):
        for arguments in (
            ("activate", file, "--why", "not mine"),
            ("rollback", "--why", "not mine"),
            ("dry-run", file, "--run", str(RUN)),
        ):
            assert needed in (await terminal(*arguments, status=2, role=role)).replace("\n", "")
    said = await terminal("show", status=2)
    assert "processes go by what they were started with" in said.replace("\n", "")
    assert "no version 7 of quality tests" in await terminal("show", "7", status=2)
    await terminal("rollback", "--why", "to nothing", "--to", "9", status=2)
    said = await terminal("rollback", "--why", "to nothing", status=2)
    assert "409" in said
    assert "not stored" in await terminal("dry-run", file, "--run", "5", status=2)
    assert f"run {RUN}, 5 LSs" in await terminal("dry-run", file), "the run that began last"


def test_without_a_gateway_each_command_says_where_it_asked(tmp_path: Path) -> None:
    file = tmp_path / "tests.toml"
    file.write_text(BEFORE)
    for arguments in (
        ("dry-run", str(file)),
        ("dry-run", str(file), "--run", "1"),
        ("activate", str(file), "--why", "in vain"),
        ("rollback", "--why", "in vain"),
        ("history",),
        ("show",),
        ("explain", REPORT),
    ):
        result = call(NOBODY, *arguments)
        assert result.exit_code == 2, result.output
        said = result.output.replace("\n", "")
        assert f"no gateway answers at {NOBODY}" in said
        assert "start one with `dqmstream run`" in said


def test_a_file_is_checked_without_a_gateway(tmp_path: Path) -> None:
    file = tmp_path / "tests.toml"
    file.write_text(BEFORE)
    result = call(NOBODY, "check", str(file))
    assert result.exit_code == 0
    assert "2 quality tests, 0 of them switched off" in result.output.replace("\n", "")
    told = json.loads(call(NOBODY, "check", str(file), "--json").output)
    assert (told["tests"], told["of_plugins"]) == (2, [])


async def test_a_dry_run_tells_what_would_change(terminal: Terminal) -> None:
    run = ("--run", str(RUN))
    said = await terminal("dry-run", terminal.file(BEFORE), *run, "--last", "3")
    assert f"run {RUN}, 3 LSs: 0 of 21 verdicts would be others" in said
    said = await terminal("dry-run", terminal.file(OTHER), *run, "--whole")
    assert f"run {RUN}, 5 LSs: " in said
    assert "new: 5 none -> " in said
    assert "  trigger trigger/paths: 5 none -> " in said
    open_too = OTHER.replace('path = "trigger/paths"', 'path = "trigger/paths"\non = "all"')
    said = await terminal("dry-run", terminal.file(open_too), *run)
    assert "note: new: judged here once an LS is closed" in said
    found = await terminal.json("dry-run", terminal.file(STRICTER), *run)
    assert {one["qtname"] for one in found["tests"]} == {"dead"}


async def test_a_report_is_explained_with_its_proof(terminal: Terminal) -> None:
    said = await terminal("explain", REPORT)
    assert f"run {RUN} LS 4 pixel pixel/charge: dead (DeadChannel, lumisection)" in said
    assert "run again it is the same, bit for bit" in said
    for name in ("configuration", "contents", "code", "qtresult", "entries"):
        assert f"\n{name} " in said
    assert "the same" in await terminal("explain", f"{REPORT}@run")
    assert (await terminal.json("explain", f"{RUN}/6/pixel/pixel/charge:three@last:3"))["same"]


async def test_clients_get_summaries_as_the_gateway_tells_them(terminal: Terminal) -> None:
    asked: dict[str, Any] = {"scope": "last:3", "lumisection": 6, "depth": 1, "workspace": "pixel"}
    with Client(terminal.url) as client:
        found = await asyncio.to_thread(client.summary, RUN, **asked)
        assert found == await asyncio.to_thread(client.get, f"runs/{RUN}/summary", **asked)
        newest = await asyncio.to_thread(client.summary, RUN)
    assert found["workspaces"]["pixel"]["cause"]["qtname"] == "three"
    assert (newest["scope"], newest["workspaces"]["pixel"]["lumisection"]) == ("lumisection", 6)
    async with AsyncClient(terminal.url) as other:
        assert await other.summary(RUN, **asked) == found
        with pytest.raises(GatewayError, match="no reports of scope 'last:9'"):
            await other.summary(RUN, scope="last:9")


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (f"{RUN}/4/pixel/pixel/charge", "expected RUN/LS/WORKSPACE/PATH:TEST"),
        (f"{RUN}/x/pixel/pixel/charge:dead", "LS 'x' is no number"),
        (f"{RUN}/4/pixel/pixel/charge:deda", "there are of dead"),
        (f"{RUN}/4/pixel/pixel/none:dead", "has no report on 'pixel/none'"),
        (f"{RUN}/4/pixel/pixel/charge:dead@last:7", "there are of scope last:3, lumisection, run"),
        (f"{RUN}/5/pixel/pixel/charge:dead", "no reports of scope 'lumisection' stored"),
        ("7/4/pixel/pixel/charge:dead", "run 7 is not stored"),
    ],
)
async def test_a_report_that_is_not_there_is_said_not_to_be(
    terminal: Terminal, report: str, said: str
) -> None:
    told = await terminal("explain", report, status=2)
    assert said in told.replace("\n", "")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("1/2/w/a/b:t", ("1", "2", "w", "a/b", "t", "lumisection")),
        ("1/2/w/a/b:t@run", ("1", "2", "w", "a/b", "t", "run")),
        (
            "1/2/w/a:a test @ noon@change:dcs,fill",
            ("1", "2", "w", "a", "a test @ noon", "change:dcs,fill"),
        ),
        ("1/2/w/a:mail@home", ("1", "2", "w", "a", "mail@home", "lumisection")),
    ],
)
def test_a_report_is_written_as_it_is_read(text: str, asked: tuple[str, ...]) -> None:
    run, query = report_of(text)
    names = ("lumisection", "workspace", "path", "qtname", "scope")
    assert (run, *(query[name] for name in names)) == asked


def test_a_report_that_is_no_report_is_refused() -> None:
    for text in ("", ":", "1/2/w:t", "1//w/a:t", "1/2/w/a:"):
        with pytest.raises(ConfigurationError, match="expected RUN/LS/WORKSPACE/PATH:TEST"):
            report_of(text)
