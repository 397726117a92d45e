"""Alarm rules over HTTP: tried on alarms that stand, put in force, taken back; all on record."""

from typing import Any

import httpx
import pytest

from dqmstream.messages.operations import Command
from dqmstream.messages.topics import COMMANDS, CONFIGURATION, QUALITY
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from tests.unit.alarms.told import ALARM, report, reports
from tests.unit.gateway.test_alarms import CLOCK, EXPERT, got, stands, system, until

TESTS = """
[[quality_test]]
name = "spectrum"
algorithm = "ContentsXRange"
path = "**"
parameters = { xmin = 0.0 }
alarm = { bad = 1, of = 1, good = 1 }
"""
ETA = "quality:Muon/eta:spectrum"
MASKS = f'[[inhibit]]\nsource = "{ALARM}"\ntarget = "{ETA}"\n'


async def post(client: httpx.AsyncClient, path: str, body: Any, status: int = 200) -> Any:
    answer = await client.post(path, json=body, headers=EXPERT)
    assert answer.status_code == status, answer.text
    return answer.json()


async def raised(log: Log, client: httpx.AsyncClient) -> None:
    """Two alarms that stand."""
    await post(client, "/quality-tests/activate", {"text": TESTS, "why": "to begin with"})
    await log.send([outgoing(QUALITY, 0, reports(3, report("BAD"), report("BAD", "Muon/eta")))])
    for alarm in (ALARM, ETA):
        await until(lambda alarm=alarm: stands(client, "raised", alarm))


async def test_rules_are_tried_put_in_force_and_taken_back_without_a_restart() -> None:
    log = MemoryLog(CLOCK)
    async with system(log) as client:
        await raised(log, client)
        tried = await post(client, "/alarm-rules/dry-run", {"text": MASKS})
        (standing,) = tried["standing"]
        assert (standing["alarm"], standing["before"], standing["after"]) == (
            ETA,
            "raised",
            "masked",
        )
        assert (tried["calls_before"], tried["calls_after"]) == (2, 1)
        assert [one["alarm"] for one in tried["alarms"]] == [ETA]
        assert await stands(client, "raised", ETA), "nothing is changed by trying"
        assert (await got(client, "/alarm-rules"))["versions"] == []

        version = await post(client, "/alarm-rules/activate", {"text": MASKS, "why": "one cause"})
        assert (version["number"], version["active"]) == (1, True)
        await until(lambda: stands(client, "masked", ETA))

        async def followed() -> bool:
            return bool((await got(client, "/alarm-rules"))["followed"] == 1)

        await until(followed)
        assert (await got(client, "/alarm-rules/versions/active"))["text"] == MASKS
        await post(client, "/alarm-rules/activate", {"text": MASKS, "why": "twice"}, 409)
        back = await post(client, "/alarm-rules/rollback", {"why": "two causes"})
        assert back["restores"] == 0
        await until(lambda: stands(client, "raised", ETA))
        assert (await got(client, "/alarm-rules"))["active"] is None
    said = [
        (one.subject, one.action, one.who, one.why)
        async for record in read_to_end(log, COMMANDS)
        if isinstance(one := CODEC.decode(record.headers, record.value), Command)
    ]
    assert said[1:] == [
        ("configuration/alarm_rules", "activate", "expert", "one cause"),
        ("configuration/alarm_rules", "rollback", "expert", "two causes"),
    ]


@pytest.mark.parametrize(
    ("text", "says"), [("flood_begins = 'x'", "flood_begins"), ("a [", "not TOML"), ("a = 1", "a")]
)
async def test_what_does_not_read_is_neither_tried_nor_put_in_force(text: str, says: str) -> None:
    log = MemoryLog(CLOCK)
    async with system(log) as client:
        body = {"text": text, "why": "a slip"}
        problem = await post(client, "/alarm-rules/activate", body, 422)
        assert "the alarm rules" in problem["detail"]
        assert says in problem["detail"]
        await post(client, "/alarm-rules/dry-run", {"text": text}, 422)
        assert (await client.get("/alarm-rules/versions/active")).status_code == 404
        assert (await log.bounds(CONFIGURATION, 0)).end == 0
