"""The record of alarms over HTTP: read backwards with filters, and as alarms stood at a moment."""

from typing import Any

import httpx
import pytest

from dqmstream.alarms.stood import stood_at
from dqmstream.clock import SystemClock
from dqmstream.messages.alarms import AlarmTransition
from dqmstream.messages.topics import ALARMS
from dqmstream.transport.log import Log, Record
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.gateway import alarm_record
from services.gateway.alarm_record import AlarmRecord
from tests.filled import make_topics
from tests.ingesting import gateway
from tests.notified import NOON, SECOND, step


async def new_log(*steps: AlarmTransition) -> Log:
    log = MemoryLog(SystemClock())
    await make_topics(log, 1)
    if steps:
        await log.send([outgoing(ALARMS, 0, one, one.alarm.encode()) for one in steps])
    return log


def client_of(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60)


async def got(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _many(count: int) -> list[AlarmTransition]:
    return [
        step(number, workspace="ecal" if number % 3 == 0 else "Muon", why=f"why {number}")
        for number in range(1, count + 1)
    ]


async def test_steps_are_paged_from_the_newest_back_to_the_first_and_filtered() -> None:
    log = await new_log(*_many(20))
    async with gateway(log) as url, client_of(url) as client:
        path, numbers, before = "/alarm-steps/newest", [], None
        while True:
            query: dict[str, int] = {} if before is None else {"before": before}
            page = await got(client, path, limit=8, **query)
            numbers += [one["number"] for one in page["steps"]]
            before = page["before"]
            if before is None:
                break
        assert numbers == list(range(20, 0, -1))
        ecal = await got(client, path, workspace="ecal", limit=2)
        assert [one["number"] for one in ecal["steps"]] == [18, 15]
        found = await got(client, path, text="WHY 7")
        assert ([one["number"] for one in found["steps"]], found["before"]) == ([7], None)
        assert (await got(client, path, severity="high"))["steps"] == []
        for query in ({"before": "-1"}, {"limit": "0"}, {"severity": "worst"}):
            assert (await client.get(path, params=query)).status_code == 422


async def test_a_filter_that_means_little_is_asked_on_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One answer reads so many records and no more."""
    monkeypatch.setattr(alarm_record, "_BACK", 2)
    monkeypatch.setattr(alarm_record, "_MOST_BACK", 3)
    log = await new_log(*_many(15))
    async with gateway(log) as url, client_of(url) as client:
        page = await got(client, "/alarm-steps/newest", text="why 1", workspace="Muon")
        assert [one["number"] for one in page["steps"]] == [14, 13, 11, 10]
        page = await got(
            client, "/alarm-steps/newest", text="why 1", workspace="Muon", before=page["before"]
        )
        assert page["steps"] == []
        page = await got(
            client, "/alarm-steps/newest", text="why 1", workspace="Muon", before=page["before"]
        )
        assert ([one["number"] for one in page["steps"]], page["before"]) == ([1], None)


async def test_each_step_of_an_alarm_is_told_once_and_those_without_numbers_all() -> None:
    """Records of version 1 have no numbers: each is a step."""
    earlier = [step(0, why=f"why {n}", when=NOON + n) for n in range(3)]
    log = await new_log(*earlier, step(4), step(1, alarm="quality:Muon/eta:full"), step(4), step(5))
    found = await AlarmRecord(log).of_alarm("quality:Muon/pt:pt_not_empty")
    assert [one.number for one in found] == [0, 0, 0, 4, 5]
    assert [one.why for one in found[:3]] == ["why 0", "why 1", "why 2"]


async def test_alarms_are_told_as_they_stood_at_a_moment() -> None:
    steps = [
        step(1, life="raised", level="BAD"),
        step(1, alarm="quality:Muon/eta:full", life="raised", when=NOON + SECOND),
        step(
            2, event="acknowledged", before="raised", after="acknowledged", life="acknowledged",
            when=NOON + 2 * SECOND, who="ada",
        ),
        step(3, event="normal", before="acknowledged", after="normal", when=NOON + 3 * SECOND),
    ]  # fmt: skip
    log = await new_log(*steps)
    async with gateway(log) as url, client_of(url) as client:

        async def stood(at: int) -> list[tuple[str, str, bool]]:
            rows = (await got(client, "/alarm-steps/stood", at=at))["alarms"]
            return [(one["alarm"], one["state"], one["unacknowledged"]) for one in rows]

        first = ("quality:Muon/pt:pt_not_empty", "raised", True)
        second = ("quality:Muon/eta:full", "raised", True)
        assert await stood(NOON - 1) == []
        assert await stood(NOON) == [first]
        assert await stood(NOON + SECOND) == [second, first]
        assert await stood(NOON + 2 * SECOND) == [second, (first[0], "acknowledged", False)]
        assert await stood(NOON + 3 * SECOND) == [second]


def test_steps_that_come_twice_or_in_parts_come_to_the_same() -> None:
    steps = [step(number, after="raised", when=NOON + number) for number in range(1, 6)]
    whole = stood_at(steps, NOON + 4)
    assert {name: (one.step.number, one.since) for name, one in whole.items()} == {
        "quality:Muon/pt:pt_not_empty": (4, NOON + 1)
    }
    again = [*steps[:3], *steps[1:3], *steps[3:]]
    assert stood_at(again, NOON + 4) == whole
    assert stood_at(steps[2:], NOON + 4, stood_at(steps[:2], NOON + 4)) == whole


async def test_what_was_read_once_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question takes what is new, and of the rest the block that its moment is in."""
    read: list[int] = []

    def counted(record: Record, decode: Any = alarm_record._step) -> Any:
        read.append(record.offset)
        return decode(record)

    monkeypatch.setattr(alarm_record, "_step", counted)
    steps = [
        step(
            number // 5 + 1,
            alarm=f"quality:Muon/{number % 5}:full",
            after="normal" if number % 3 == 0 else "raised",
            when=NOON + number * SECOND,
        )
        for number in range(5_000)
    ]
    log = await new_log(*steps)
    record = AlarmRecord(log)

    async def asked(moment: int) -> int:
        """How many records are read for it; the answer is that of reading all."""
        read.clear()
        found = await record.stood(moment)
        stood = stood_at(steps, moment)
        want = {name: one for name, one in stood.items() if not one.is_normal}
        assert [one["alarm"] for one in found] == sorted(want)
        assert [one["since"] for one in found] == [want[name].since for name in sorted(want)]
        assert [one["number"] for one in found] == [want[name].step.number for name in sorted(want)]
        return len(read)

    assert await asked(NOON + 2_500 * SECOND) <= 5_000 + 2_000
    assert await asked(NOON + 2_500 * SECOND) <= 2_000
    assert await asked(NOON + 300 * SECOND) <= 2_000
    assert await asked(NOON + 9_999 * SECOND) == 0
    late = step(2_000, alarm="quality:Muon/2:full", after="raised", when=NOON + 10 * SECOND)
    steps.append(late)
    await log.send([outgoing(ALARMS, 0, late, late.alarm.encode())])
    assert await asked(NOON + 9_999 * SECOND) == 1
    assert await asked(NOON + 20 * SECOND) <= 3_000, "its own block, and that of the late step"
