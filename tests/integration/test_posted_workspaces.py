"""A workspace without a release, on real processes and a real Kafka: posted during run 1 it is
filled in run 2 and nowhere else, though a filler is killed in between; nothing is started anew
for it but the one that was killed."""

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from dqmstream.booking.columns import decode_batch
from dqmstream.booking_set import LayoutShelf
from dqmstream.clock import SystemClock
from dqmstream.fold.merge import Merger
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.booking import Booking
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.topics import BOOKINGS, HISTOGRAMS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.workspaces.toml import booking_of
from playback.bench.deployment import deployed
from playback.bench.program import command, environment
from services import runs as making
from services.cli import app
from services.log import open_log
from services.posting import post
from tests.integration.test_kafka import closed, get, loaded, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

LUMISECTIONS = 3
SECONDS = 1.5
RATE = 40
SEED = 5
PATIENCE = 120
MINE = """
workspace = "mine"
description = "Posted by the test."
[[elements]]
kind = "histogram"
path = "Mine/charge"
axes = [{ type = "regular", bins = 40, lower = 0, upper = 200 }]
fill = "pixel.charge"
[[elements]]
kind = "scalar"
path = "Mine/events"
value = "1"
combine = "sum"
"""

Found = Mapping[tuple[int, int], Contents]
"""By run and LS."""


def test_it_is_filled_in_the_next_run_and_in_no_other(
    kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    settings = {
        "kafka": kafka,
        "kafka_prefix": kafka_prefix,
        "data": str(data),
        "workspaces": "pixel",
        "partitions": "2",
        "publish_interval": "0.2",
        "run_timeout": "60",
    }
    token = token_of_expert(data)
    with deployed(settings, fillers=2) as system:

        def tell(path: str, **body: object) -> Any:
            return post(system.address, token, f"posted-workspaces/{path}", body)

        sending = produce(1, settings)
        wait_for("run 1 is going on", lambda: len(known(system.address, 1)) >= 2)
        tried = tell("dry-run", text=MINE)
        assert (tried["problem"], tried["runs"]) == ("", [1])
        assert tell("activate", text=MINE, why="look")["after_run"] == 1
        assert sending.wait(PATIENCE) == 0

        sending = produce(2, settings)
        wait_for("run 2 is going on", lambda: len(known(system.address, 2)) >= 2)
        system.kill("filler 1")
        assert tell("mine/rollback", why="seen")["after_run"] == 2
        system.start("filler 2", "fill")
        assert sending.wait(PATIENCE) == 0
        assert produce(3, settings).wait(PATIENCE) == 0

        wait_for("run 2 is filled", lambda: len(closed_of_mine(settings)) == LUMISECTIONS)
        wait_for("run 3 is shown", lambda: len(closed(system.address, 3)) == LUMISECTIONS)
        told = get(system.address, "posted-workspaces/mine/versions")
    found = closed_of_mine(settings)
    truth = truth_of_run(2)
    assert found.keys() == truth.keys()
    for place, contents in found.items():
        assert np.array_equal(contents.cells, truth[place].cells), place
        values = [one.value for one in contents.scalars.values()]
        assert values == [one.value for one in truth[place].scalars.values()]
        assert contents.cells.sum() > 0
    rows = [(row["who"], row["why"], row["restores"]) for row in told["versions"]]
    assert rows == [("ada", "look", None), ("ada", "seen", 0)]


def produce(run: int, settings: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """A run that is sent at the pace of a detector."""
    source = ["--synthetic", "--no-faults", "--run", str(run), "--seconds", str(SECONDS)]
    source += ["--lumisections", str(LUMISECTIONS), "--rate", str(RATE), "--seed", str(SEED)]
    return subprocess.Popen(command(["produce", *source]), env=environment(settings))


def known(address: str, run: int) -> list[int]:
    """LSs of a run that the gateway knows."""
    if all(one["run"] != run for one in get(address, "runs")["runs"]):
        return []
    rows = get(address, f"runs/{run}/lumisections")["lumisections"]
    return [row["lumisection"] for row in rows]


def truth_of_run(run: int) -> Found:
    """A batch fill of the events that a run has."""
    layout = Layout(booking_of(MINE, "the truth"))
    filler = WorkspaceFiller(layout)
    options = {"run": run, "lumisections": LUMISECTIONS, "rate": RATE, "seed": SEED}
    scenario = making.chosen_scenario(None, options | {"lumisection_seconds": SECONDS}, [])
    found = {}
    for source in (
        one for of_run in making.synthetic_run(scenario, speed=None).sources for one in of_run
    ):
        for lumisection in source.lumisections(0):
            contents = found.setdefault((run, lumisection.lumisection), Contents.empty(layout))
            for number, chunk in enumerate(lumisection.chunks()):
                columns = decode_batch(chunk.body, selected=chunk.selected)
                filler.fill(contents, columns, source=source.name, number=number)
    return found


def closed_of_mine(settings: Mapping[str, str]) -> Found:
    """What the log holds of the posted workspace: closed, complete, of one set."""
    return asyncio.run(_closed_of_mine(settings))


async def _closed_of_mine(settings: Mapping[str, str]) -> Found:
    shelf = LayoutShelf()
    merger = Merger(shelf)
    async with open_log(loaded(settings), SystemClock()) as log:
        async for record in read_to_end(log, BOOKINGS):
            booking = CODEC.decode(record.headers, record.value)
            if isinstance(booking, Booking):
                shelf.add(booking)
        async for record in read_to_end(log, HISTOGRAMS):
            piece = CODEC.decode(record.headers, record.value)
            assert isinstance(piece, HistogramSet)
            if piece.workspace == "mine":
                merger.apply(piece)
    found = {}
    for key in list(merger.keys()):
        merged = merger.merged(key)
        assert (key.run, key.lumisection) not in found, "two sets have filled one LS"
        if merged.closed:
            assert merged.complete, merged.account
            assert merged.late is None, key
            found[key.run, key.lumisection] = merged.contents
    return found


def token_of_expert(data: Path) -> str:
    """Of the file that the gateway reads."""
    words = ["token", "new", "--role", "expert", "--name", "ada", "--data", str(data)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()
