"""Alarms as processes of their own on Kafka, killed again and again."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dqmstream.clock import SystemClock
from dqmstream.messages.alarms import AlarmCheckpoint, AlarmState, AlarmTransition
from dqmstream.messages.topics import ALARM_STATE, ALARMS, COMMANDS, QUALITY
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import latest_by_key, read_to_end
from dqmstream.transport.log import Log
from dqmstream.transport.outgoing import outgoing
from playback.bench.deployment import Deployment
from services.alarms.kept import checkpoint_key
from services.log import open_log
from services.settings_layers import load_settings
from tests.unit.alarms.told import ALARM, command, reports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CLOCK = SystemClock()
TESTS = """
[[quality_test]]
name = "spectrum"
algorithm = "DeadChannel"
path = "Muon/*"

[quality_test.alarm]
bad = 1
of = 1
good = 1
latch = true
"""


async def told(log: Log) -> list[AlarmTransition]:
    """Steps of the alarm, in the order they are on the log."""
    found = []
    async for record in read_to_end(log, ALARMS):
        message = CODEC.decode(record.headers, record.value)
        if isinstance(message, AlarmTransition) and message.alarm == ALARM:
            found.append(message)
    return found


async def state(log: Log) -> AlarmState:
    """How the alarm stands."""
    record = (await latest_by_key(log, ALARM_STATE))[ALARM.encode()]
    message = CODEC.decode(record.headers, record.value)
    assert isinstance(message, AlarmState)
    return message


async def positions(log: Log) -> dict[str, int]:
    """Where the last checkpoint stands."""
    record = (await latest_by_key(log, ALARM_STATE)).get(checkpoint_key("alarms"))
    message = None if record is None else CODEC.decode(record.headers, record.value)
    return message.positions if isinstance(message, AlarmCheckpoint) else {}


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(240):
        while not await condition():  # noqa: ASYNC110 a log has no event to wait for
            await asyncio.sleep(0.1)


async def test_alarms_killed_on_kafka_tell_each_step_once_and_without_a_gap(
    kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    """SIGKILL at moments drawn by chance, a second process standing by."""
    random = Random(5)
    (tmp_path / "tests.toml").write_text(TESTS)
    settings = {
        "kafka": kafka,
        "kafka_prefix": kafka_prefix,
        "data": str(tmp_path / "data"),
        "quality_tests": str(tmp_path / "tests.toml"),
    }
    given = {f"DQMSTREAM_{name.upper()}": value for name, value in settings.items()}
    system = Deployment(settings, "http://127.0.0.1:1")
    try:
        loaded = (await asyncio.to_thread(load_settings, {}, given)).settings
        async with open_log(loaded, CLOCK) as log:
            await asyncio.to_thread(system.start, "life 1", "alert")
            await asyncio.to_thread(system.wait, "life 1")
            raised = 0
            for life in (1, 2):
                for _ in range(3):
                    raised += 1
                    bad = reports(2 * raised, outcome="BAD")
                    good = reports(2 * raised + 1, outcome="GOOD")
                    await log.send([outgoing(QUALITY, 0, one, b"set/Muon") for one in (bad, good)])
                    said = command("acknowledge", who=f"life {life}")
                    await log.send([outgoing(COMMANDS, 0, said, said.subject.encode())])
                await asyncio.to_thread(system.start, f"life {life + 1}", "alert")
                await asyncio.sleep(random.random())
                await asyncio.to_thread(system.kill, f"life {life}")
            last = reports(1000, outcome="BAD")
            await log.send([outgoing(QUALITY, 0, last, b"set/Muon")])

            async def over() -> bool:
                """All is taken: steps are told before a checkpoint says so."""
                taken = await positions(log)
                return taken.get(f"{QUALITY}/0", 0) >= 13 and taken.get(f"{COMMANDS}/0", 0) >= 6

            await until(over)
            found, known = await told(log), await state(log)
            assert [one.number for one in found] == list(range(1, known.number + 1))
            assert [one.before for one in found] == ["normal", *(one.after for one in found[:-1])]
            assert found[-1].after == known.state
            assert known.life in {"raised", "acknowledged"}
            assert sum(one.event == "raised" for one in found) == raised + 1
    finally:
        await asyncio.to_thread(system.stop)
