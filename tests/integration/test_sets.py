"""What an operator decides about sets of bookings, on the log of a system that is not running."""

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dqmstream.clock import SystemClock
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import HISTOGRAMS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from playback.bench.program import command, environment, finished, running
from playback.broker.ports import free_port
from services.log import open_log
from services.settings import Settings
from tests.integration.test_kafka import page, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

WORKSPACES = "tests.analysed_pixels:workspace,pixel"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Settings of a system that has played two LSs and stopped."""
    folder = tmp_path_factory.mktemp("sets")
    settings = {"data": str(folder), "port": "0", "workspaces": WORKSPACES}
    source = ["--lumisections", "2", "--rate", "20", "--speed", "0"]
    finished(["demo", *source, "--exit", "--json"], settings, timeout=150)
    return settings


def ended(settings: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command that has ended."""
    return subprocess.run(
        command(arguments),
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


async def closed_blocks(folder: Path) -> set[tuple[int, tuple[str, int, int, bytes, str]]]:
    """Epoch, and workspace, LS, partition, cells and scalars, of every closing set in the log of
    a folder."""
    found = set()
    async with open_log(Settings(data=folder), SystemClock()) as log:
        async for record in read_to_end(log, HISTOGRAMS):
            piece = CODEC.decode(record.headers, record.value)
            assert isinstance(piece, HistogramSet)
            if piece.closed:
                place = piece.workspace, piece.lumisection, piece.partition
                found.add((piece.epoch, (*place, piece.cells, repr(piece.scalars))))
    return found


def counted(metrics_port: int, name: str) -> float:
    """What the services of a process have counted since its start, over all labels."""
    text = page(f"http://127.0.0.1:{metrics_port}/metrics")
    (family,) = [one for one in text_string_to_metric_families(text) if one.name == name]
    return sum(sample.value for sample in family.samples if sample.name.endswith("_total"))


def test_a_set_is_shown_from_the_first_run_on_and_from_where_an_operator_says(
    played: Mapping[str, str],
) -> None:
    """Each activation is listed with who said it; the set of other settings is another one."""
    said = ended(played, "activate", "--from-run", "7")
    assert said.returncode == 0, said.stderr
    rows = finished(["sets", "--json"], played, timeout=150)
    assert [(row["from_run"], row["own"], row["workspaces"]) for row in rows] == [
        (1, True, ["charges", "pixel"]),
        (7, True, ["charges", "pixel"]),
    ]
    others = finished(["sets", "--json"], {**played, "workspaces": "ecal"}, timeout=150)
    assert [row["own"] for row in others] == [False, False]
    table = ended(played, "sets")
    assert rows[0]["set"] in table.stdout


def test_a_refill_publishes_the_same_contents_again_in_a_new_epoch(
    played: Mapping[str, str],
) -> None:
    """Once fillers and analyser run again; what was never filled is refused."""
    refused = ended({**played, "workspaces": "ecal"}, "refill", "--why", "try")
    assert refused.returncode == 2
    assert "was never filled" in refused.stderr
    asked = ended(played, "refill", "--why", "the store was lost")
    assert asked.returncode == 0, asked.stderr
    assert "analyses of charges: epoch 1 begins where the log does" in asked.stdout
    folder = Path(played["data"])
    before = asyncio.run(closed_blocks(folder))
    assert {epoch for epoch, _ in before} == {0}
    filled = [block for _, block in before if block[0] == "pixel"]
    port = free_port()
    with running(["run"], {**played, "metrics_port": str(port)}):
        wait_for(
            "all is filled again",
            lambda: counted(port, "dqm_filler_closed_segments") == len(filled),
        )
        wait_for("all is analysed again", lambda: counted(port, "dqm_analyser_lumisections") == 2)
    again = asyncio.run(closed_blocks(folder))
    assert {block for epoch, block in again if epoch == 1} == {block for _, block in before}


def test_a_place_that_is_none_is_refused(played: Mapping[str, str]) -> None:
    """Both where there is no such offset, and what is no place at all."""
    beyond = ended(played, "refill", "--why", "try", "--at", "0:99999")
    assert (beyond.returncode, "99999 cannot be refilled" in beyond.stderr) == (2, True)
    nonsense = ended(played, "refill", "--why", "try", "--at", "first")
    assert (nonsense.returncode, "partition:offset" in nonsense.stderr) == (2, True)


def test_a_refill_of_one_partition_leaves_analyses_as_they_are(played: Mapping[str, str]) -> None:
    asked = ended(played, "refill", "--why", "try", "--at", "0:0")
    assert asked.returncode == 0, asked.stderr
    assert "analyses of charges stay as they are" in asked.stdout
