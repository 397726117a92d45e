"""Posted workspaces over HTTP and by the commands: tried, put in force, followed, taken back."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from dqmstream.clock import SystemClock
from dqmstream.transport.memory import MemoryLog
from services.cli import app
from services.gateway.access_tokens import Role
from services.monitoring.health import Health
from services.monitoring.heartbeat import beat, standing_of
from tests.filled import make_topics
from tests.ingesting import SECRETS, bearer, gateway
from tests.unit.services.test_posted import PARTITIONS, TEN, TWENTY, Source, filling


class System:
    """A gateway's address, and who sends and fills."""

    def __init__(self, log: MemoryLog, address: str, client: httpx.AsyncClient) -> None:
        self.log = log
        self.address = address
        self.client = client
        self.source = Source(log)

    async def get(self, path: str) -> Any:
        answer = await self.client.get(f"/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = await self.client.post(f"/{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def command(self, *arguments: str) -> str:
        """What `dqmstream workspaces` prints."""
        asking = ["--url", self.address, "--token", SECRETS[Role.EXPERT]]
        run = CliRunner().invoke
        done = await asyncio.to_thread(run, app, ["workspaces", *arguments, *asking])
        assert done.exit_code == 0, done.output
        return " ".join(done.output.split())


@pytest_asyncio.fixture
async def system() -> AsyncIterator[System]:
    log = MemoryLog(SystemClock())
    await make_topics(log, PARTITIONS)
    async with (
        gateway(log) as address,
        httpx.AsyncClient(
            base_url=f"{address}/api/v1", headers=bearer(Role.EXPERT), timeout=60
        ) as client,
    ):
        yield System(log, address, client)


async def test_a_workspace_is_tried_put_in_force_seen_and_taken_back(system: System) -> None:
    await system.source.play(1)
    tried = await system.post("posted-workspaces/dry-run", {"text": TEN})
    assert (tried["workspace"], tried["runs"], tried["events"]) == ("mine", [1], 160)
    assert (tried["problem"], tried["microseconds"] > 0) == ("", True)
    rows = {row["path"]: (row["entries"], row["value"]) for row in tried["elements"]}
    assert rows == {"Mine/x": (160, None), "Mine/n": (None, 160)}
    assert (await system.get("posted-workspaces"))["workspaces"] == []

    version = await system.post("posted-workspaces/activate", {"text": TEN, "why": "a look"})
    assert (version["number"], version["active"], version["after_run"]) == (1, True, 1)
    assert version["notes"]["tried on"].startswith("run 1: 160 events")
    assert "starts" not in version
    async with filling(system.log, "a") as [service]:
        health = Health(SystemClock(), ["posted"])
        beats = beat(
            system.log,
            process="a",
            service="posted",
            clock=SystemClock(),
            standing=lambda: standing_of(service.service().progress),
            health=health,
        )
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(beats)
            await system.source.play(2)
            held = await until_held(system, 2 * 8 * 14)
            await until_followed(system, 1)
            beating.cancel()
    rows = [(row["path"], row["bytes"]) for row in held["elements"]]
    assert rows == [("Mine/n", 130), ("Mine/x", 8 * 14)]
    shown = (await system.get("workspaces?run=2"))["workspaces"]
    assert [row["workspace"] for row in shown] == ["mine"]
    asked = ["memory", "mine", "--held", "--url", system.address]
    done = await asyncio.to_thread(CliRunner().invoke, app, asked)
    assert done.exit_code == 0, done.output
    line = next(one for one in done.output.splitlines() if one.strip().startswith("Mine/x"))
    assert line.split()[:2] == ["Mine/x", "histogram"]
    assert line.split()[-2:] == ["224", "bytes"]
    [row] = (await system.get("posted-workspaces"))["workspaces"]
    assert (row["workspace"], row["active"]["why"], row["versions"]) == ("mine", "a look", 1)

    await system.post("posted-workspaces/activate", {"text": TEN, "why": "twice"}, 409)
    back = await system.post("posted-workspaces/mine/rollback", {"why": "seen"})
    assert (back["restores"], back["active"], back["after_run"]) == (0, False, 2)
    whole = await system.get("posted-workspaces/mine/versions")
    said = [(row["number"], row["who"], row["why"]) for row in whole["versions"]]
    assert (whole["active"], said) == (None, [(1, "expert", "a look"), (2, "expert", "seen")])
    assert (await system.get("posted-workspaces/mine/versions/1"))["text"] == TEN
    for unknown in ("mine/versions/active", "mine/versions/7", "nobody/versions"):
        assert (await system.client.get(f"/posted-workspaces/{unknown}")).status_code == 404


async def until_held(system: System, size: int) -> dict[str, Any]:
    """What the workspace takes, once the gateway has so many bytes of its LSs, which come one by
    one."""
    async with asyncio.timeout(60):
        while True:
            rows = (await system.get("memory/bookings?workspace=mine"))["workspaces"]
            if [row["gateway"] for row in rows] == [size]:
                [held] = rows
                return held
            await asyncio.sleep(0.1)


async def until_followed(system: System, generation: int) -> None:
    async with asyncio.timeout(60):
        while True:
            processes = (await system.get("posted-workspaces"))["processes"]
            if [one["generation"] for one in processes] == [generation]:
                return
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("text", "says"),
    [("a [", "not TOML"), ("a = 1", "workspace"), (TEN.replace("bins = 10", "bins = 0"), "bins")],
)
async def test_what_does_not_read_is_neither_tried_nor_put_in_force(
    system: System, text: str, says: str
) -> None:
    for what, body in (("activate", {"text": text, "why": "a slip"}), ("dry-run", {"text": text})):
        problem = await system.post(f"posted-workspaces/{what}", body, 422)
        assert says in problem["detail"]
    assert (await system.get("posted-workspaces"))["generation"] == 0


async def test_the_commands_say_what_they_have_done(system: System, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(TEN)
    assert "no workspace was ever posted" in await system.command("history")
    await system.source.play(1)
    assert "it fits" in await system.command("dry-run", str(file))
    said = await system.command("activate", str(file), "--why", "a look")
    assert said.startswith("mine: version 1 holds for runs that begin after 1")
    file.write_text(TWENTY)
    await system.command("activate", str(file), "--why", "finer")
    assert await system.command("show", "mine") == " ".join(TWENTY.split())
    back = await system.command("rollback", "mine", "--why", "too fine")
    assert back.startswith("mine: version 3, which is 1 again, holds")
    told = await system.command("history", "mine")
    assert "3 " in told
    assert "version 1 again by expert: too fine (in force)" in told
    every = await system.command("history")
    assert "mine: version 3, for runs after 1, by expert" in every
    assert "nobody fills them" in every
    gone = await system.command("rollback", "mine", "--why", "enough", "--to", "0")
    assert gone.startswith("mine: no such workspace holds for runs")
    rows = json.loads(await system.command("history", "mine", "--json"))["versions"]
    assert [row["restores"] for row in rows] == [None, None, 1, 0]
