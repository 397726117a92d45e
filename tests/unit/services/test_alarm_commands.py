"""`dqmstream alarms` against a real gateway: what a shifter types, and what is answered."""

import asyncio

from typer.testing import CliRunner

from dqmstream.clock import SystemClock
from dqmstream.messages.alarms import AlarmState, Displayed
from dqmstream.messages.topics import ALARM_STATE
from dqmstream.transport.memory import MemoryLog
from dqmstream.transport.outgoing import outgoing
from services.cli import app
from tests.filled import make_topics
from tests.ingesting import gateway


def state(alarm: str, shown: Displayed) -> AlarmState:
    return AlarmState(
        alarm=alarm,
        state=shown,
        since=1,
        run=7,
        lumisection=3,
        workspace="Muon",
        life="raised",
        level="BAD",
        now="BAD",
    )


async def test_in_a_flood_what_is_in_sight_collapses_and_what_is_hidden_does_not() -> None:
    log = MemoryLog(SystemClock())
    await make_topics(log, 1)
    for one in (
        state("flood:alarms", "raised"),
        state("quality:Muon/pt:spectrum", "raised"),
        state("quality:Muon/eta:spectrum", "raised"),
        state("quality:Muon/phi:spectrum", "shelved"),
    ):
        await log.send([outgoing(ALARM_STATE, 0, one, one.alarm.encode())])
    async with gateway(log) as url:

        async def told(*arguments: str) -> str:
            given = {"DQMSTREAM_URL": url, "COLUMNS": "200"}
            result = await asyncio.to_thread(
                CliRunner().invoke, app, ["alarms", "list", *arguments], env=given
            )
            assert result.exit_code == 0, result.output
            return result.output

        in_sight = await told()
        assert "3 raised, 3 not acknowledged, 1 hidden, FLOOD" in in_sight
        assert "quality:Muon/pt:spectrum" not in in_sight, "one line for the whole LS"
        assert "quality:Muon/pt:spectrum" in await told("--each")
        for shown in ("hidden", "all"):
            assert "shelved medium quality:Muon/phi:spectrum" in await told("--show", shown)
        assert "phi" not in await told("--show", "hidden", "--collapse")
