"""What is deployed is told over HTTP as the record on the log has it, live."""

import asyncio
from typing import Any

import httpx
import pytest

from dqmstream.deployments.description import Described
from dqmstream.deployments.standing import Standing
from dqmstream.deployments.step import Action, ComparisonReport, Step
from dqmstream.errors import ConfigurationError, LogBorrowedError
from dqmstream.transport.memory import MemoryLog
from services.deploying.records import read_steps, take_step
from services.gateway.patience import log_within
from services.gateway.problems import ProblemError
from services.gateway.settings import GatewaySettings
from tests.filled import make_topics
from tests.ingesting import gateway
from tests.unit.gateway.test_alarms import CLOCK, got, until

SAID = {"who": "expert", "why": "because", "clock": CLOCK}


def step(action: Action, name: str = "v2", **fields: Any):
    """What makes a step of how deployments stand."""
    if action == "plan":
        fields |= {"described": Described(release=name, set=name, workspaces={})}
        fields |= {"summary": f"# Deployment {name}"}

    def make(now: Standing) -> Step:
        return Step(deployment=name, action=action, before=now.hash, **fields)

    return make


async def test_deployments_and_what_they_change_are_told_as_they_come() -> None:
    log = MemoryLog(CLOCK)
    await make_topics(log, 1)
    settings = GatewaySettings(update_interval=0.02)
    async with (
        gateway(log, settings) as url,
        httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60) as client,
    ):
        nothing = await got(client, "/deployments")
        assert (nothing["current"], nothing["deployments"], nothing["candidate"]) == (None, [], "")
        report = ComparisonReport(verdict="same", counts={"elements": 3}, hash="abc")
        await take_step(log, step("plan", report=report), **SAID)
        await take_step(log, step("run", url="https://v2.example.org"), **SAID)

        async def runs_beside() -> bool:
            rows = (await got(client, "/deployments"))["deployments"]
            return [(one["state"], one["url"]) for one in rows] == [
                ("running", "https://v2.example.org")
            ]

        await until(runs_beside)
        assert (await got(client, "/deployments/v2/summary"))["summary"] == "# Deployment v2"
        answer = await client.get("/deployments/v3/summary")
        assert answer.status_code == 404
        assert "no deployment 'v3' was ever planned: there are v2" in answer.text
        await take_step(log, step("promote"), **SAID)

        async def is_current() -> bool:
            return bool((await got(client, "/deployments"))["current"] == "v2")

        await until(is_current)
        told = await got(client, "/deployments")
        assert told["deployments"][0]["report"]["counts"] == {"elements": 3}
        assert told["deployments"][0]["url"] == ""
        assert [one["action"] for one in told["steps"]] == ["plan", "run", "promote"]


async def test_a_candidates_gateway_says_whose_it_is() -> None:
    log = MemoryLog(CLOCK)
    await make_topics(log, 1)
    settings = GatewaySettings(candidate="v2", production_url="https://dqm.example.org")
    async with (
        gateway(log, settings) as url,
        httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60) as client,
    ):
        told = await got(client, "/deployments")
    assert (told["candidate"], told["production"]) == ("v2", "https://dqm.example.org")


async def test_what_production_decides_is_refused_by_a_candidate() -> None:
    async def write() -> None:
        async with log_within(1.0):
            msg = "dqm.references belongs to the system 'cms.'"
            raise LogBorrowedError(msg)

    with pytest.raises(ProblemError) as refused:
        await write()
    assert refused.value.status == 409
    assert "this is decided in production: dqm.references belongs to" in str(refused.value.detail)


async def test_of_two_who_decide_at_once_one_is_told_that_nothing_has_changed() -> None:
    """Both have read the log before either writes."""
    log = MemoryLog(CLOCK)
    await make_topics(log, 1)
    await take_step(log, step("plan"), **SAID)
    tries = (take_step(log, step(action), **SAID) for action in ("promote", "drop"))
    results = await asyncio.gather(*tries, return_exceptions=True)
    failed = [one for one in results if isinstance(one, ConfigurationError)]
    assert len(failed) == 1
    steps = await read_steps(log)
    assert len(steps.versions) - len(steps.standing.void) == 2
    state = steps.standing.deployments["v2"].state
    assert state == ("dropped" if isinstance(results[0], ConfigurationError) else "promoted")
