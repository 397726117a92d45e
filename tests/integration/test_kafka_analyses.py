"""Analyses and displays as processes of their own on a real Kafka, and the analyser killed."""

import asyncio
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dqmstream.clock import SystemClock
from dqmstream.messages.checkpoints import AnalyserCheckpoint
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import CHECKPOINTS, HISTOGRAMS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from playback.bench.deployment import deployed
from playback.bench.program import command, environment, finished
from services.log import open_log
from services.settings import Settings
from tests.integration.test_kafka import closed, contents_in_log, contents_in_store, get, wait_for
from tests.integration.test_kafka import loaded as settings_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PATIENCE = 240
LENGTH = 6
PLAN = """
seed = 7
run = 380100
events = 60
"""
RUN = 380100
WORKSPACES = "beam_spot,dqm_stream"


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A run of made-up events, a file for each LS."""
    (tmp_path / "plan.toml").write_text(PLAN)
    plan, folder = str(tmp_path / "plan.toml"), str(tmp_path / "files")
    arguments = ["makeup", folder, "--plan", plan, "--lumisections", str(LENGTH), "--json"]
    return [str(name) for name in finished(arguments, {}, timeout=PATIENCE)["files"]]


async def _written(settings: Settings) -> tuple[set[int], int, set[str]]:
    """LSs of which the analysis is in the log, where its checkpoint stands, and who wrote them."""
    lumisections, writers, reached = set(), set(), 0
    async with open_log(settings, SystemClock()) as log:
        async for record in read_to_end(log, HISTOGRAMS):
            piece = CODEC.decode(record.headers, record.value)
            if isinstance(piece, HistogramSet) and piece.workspace == "beam_spot":
                assert piece.closed, piece.lumisection
                lumisections.add(piece.lumisection)
                writers.add(piece.writer)
        async for record in read_to_end(log, CHECKPOINTS):
            message = CODEC.decode(record.headers, record.value)
            if isinstance(message, AnalyserCheckpoint):
                reached = max(reached, sum(message.offsets))
    return lumisections, reached, writers


def test_an_analyser_killed_on_kafka_goes_on_as_if_nothing_had_been(
    files: list[str], kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    """Its contents are those of one undisturbed process on the embedded log, bit by bit; and
    events to look at come to the gateway from a display of its own."""
    embedded = {"data": str(tmp_path / "embedded"), "port": "0", "workspaces": WORKSPACES}
    finished(["replay", *files, "--speed", "0", "--exit", "--json"], embedded, timeout=PATIENCE)
    expected = contents_in_store(embedded, RUN)
    assert len(expected) == LENGTH * 2

    settings = {
        "kafka": kafka,
        "kafka_prefix": kafka_prefix,
        "data": str(tmp_path / "data"),
        "workspaces": WORKSPACES,
        "partitions": "2",
        "display_rate": "20",
        # No LS is closed while its source stands still.
        "lumisection_timeout": "300",
    }

    def analysed() -> set[int]:
        return asyncio.run(_written(settings_of(settings)))[0]

    with deployed(settings) as system:
        system.start("analyser", "analyse")
        system.start("display", "display")
        system.wait("analyser", "display")
        produce = command(["produce", *files, "--speed", "5", "--json"])
        with subprocess.Popen(
            produce, env=environment(settings), stdout=subprocess.PIPE
        ) as sending:
            # The source stands still until the analyser is dead, which would be through by then:
            # it is stopped with the first LS that is seen, to have sent less than all of them.
            wait_for("an LS is shown", lambda: len(closed(system.address, RUN)) >= 1)
            sending.send_signal(signal.SIGSTOP)
            try:
                wait_for("an LS is analysed", lambda: len(analysed()) >= 1)
                system.kill("analyser")
                before = analysed()
            finally:
                sending.send_signal(signal.SIGCONT)
            said, _ = sending.communicate(timeout=PATIENCE)
        assert [one["selected"] for one in json.loads(said)["sent"]] == [LENGTH * 60]
        wait_for("dqm_stream is filled", lambda: len(_of(settings, "dqm_stream")) == LENGTH)
        assert analysed() == before, "nobody analyses while the analyser is dead"
        assert len(before) < LENGTH, "it was killed in the middle"

        system.start("analyser", "analyse")
        wait_for("all is shown", lambda: len(closed(system.address, RUN)) == LENGTH)
        wait_for(
            "all is stored",
            lambda: contents_in_store(settings, RUN).keys() == expected.keys(),
        )
        wait_for("events are shown", lambda: bool(_shown(system.address)))
        events = _shown(system.address)
        newest = get(system.address, f"displays/{RUN}/{events[0]['event']}")
    assert {one["run"] for one in events} == {RUN}
    assert newest["lumisection"] <= LENGTH
    _, reached, writers = asyncio.run(_written(settings_of(settings)))
    assert len(writers) == 2, "two lives have published"
    assert reached > 0
    assert contents_in_log(settings) == expected
    assert contents_in_store(settings, RUN) == expected


def _shown(address: str) -> list[dict[str, Any]]:
    """Events of the run to look at."""
    found: list[dict[str, Any]] = get(address, "displays", run=RUN)["displays"]
    return found


def _of(settings: dict[str, str], workspace: str) -> set[int]:
    """LSs of a workspace that are stored."""
    stored = contents_in_store(settings, RUN)
    return {lumisection for _, lumisection, name in stored if name == workspace}
