"""Faults and scenarios of the synthetic detector, as a user plays them: found, and only they."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dqmstream.clock import SystemClock
from dqmstream.messages.operations import Conditions
from dqmstream.messages.topics import CONDITIONS
from dqmstream.messages.wire import CODEC
from dqmstream.sources.synthetic import Fill
from dqmstream.store.store import Store
from dqmstream.transport.compacted import read_to_end
from playback.bench.program import command, environment, finished
from services.log import open_log
from services.settings import Settings
from services.settings_layers import load_settings

DEMO = ["demo", "--lumisections", "8", "--rate", "300", "--speed", "0", "--exit", "--json"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def _played(data: Path, *more: str) -> Any:
    answer = finished([*DEMO, *more], {"data": str(data), "port": "0"}, timeout=240)
    return answer["runs"][0]


def test_a_dead_module_and_a_hot_channel_are_reported_within_two_lumisections(
    tmp_path: Path,
) -> None:
    """Both are injected at LS 5; before it nothing is reported."""
    run = _played(tmp_path)
    outcomes = {line["lumisection"]: line["outcomes"] for line in run["lumisections"]}
    assert sorted(outcomes) == list(range(1, 9))
    for lumisection in range(1, 5):
        assert set(outcomes[lumisection]) <= {"GOOD", "INSUFFICIENT"}
    for lumisection in range(6, 9):
        assert outcomes[lumisection]["BAD"] >= 2
    truth = msgspec.json.decode((tmp_path / "truth.json").read_bytes())
    dead, hot = truth["faults"]
    assert dead["quality_tests"][1:] == [
        "pixel dead modules",
        "pixel dead regions",
        "pixel noisy modules",
    ]
    assert "Pixel/Layer1/occupancy" in dead["elements"]
    assert "ecal noisy crystals" in hot["quality_tests"]


def test_a_run_without_faults_has_no_complaint(tmp_path: Path) -> None:
    """Nothing but GOOD, or INSUFFICIENT where the LS has too few entries."""
    run = _played(tmp_path, "--no-faults")
    assert set(run["outcomes"]) <= {"GOOD", "INSUFFICIENT"}
    assert run["outcomes"]["GOOD"] > 0


def test_a_scenario_gives_its_conditions_and_its_truth(tmp_path: Path) -> None:
    """Pile-up and luminosity of its fill, and the prescales that a fault puts in force."""
    arguments = ["demo", "--scenario", "trigger_rate", "--lumisections", "12", "--rate", "20"]
    settings = {"data": str(tmp_path), "port": "0", "workspaces": "hlt"}
    finished([*arguments, "--speed", "0", "--exit", "--json"], settings, timeout=240)
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        (of_set,) = store.sets(407)
        found = {one.lumisection: one for one in store.lumisections(407, set=of_set).items}
    assert sorted(found) == list(range(1, 13))
    truth = msgspec.json.decode((tmp_path / "truth.json").read_bytes())
    fill = Fill(number=9007, initial_pileup=40.0)
    for stated in truth["conditions"]:
        first, last = stated["lumisections"]
        for lumisection in range(first, last + 1):
            conditions = found[lumisection].conditions
            assert conditions is not None
            assert conditions.prescale_index == stated["prescale_index"]
            assert conditions.pileup == pytest.approx(fill.pileup(lumisection))
            assert conditions.luminosity == pytest.approx(fill.luminosity(lumisection))
            assert conditions.fill == 9007
    assert [one["prescale_index"] for one in truth["conditions"]] == [2, 0]
    assert truth["conditions"][1]["lumisections"] == [11, 12]


def _ended(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(arguments),
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "dead_modul"], "or one of dead_module"),
        (["--scenario", "late_source", "--speed", "0"], "expected a --speed above 0"),
        (["--fault", "missing:bu1"], "the sources are synthetic"),
        (["--fault", "dead:pixel:layer7"], "nothing is at 'layer7'"),
        (["x.jsn", "--scenario", "dead_module"], "give either FILES or --scenario"),
    ],
)
def test_what_cannot_be_played_stops_the_start(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    result = _ended("demo", *arguments, "--port", "0", data=str(tmp_path / "data"))
    assert result.returncode == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_scenarios_are_listed_with_what_a_shifter_should_see() -> None:
    listed = msgspec.json.decode(_ended("scenarios", "--json").stdout)["scenarios"]
    assert len(listed) >= 10
    assert {"name", "description", "lumisections", "rate", "sources", "faults"} == set(listed[0])
    text = _ended("scenarios").stdout
    for one in listed:
        assert one["name"] in text
        assert one["description"] in text


async def _conditions(settings: Settings) -> dict[int, Conditions]:
    async with open_log(settings, SystemClock()) as log:
        messages = [
            CODEC.decode(record.headers, record.value)
            async for record in read_to_end(log, CONDITIONS)
        ]
    return {one.lumisection: one for one in messages if isinstance(one, Conditions)}


def test_a_producer_sends_a_scenario_with_its_conditions(kafka: str, kafka_prefix: str) -> None:
    """A process of its own, on a real broker: two sources, of which one sends chunks twice."""
    settings = {"kafka": kafka, "kafka_prefix": kafka_prefix}
    arguments = ["produce", "--synthetic", "--scenario", "repeated_chunks", "--lumisections", "4"]
    rest = ["--rate", "20", "--fault", "prescale:3@2-3", "--speed", "0", "--json"]
    sent = finished([*arguments, *rest], settings, timeout=240)["sent"]
    assert {one["source"]: one["seen"] for one in sent} == {"bu1": 1000, "bu2": 864}
    found = asyncio.run(_conditions(load_settings(settings, {}, None).settings))
    assert {n: one.prescale_index for n, one in found.items()} == {1: 0, 2: 3, 3: 3, 4: 0}
