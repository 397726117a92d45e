"""Who is told of alarms, over HTTP: looked at, changed, tried out; and steps of alarms, resumed."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Final

import httpx
from websockets.asyncio.client import connect

from dqmstream.clock import SystemClock
from dqmstream.messages.alarms import AlarmCheckpoint, AlarmState, AlarmTransition
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import ALARM_STATE, ALARMS, COMMANDS
from dqmstream.messages.wire import CODEC
from dqmstream.notifications.declaration import Declared
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.gateway.access_tokens import Role
from services.gateway.alarm_steps import AlarmSteps
from services.gateway.settings import GatewaySettings
from services.notifier.address import Address
from services.notifier.service import NotifierSettings, run_notifier
from services.notifier.webhook import Webhook
from tests.filled import make_topics
from tests.ingesting import bearer, gateway
from tests.notified import receiver, step, subscription
from tests.receiving import SECRET, FaultyReceiver

CLOCK = SystemClock()
EXPERT = bearer(Role.EXPERT)
CHECKPOINT = AlarmCheckpoint(group="a", log="", step=1, positions={}, told=0, when=1)


@asynccontextmanager
async def system(log: Log, taking: FaultyReceiver) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway and a notifier on a log, and a client of the gateway."""
    hook = receiver(retry_first=0.01, retry_most=0.02)
    sender = Webhook(Address(receiver=hook, url=taking.url, secret=SECRET), CLOCK)
    ready = asyncio.Event()
    async with (
        gateway(log, GatewaySettings(update_interval=0.02)) as url,
        client_of(url) as client,
        asyncio.TaskGroup() as tasks,
    ):
        running = tasks.create_task(
            run_notifier(
                log,
                Declared(receivers=(hook,), subscriptions=(subscription(),)),
                {"log": sender},
                clock=CLOCK,
                random=Random(1).random,
                ready=ready.set,
                settings=NotifierSettings(look=0.02),
            )
        )
        await ready.wait()
        yield client
        running.cancel()
        await sender.close()


def client_of(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60)


def stream_of(url: str) -> connect:
    return connect(f"ws{url.removeprefix('http')}/api/v1/stream", open_timeout=60)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 HTTP has no event to wait for
            await asyncio.sleep(0.01)


async def got(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def new_log() -> MemoryLog:
    log = MemoryLog(CLOCK)
    await make_topics(log, 1)
    return log


async def tell(log: Log, *steps: AlarmTransition) -> None:
    await log.send([outgoing(ALARMS, 0, each, each.alarm.encode()) for each in steps])


async def test_a_subscription_is_declared_tried_out_and_ended_over_http() -> None:
    log = await new_log()
    async with FaultyReceiver.listening() as taking, system(log, taking) as client:

        async def names() -> list[str]:
            found = await client.get("/subscriptions")
            rows = found.json().get("subscriptions", [])
            return [each["name"] for each in rows]

        await until(lambda: _is(names, ["all"]))
        body = {"subscription": {"receiver": "log", "severity": "high", "wait": 0}, "why": "night"}
        put = await client.put("/subscriptions/mine", json=body, headers=EXPERT)
        assert put.status_code == 200, put.text
        await until(lambda: _is(names, ["all", "mine"]))
        shown = (await got(client, "/subscriptions"))["subscriptions"][1]
        declaration = shown.pop("declaration")
        assert (declaration["severity"], declaration["wait"]) == ("high", 0.0)
        assert shown == {
            "name": "mine",
            "receiver": "log",
            "declared": {"severity": "high", "wait": "0.0"},
            "enabled": True,
            "origin": "command",
        }

        tried = await client.post("/subscriptions/mine/test", json={}, headers=EXPERT)
        key = tried.json()["key"]

        async def delivered() -> bool:
            rows = (await got(client, "/deliveries", key=key))["deliveries"]
            return [row["state"] for row in rows] == ["delivered"]

        await until(delivered)
        assert list(taking.arrived) == [key]

        await tell(log, step(1, when=CLOCK.wall()))
        await taking.until(lambda: len(taking.arrived) == 2)  # of the one that asks for no more
        gone = await client.delete("/subscriptions/mine", params={"why": "day"}, headers=EXPERT)
        assert gone.status_code == 200
        await until(lambda: _is(names, ["all"]))
        said = [CODEC.decode(one.headers, one.value) async for one in read_to_end(log, COMMANDS)]
        decided = [(one.action, one.who, one.why) for one in said if isinstance(one, Command)]
        who = str(Role.EXPERT)
        assert decided == [
            ("subscribe", who, "night"),
            ("test", who, ""),
            ("unsubscribe", who, "day"),
        ]


async def _is(asked: Callable[[], Awaitable[object]], expected: object) -> bool:
    return await asked() == expected


REFUSED: Final = (
    ("PUT", "mine", {"subscription": {"receiver": "nobody"}}, 422, "'nobody' is not declared"),
    ("PUT", "mine", {"subscription": {"receiver": "log", "x": 1}}, 422, "unknown field"),
    (
        "PUT",
        "mine",
        {"subscription": {"receiver": "log", "alarms": ["regex:("]}},
        422,
        "pattern",
    ),
    ("PUT", "mine", {}, 422, "subscription"),
    ("PUT", "%2Ab", {"subscription": {"receiver": "log"}}, 422, "pattern"),
    ("POST", "nobody/test", {}, 404, "there are: all"),
    ("POST", "all/dance", {}, 422, "enable"),
    ("DELETE", "nobody", None, 404, "there are: all"),
)


async def test_what_is_none_is_refused_with_the_reason() -> None:
    log = await new_log()
    async with FaultyReceiver.listening() as taking, system(log, taking) as client:

        async def told() -> int:
            return (await client.get("/subscriptions")).status_code

        await until(lambda: _is(told, 200))
        for method, path, body, status, problem in REFUSED:
            url = f"/subscriptions/{path}"
            answer = await client.request(method, url, json=body, headers=EXPERT)
            assert (answer.status_code, problem in answer.text) == (status, True), answer.text
    assert (await log.bounds(COMMANDS, 0)).end == 0


async def test_without_a_notifier_nobody_is_told_and_that_is_said() -> None:
    log = await new_log()
    async with gateway(log) as url, client_of(url) as client:
        answer = await client.get("/subscriptions")
        assert (answer.status_code, "no notifier has run" in answer.text) == (404, True)
        assert await got(client, "/deliveries") == {"deliveries": [], "total": 0}


async def test_steps_are_resumed_by_their_sequence() -> None:
    log = await new_log()
    await tell(log, *(step(number) for number in range(1, 8)))
    async with gateway(log) as url, client_of(url) as client:
        first = await got(client, "/alarm-steps", limit=3)
        assert [one["number"] for one in first["steps"]] == [1, 2, 3]
        rest = await got(client, "/alarm-steps", after=first["reached"])
        assert [one["number"] for one in rest["steps"]] == [4, 5, 6, 7]
        assert await got(client, "/alarm-steps", after=rest["reached"]) == {
            "steps": [],
            "reached": rest["reached"],
        }


async def test_the_stream_pushes_each_step_once_and_another_stream_goes_on() -> None:
    """Also where steps come so quickly that several are in one look."""
    log = await new_log()
    seen: dict[int, int] = {}

    async def watch(url: str, count: int) -> None:
        async with stream_of(url) as stream:
            await stream.send(json.dumps({"type": "subscribe", "id": "a", "boards": ["steps"]}))
            while len(seen) < count:
                message = json.loads(await stream.recv())
                if message["type"] not in {"snapshot", "change"}:
                    continue
                rows = message.get("rows", {}).values()
                came = (
                    rows if message["type"] == "snapshot" else [one for row in rows for one in row]
                )
                for row in came:
                    if row["sequence"] > max(seen, default=-1):  # the rest was there before
                        seen[row["sequence"]] = row["number"]

    async with gateway(log, GatewaySettings(update_interval=0.02)) as url, asyncio.timeout(60):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watch(url, 20))
            for number in range(1, 21):
                await tell(log, step(number))
                if number % 7 == 0:
                    await asyncio.sleep(0.03)
        await tell(log, *(step(number) for number in range(21, 31)))
    async with gateway(log, GatewaySettings(update_interval=0.02)) as url, asyncio.timeout(60):
        await watch(url, 30)  # another gateway knows the same sequences
    assert list(seen.values()) == list(range(1, 31))


def test_who_was_away_for_too_long_is_told_so() -> None:
    steps = AlarmSteps(most=3)
    assert steps.board().header == {"oldest": None, "newest": None}
    for number in range(5):
        steps.take(10 + number, step(number + 1))
    steps.take(14, step(5))
    board = steps.board()
    assert board.header == {"oldest": 12, "newest": 14}
    assert list(board.rows) == ["12", "13", "14"]
    assert steps.revision == 5


async def test_the_stream_shows_the_alarms_that_stand() -> None:
    log = await new_log()

    async def keep(alarm: str, state: str, life: str) -> None:
        made = AlarmState(
            alarm=alarm,
            state=state,  # type: ignore[arg-type]
            life=life,  # type: ignore[arg-type]
            since=1,
            run=1,
            lumisection=2,
        )
        await log.send([outgoing(ALARM_STATE, 0, made, alarm.encode())])

    await keep("a", "raised", "raised")
    await keep("b", "normal", "normal")
    await keep("c", "shelved", "normal")
    async with (
        asyncio.timeout(60),
        gateway(log, GatewaySettings(update_interval=0.02)) as url,
        stream_of(url) as stream,
    ):
        await stream.send(json.dumps({"type": "subscribe", "id": "a", "boards": ["alarms"]}))
        snapshot = await _next(stream)
        standing = {name: row["state"] for name, row in snapshot["rows"].items()}
        assert standing == {"a": "raised", "c": "shelved"}
        assert "judged" not in snapshot["rows"]["a"]
        header = {"alarms": 2, "unacknowledged": 1, "hidden": 1, "flood": False, "heard": None}
        assert snapshot["header"] == header
        await keep("a", "normal", "normal")
        change = await _next(stream)
        assert change["rows"] == {"a": []}
        assert change["header"] == {"alarms": [1], "unacknowledged": [0]}
        await log.send([outgoing(ALARM_STATE, 0, CHECKPOINT, b"checkpoint/alarms")])
        (heard,) = (await _next(stream))["header"]["heard"]
        assert abs(heard - SystemClock().wall()) < 60e9


async def _next(stream: Any) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(await stream.recv())
        if message["type"] in {"snapshot", "change"}:
            return message
