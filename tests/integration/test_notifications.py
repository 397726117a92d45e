"""Notifications as a user runs them: processes of their own on Kafka, killed; and all in one."""

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dqmstream.clock import SystemClock
from dqmstream.messages.notifications import Delivery
from dqmstream.messages.topics import ALARMS, DELIVERIES
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key
from dqmstream.transport.log import Log
from dqmstream.transport.outgoing import outgoing
from playback.bench.deployment import Deployment
from playback.bench.program import command, environment
from playback.broker.ports import free_port
from services.log import open_log
from services.settings_layers import load_settings
from tests.notified import step
from tests.receiving import SECRET, Fault, FaultyReceiver, Request

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CLOCK = SystemClock()
FILE = """
allowed = ["http://127.0.0.1:{port}"]

[[receiver]]
name = "log"
kind = "webhook"
url = "http://127.0.0.1:{port}/dqm"
secret_variable = "HOOK_SECRET"
retry_first = 0.05
retry_most = 0.5
timeout = {timeout}

[[subscription]]
name = "all"
receiver = "log"
wait = 0
"""


async def program(settings: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run the program to its end: its status, and what it says."""
    done = await asyncio.to_thread(
        subprocess.run,
        command(arguments),
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def deliveries(log: Log) -> list[Delivery]:
    records = (await latest_by_key(log, DELIVERIES)).values()
    messages = [CODEC.decode(one.headers, one.value) for one in records]
    return [one for one in messages if isinstance(one, Delivery)]


async def until(condition: Callable[[], Any], seconds: float = 120.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 a log has no event to wait for
            await asyncio.sleep(0.1)


async def test_a_notifier_killed_again_and_again_on_kafka_tells_every_step(
    kafka: str, kafka_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL at moments drawn by chance, before a receiver of many faults; what comes twice bears
    the same key."""
    random = Random(3)
    faults: list[Fault] = ["none", "none", "none", "500", "reset", "cut", "hang", "redirect"]

    def choose(request: Request | None) -> Fault:
        return "none" if request is None else random.choice(faults)

    monkeypatch.setenv("HOOK_SECRET", SECRET)
    count, lives = 30, 1
    async with FaultyReceiver.listening(choose) as faulty:
        (tmp_path / "n.toml").write_text(FILE.format(port=faulty.port, timeout=1))
        settings = {
            "kafka": kafka,
            "kafka_prefix": kafka_prefix,
            "data": str(tmp_path / "data"),
            "notifications": str(tmp_path / "n.toml"),
        }
        given = {f"DQMSTREAM_{name.upper()}": value for name, value in settings.items()}
        port = await asyncio.to_thread(free_port)
        system = Deployment(settings, f"http://127.0.0.1:{port}")
        try:
            loaded = (await asyncio.to_thread(load_settings, {}, given)).settings
            async with open_log(loaded, CLOCK) as log:
                await asyncio.to_thread(system.start, "gateway", "serve", port=str(port))
                await asyncio.to_thread(system.start, "life 1", "notify")
                await asyncio.to_thread(system.wait, "life 1")
                for number in range(1, count + 1):
                    made = step(number, when=CLOCK.wall())
                    await log.send([outgoing(ALARMS, 0, made, made.alarm.encode())])
                    if number % 13 == 0:
                        seen = len(faulty.requests)
                        made = step(count + lives, when=CLOCK.wall())
                        await log.send([outgoing(ALARMS, 0, made, made.alarm.encode())])
                        await faulty.until(lambda n=seen: len(faulty.requests) > n, 120.0)  # type: ignore[misc]
                        await asyncio.sleep(random.random() * 0.1)
                        await asyncio.to_thread(system.kill, f"life {lives}")
                        lives += 1
                        await asyncio.to_thread(system.start, f"life {lives}", "notify")
                await asyncio.to_thread(system.wait, f"life {lives}")

                async def all_delivered() -> bool:
                    found = await deliveries(log)
                    return len(found) == count + lives - 1 and {one.state for one in found} == {
                        "delivered"
                    }

                await until(all_delivered)
                told = {one.key: one.step.number for one in await deliveries(log)}
            assert set(faulty.arrived) == set(told)
            assert sorted(told.values()) == list(range(1, count + lives))
            assert faulty.verified(CLOCK.wall() / 1e9, tolerance=600.0)
            await asyncio.to_thread(system.wait, "gateway")
            await _over_the_gateway(system.address, settings, faulty)
        finally:
            await asyncio.to_thread(system.stop)


async def _over_the_gateway(url: str, settings: dict[str, str], faulty: FaultyReceiver) -> None:
    """The commands that people have, with a token of theirs."""
    faulty.choose = lambda _: "none"
    made = ("token", "new", "--role", "expert", "--name", "me")
    _, said = await program({"data": settings["data"]}, *made)
    asking = {"token": said.splitlines()[0], "url": url}

    async def taken() -> bool:
        status, said = await program(asking, "notifications", "test", "all")
        return status == 0 and "all: delivered" in said  # gateways notice tokens within seconds

    await until(taken)
    assert any(key.startswith("trial@") for key in faulty.arrived)
    status, said = await program({"url": url}, "notifications", "list", "--json")
    assert status == 0, said
    listed = json.loads(said)
    assert [one["name"] for one in listed["subscriptions"]] == ["all"]
    assert listed["receivers"][0]["address"] == f"http://127.0.0.1:{faulty.port}"
    status, said = await program({"url": url}, "notifications", "dead", "--json")
    assert (status, json.loads(said)) == (0, {"deliveries": [], "total": 0})
    status, said = await program({"url": url}, "notifications", "disable", "all")
    assert (status, "takes a token of role expert" in said) == (2, True)


async def test_all_in_one_process_tells_and_a_try_before_anything_runs_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    async with FaultyReceiver.listening() as taking:
        file = tmp_path / "n.toml"
        file.write_text(FILE.format(port=taking.port, timeout=60))
        settings = {"notifications": str(file), "data": str(tmp_path / "data")}
        tried = ("notifications", "test", "all", "--here")
        assert await program(settings, *tried) == (0, "all: delivered\n")
        taking.choose = lambda one: "none" if one is None else "500"
        status, said = await program(settings, *tried)
        assert (status, said) == (1, "all: not delivered: HTTP 500\n")
        taking.choose = lambda _: "none"

        refused = {**settings, "notifications": str(tmp_path / "o.toml")}
        (tmp_path / "o.toml").write_text(
            file.read_text().replace('allowed = ["http', 'allowed = ["https')
        )
        status, said = await program(refused, *tried)
        assert (status, "receiver 'log': http://127.0.0.1" in said) == (2, True), said

        arguments = ("run", "--workspaces", "pixel", "--port", "0")
        running = await asyncio.create_subprocess_exec(
            *command(arguments), env=environment(settings), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert running.stdout is not None
            async with asyncio.timeout(150):
                line = (await running.stdout.readline()).decode()
            (url,) = re.findall(r"http://\S+", line)
            made = ("token", "new", "--role", "expert", "--name", "me")
            _, said = await program({"data": settings["data"]}, *made)
            asking = {"token": said.splitlines()[0], "url": url}

            async def taken() -> bool:
                # So long that none is delivered after it was given up, and counted twice.
                status, _ = await program(asking, "notifications", "test", "all", "--wait", "100")
                return status == 0

            await until(taken, 240.0)
            assert sum(taking.arrived.values()) == 2
        finally:
            os.kill(running.pid, signal.SIGINT)
            assert await running.wait() == 0
