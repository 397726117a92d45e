"""Who is told of alarms as a whole, over HTTP: tried, put in force, refused, taken back."""

from typing import Any

import httpx
import msgspec
import pytest

from dqmstream.messages.alarms import AlarmState
from dqmstream.messages.topics import ALARM_STATE, CONFIGURATION
from dqmstream.notifications.dry_run import rerouted, step_of
from dqmstream.transport.outgoing import outgoing
from services.gateway import notification_routes_desk
from tests.notified import step, subscription
from tests.receiving import FaultyReceiver
from tests.unit.gateway.test_subscriptions import EXPERT, got, new_log, system, tell, until

NIGHT = """
[[subscription]]
name = "severe"
receiver = "log"
severity = "high"
wait = 0
"""
OTHER = """
[[receiver]]
name = "other"
kind = "webhook"
url = "http://127.0.0.1:1/x"
secret_variable = "OTHER"

[[subscription]]
name = "all"
receiver = "other"
"""
STANDS = AlarmState(
    alarm="quality:Muon/pt:spectrum",
    state="raised",
    since=1,
    run=1,
    lumisection=1,
    kind="quality",
    life="raised",
    severity="medium",
)


async def post(client: httpx.AsyncClient, path: str, body: Any, status: int = 200) -> Any:
    answer = await client.post(f"/notification-routes/{path}", json=body, headers=EXPERT)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_routes_are_tried_put_in_force_and_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notification_routes_desk, "_FOLLOWED_WITHIN", 60.0)
    log = await new_log()
    async with FaultyReceiver.listening() as taking, system(log, taking) as client:

        async def in_force() -> list[tuple[str, str]]:
            found = (await client.get("/subscriptions")).json().get("subscriptions", [])
            return [(one["name"], one["origin"]) for one in found]

        async def is_(expected: list[tuple[str, str]]) -> bool:
            return await in_force() == expected

        await until(lambda: is_([("all", "file")]))
        await log.send([outgoing(ALARM_STATE, 0, STANDS, STANDS.alarm.encode())])
        await tell(log, step(1), step(2, severity="high"), step(3, event="shelved"))

        async def arrived() -> bool:
            return len(taking.arrived) == 2

        await until(arrived)
        tried = await post(client, "dry-run", {"text": NIGHT})
        assert (tried["steps"], tried["changed"], tried["untold"]) == (3, 1, 1)
        assert tried["subscriptions"] == [
            {"name": "all", "before": 2, "after": 0},
            {"name": "severe", "before": 0, "after": 1},
        ]
        (change,) = tried["changes"]
        assert (change["number"], change["no_longer"], change["newly"]) == (1, ["log"], [])
        assert [one["alarm"] for one in tried["standing"]] == [STANDS.alarm]
        assert len(taking.arrived) == 2, "nobody is told by it"

        found = await post(client, "activate", {"text": NIGHT, "why": "night"})
        assert (found["number"], found["problem"]) == (1, "")
        await until(lambda: is_([("severe", "version")]))
        assert (await got(client, "/notification-routes"))["followed"] == 1
        tried = await post(client, "dry-run", {"text": NIGHT})
        assert (tried["changed"], tried["standing"]) == (0, [])
        # What the notifier cannot follow is said at once, and changes nothing.
        found = await post(client, "activate", {"text": OTHER, "why": "others"})
        assert "'OTHER'" in found["problem"]
        listed = await got(client, "/notification-routes")
        assert (listed["active"], listed["followed"]) == (2, 1)
        assert "'OTHER'" in listed["problem"]
        assert await in_force() == [("severe", "version")]
        back = await post(client, "rollback", {"why": "day", "to": 0})
        assert (back["restores"], back["problem"]) == (0, "")
        await until(lambda: is_([("all", "file")]))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("allowed = ['https://example.org']", "allowed"),
        (NIGHT.replace('"log"', '"nobody"'), "nobody"),
        (OTHER.replace("/x", "/x?token=abc"), "url_variable"),
        (NIGHT + NIGHT, "2 times"),
    ],
)
async def test_what_cannot_be_is_not_put_in_force(text: str, says: str) -> None:
    log = await new_log()
    async with FaultyReceiver.listening() as taking, system(log, taking) as client:

        async def there() -> bool:
            return (await client.get("/subscriptions")).status_code == 200

        await until(there)
        problem = await post(client, "activate", {"text": text, "why": "a slip"}, 422)
        assert says in problem["detail"]
        assert (await log.bounds(CONFIGURATION, 0)).end == 0


def test_steps_that_go_where_they_went_are_no_change_whoever_sends_them_there() -> None:
    before = [subscription("a"), subscription("b", receiver="mail", severity="high")]
    after = [subscription("c"), subscription("d", receiver="mail", severity="high", last=True)]
    found = rerouted(before, after, [step(1), step(2, severity="high")])
    assert found.steps == []
    assert dict(found.before) == {"a": 2, "b": 1}
    assert dict(found.after) == {"c": 2, "d": 1}
    found = rerouted(before, after[1:], [step(1), step(2, severity="high")])
    assert [(one.number, lost, gained) for one, lost, gained in found.steps] == [
        (1, ("log",), ()),
        (2, ("log",), ()),
    ]
    assert found.untold == 1


def test_what_is_normal_or_hidden_would_be_told_to_nobody() -> None:
    assert step_of(STANDS) is not None
    assert step_of(msgspec.structs.replace(STANDS, state="shelved")) is None
    assert step_of(msgspec.structs.replace(STANDS, life="normal", state="normal")) is None
