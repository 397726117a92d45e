"""Alarms over HTTP: how they stand, what is done about them, and by whom."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from dqmstream.alarms.rules import AlarmRules
from dqmstream.clock import SystemClock
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import COMMANDS, QUALITY
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.alarms.service import AlarmsSettings, run_alarms
from services.gateway.access_tokens import Role
from services.gateway.settings import GatewaySettings
from tests.filled import make_topics
from tests.ingesting import bearer, gateway
from tests.unit.alarms.told import ALARM, declared, report, reports

CLOCK = SystemClock()
TESTS = declared('bad = 1, of = 1, good = 1, latch = true, contact = "Ada, 16 5000"')
SHIFTER, EXPERT = bearer(Role.SHIFTER), bearer(Role.EXPERT)


@asynccontextmanager
async def system(log: Log) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway and a service of alarms on a log, and a client of the gateway."""
    await make_topics(log, 1)
    async with (
        gateway(log, GatewaySettings(update_interval=0.02)) as url,
        httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60) as client,
        asyncio.TaskGroup() as tasks,
    ):
        running = run_alarms(
            log,
            AlarmRules(),
            TESTS,
            clock=CLOCK,
            ready=lambda: None,
            settings=AlarmsSettings(patience=0.01, checkpoint_interval=0.05),
        )
        task = tasks.create_task(running)
        yield client
        task.cancel()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 HTTP has no event to wait for
            await asyncio.sleep(0.02)


async def got(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def stands(client: httpx.AsyncClient, state: str, alarm: str = ALARM) -> bool:
    answer = await client.get(f"/alarms/{alarm}")
    return answer.status_code == 200 and answer.json()["state"] == state


async def watched(client: httpx.AsyncClient) -> bool:
    """Whether the service of alarms was heard: it says that it is there after what it found."""
    return not (await got(client, "/alarms"))["summary"]["stale"]


async def test_a_shifter_sees_acknowledges_and_shelves_and_all_is_on_the_record() -> None:
    log = MemoryLog(CLOCK)
    async with system(log) as client:
        bad = reports(3, report("BAD"), report("BAD", "Muon/eta"), run=7)
        await log.send([outgoing(QUALITY, 0, bad)])
        await until(lambda: stands(client, "raised"))
        await until(lambda: stands(client, "raised", "quality:Muon/eta:spectrum"))

        await until(lambda: watched(client))
        found = await got(client, "/alarms")
        assert found["summary"]["raised"] == found["summary"]["unacknowledged"] == 2
        assert found["summary"]["flood"] is found["summary"]["stale"] is False
        assert [
            (one["run"], one["lumisection"], len(one["alarms"])) for one in found["groups"]
        ] == [(7, 3, 2)]
        (first, _) = sorted(found["alarms"], key=lambda one: one["alarm"], reverse=True)
        assert first["alarm"] == ALARM
        assert all(first[name] for name in ("meaning", "action", "contact"))
        assert first["contact"] == "Ada, 16 5000"

        asked = {"alarm": ALARM, "why": "known"}
        for path, status, headers in (
            ("acknowledge", 401, {}),
            ("acknowledge", 403, bearer(Role.VIEWER)),
            ("out-of-service", 403, SHIFTER),
            ("unshelve", 409, SHIFTER),
            ("acknowledge", 200, SHIFTER),
        ):
            answer = await client.post(f"/alarm-actions/{path}", json=asked, headers=headers)
            assert answer.status_code == status, (path, answer.text)
        await until(lambda: stands(client, "acknowledged"))
        again = await client.post("/alarm-actions/acknowledge", json=asked, headers=SHIFTER)
        assert again.status_code == 409
        assert "acknowledged" in again.json()["detail"]

        shelf = {"alarm": "quality:Muon/**", "why": "power cut", "seconds": 3600}
        answer = await client.post("/alarm-actions/shelve", json=shelf, headers=SHIFTER)
        assert len(answer.json()["alarms"]) == 2
        await until(lambda: stands(client, "shelved"))
        assert (await got(client, "/alarms"))["summary"]["hidden"] >= 1
        await until(lambda: stands(client, "shelved", "quality:Muon/eta:spectrum"))
        assert (await got(client, "/alarms", show="raised"))["total"] == 0
        assert (await got(client, "/alarms", show="hidden"))["total"] == 2

        answer = await client.post("/alarm-actions/unshelve", json=asked, headers=SHIFTER)
        assert answer.status_code == 200
        await until(lambda: stands(client, "acknowledged"))
        answer = await client.post("/alarm-actions/out-of-service", json=asked, headers=EXPERT)
        assert answer.status_code == 200
        await until(lambda: stands(client, "out_of_service"))

        history = (await got(client, f"/alarms/{ALARM}/history"))["steps"]
        assert [one["event"] for one in history] == [
            "raised",
            "acknowledged",
            "shelved",
            "unshelved",
            "out_of_service",
        ]
        assert [one["number"] for one in history] == [1, 2, 3, 4, 5]
        assert history[1]["why"] == "known"
        assert history[1]["who"]

    said = [CODEC.decode(one.headers, one.value) async for one in read_to_end(log, COMMANDS)]
    assert [one.action for one in said if isinstance(one, Command)] == [
        "acknowledge",
        "shelve",
        "unshelve",
        "out_of_service",
    ]


async def test_what_is_no_alarm_and_what_is_no_shelf_is_refused() -> None:
    async with system(MemoryLog(CLOCK)) as client:
        assert (await client.get("/alarms/quality:none:none")).status_code == 404
        assert (await client.get("/alarms/quality:none:none/history")).status_code == 404
        for body in (
            {"alarm": ALARM, "seconds": 5},
            {"alarm": ALARM, "why": "", "seconds": 5},
            {"alarm": ALARM, "why": "x", "seconds": -5},
            {"alarm": "", "why": "x", "seconds": 5},
            {"alarm": ALARM, "why": "x", "seconds": 5, "until": 7},
        ):
            answer = await client.post("/alarm-actions/shelve", json=body, headers=SHIFTER)
            assert answer.status_code == 422, body
        asked = {"alarm": "quality:**", "why": "x"}
        answer = await client.post("/alarm-actions/acknowledge", json=asked, headers=SHIFTER)
        assert answer.status_code == 409


async def test_without_a_service_of_alarms_nothing_is_green() -> None:
    log = MemoryLog(CLOCK)
    await make_topics(log, 1)
    async with (
        gateway(log, GatewaySettings()) as url,
        httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60) as client,
    ):
        assert (await got(client, "/alarms"))["summary"]["stale"] is True
