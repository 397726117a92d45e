"""A candidate beside production on one Kafka: it reads the same events, and nothing it does, or
fails to do, changes a bit of what production says."""

import asyncio
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dqmstream.clock import SystemClock
from dqmstream.errors import LogError
from dqmstream.messages.booking import Booking
from dqmstream.messages.topics import BOOKINGS, CHECKPOINTS, HEARTBEATS, HISTOGRAMS, TOPICS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from playback.bench.deployment import Deployment, deployed
from playback.bench.program import BenchError, command, environment, finished
from services.log import BORROWED, kafka_log, open_log
from tests.integration.test_kafka import (
    Hashes,
    closed,
    contents_in_log,
    contents_in_store,
    get,
    loaded,
    wait_for,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PATIENCE = 120
LENGTH = 4
WORKSPACES = "ecal,pixel"
SOURCE = ["--lumisections", str(LENGTH), "--rate", "40", "--speed", "0", "--seed", "3"]
EXTRA = """
workspace = "extra"
description = "What only the candidate has."

[[elements]]
kind = "histogram"
path = "Extra/charge"
axes = [{ type = "regular", bins = 20, lower = 0, upper = 100 }]
fill = "pixel.charge"
"""
RUNS = (1, 2)


def source(run: int) -> list[str]:
    return [*SOURCE, "--run", str(run)]


@dataclass(frozen=True, slots=True)
class Beside:
    """Production, and what its settings become for the candidate v2."""

    settings: Mapping[str, str]
    candidate: Mapping[str, str]
    system: Deployment
    truth: Mapping[int, Hashes]
    """Of each run on the embedded log, with no candidate anywhere."""

    def deploy(self, *arguments: str) -> Any:
        return finished(["deploy", *arguments, "--json"], self.candidate, timeout=PATIENCE)

    def produce(self, run: int) -> None:
        finished(
            ["produce", "--synthetic", *source(run), "--no-faults", "--json"],
            self.settings,
            timeout=PATIENCE,
        )

    def _has_stored(self, run: int) -> bool:
        return contents_in_store(self.settings, run) == self.truth[run]

    def check_production(self, runs: Sequence[int]) -> None:
        """What it stored and published is, bit by bit, what it is without a candidate."""
        expected = {key: bits for run in runs for key, bits in self.truth[run].items()}
        for run in runs:
            wait_for(f"production has stored run {run}", partial(self._has_stored, run))
        assert contents_in_log(self.settings) == expected


@pytest.fixture(scope="module")
def beside(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    """Production on Kafka, and settings of a candidate with one more workspace."""
    folder = tmp_path_factory.mktemp("beside")
    extra = folder / "extra.toml"
    extra.write_text(EXTRA)
    settings = {
        "kafka": kafka,
        "kafka_prefix": f"t{uuid4().hex[:12]}-",
        "data": str(folder / "production"),
        "workspaces": WORKSPACES,
        "partitions": "3",
    }
    candidate = {
        **settings,
        "candidate": "v2",
        "data": str(folder / "production"),  # by mistake: it takes a folder of its own in there
        "workspace_files": str(extra),
    }
    with deployed(settings) as system:
        truth = {}
        for run in RUNS:
            alone = {"data": str(folder / f"run{run}"), "port": "0", "workspaces": WORKSPACES}
            played = ["demo", *source(run), "--no-faults", "--exit", "--json"]
            finished(played, alone, timeout=PATIENCE)
            truth[run] = contents_in_store(alone, run)
        yield Beside(settings, candidate, system, truth)


@contextmanager
def candidate(beside: Beside, folder: Path) -> Iterator[tuple[str, int]]:
    """The candidate as a process: the address of its page, and its id. Stopped at the end."""
    beside.deploy("plan", "v2", "--why", "the charge, more coarsely")
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            command(["deploy", "candidate", "v2", "--port", "0"]),
            env=environment(beside.candidate),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("page: "), (folder / "errors").read_text()
            assert "runs beside production" in process.stdout.readline()
            yield line.removeprefix("page: ").strip(), process.pid
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert process.returncode == 0, (folder / "errors").read_text()


async def _writers(settings: Mapping[str, str]) -> dict[str, set[str]]:
    """By topic, the processes that wrote into it, where messages say so."""
    found: dict[str, set[str]] = {}
    async with open_log(loaded(settings), SystemClock()) as log:
        for topic in (HISTOGRAMS, HEARTBEATS, CHECKPOINTS, BOOKINGS):
            names = found.setdefault(topic, set())
            async for record in read_to_end(log, topic):
                message = CODEC.decode(record.headers, record.value)
                for field in ("writer", "process", "owner", "who"):
                    names.add(str(getattr(message, field, "")))
                if isinstance(message, Booking):
                    names.add(message.workspace)
    return found


def test_a_candidate_fills_beside_production_and_writes_nothing_of_its(
    beside: Beside, tmp_path: Path
) -> None:
    """Its contents are those of production where its bookings are, and it has its own besides."""
    ours = {**beside.candidate, "candidate": "v2"}
    with candidate(beside, tmp_path) as (page, pid):
        beside.produce(1)
        beside.check_production([1])
        wait_for(
            "the candidate has stored the run",
            lambda: contents_in_store(ours, 1) == beside.truth[1],
        )
        wait_for("its page shows the run", lambda: len(closed(page, 1)) == LENGTH)
        for topic, writers in asyncio.run(_writers(beside.settings)).items():
            assert any(name for name in writers), topic
            assert not any(name.startswith(f"{socket.gethostname()}-{pid}") for name in writers)
            assert "extra" not in writers
        asked = ["deploy", "compare", "v2", "--run", "1", "--url", beside.system.address, "--json"]
        found = finished(asked, {}, timeout=PATIENCE)
        assert set(found["counts"]) == {"same", "only in the candidate"}
        assert found["counts"]["only in the candidate"] == 1
        assert get(page, "deployments")["candidate"] == "v2"
        (told,) = get(beside.system.address, "deployments")["deployments"]
        assert (told["name"], told["state"], told["url"]) == ("v2", "running", page)
        assert "added: `extra`" in get(beside.system.address, "deployments/v2/summary")["summary"]
        with pytest.raises(BenchError, match="candidate v2 still runs: "):
            beside.deploy("drop", "v2", "--why", "too early")


def test_a_candidate_that_dies_freezes_and_crashes_in_a_loop_harms_nothing(beside: Beside) -> None:
    """While a run comes: killed again and again, frozen, and started with settings it dies of."""
    arguments = command(["fill"])
    deaths: list[int] = []
    done = threading.Event()

    def crash() -> None:
        while not done.is_set():
            with subprocess.Popen(
                arguments,
                env=environment(beside.candidate),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            ) as process:
                assert process.stdout is not None
                process.stdout.readline()  # it is in its group, and fills
                time.sleep(0.3 * (len(deaths) % 3))
                if len(deaths) % 2:
                    process.send_signal(signal.SIGSTOP)  # a zombie for a while
                    time.sleep(1.0)
                process.kill()
                deaths.append(process.wait())

    # Dies by itself, at its start: other partitions than the events have.
    broken = subprocess.run(
        arguments,
        env=environment({**beside.candidate, "partitions": "5"}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert broken.returncode == 1
    assert "dqm.events: partitions is 3 in the log, wanted 5" in broken.stderr
    looping = threading.Thread(target=crash)
    looping.start()
    try:
        wait_for("it has died once", lambda: bool(deaths))
        beside.produce(2)
        beside.check_production(RUNS)
        wait_for("it has died three times", lambda: len(deaths) >= 3)
    finally:
        done.set()
        looping.join()
    assert set(deaths) == {-signal.SIGKILL}
    status = finished(["status", "--json"], beside.settings, timeout=PATIENCE)
    services = {one["service"]: one["state"] for one in status["services"]}
    assert set(services.values()) == {"ready"}


def test_a_candidate_that_is_dropped_takes_its_topics_along_and_no_others(beside: Beside) -> None:
    """The record says who and why; production goes on."""
    wait_for("its processes are forgotten", lambda: _dropped(beside))
    assert asyncio.run(_topics(beside.candidate)) == set(BORROWED)
    assert asyncio.run(_topics(beside.settings)) >= set(TOPICS)
    history = beside.deploy("history")
    assert [row["action"] for row in history] == ["plan", "run", "drop"]
    assert history[-1]["why"] == "seen enough"
    assert len(get(beside.system.address, "runs")["runs"]) == len(RUNS)


def _dropped(beside: Beside) -> bool:
    try:
        gone = beside.deploy("drop", "v2", "--why", "seen enough")
    except BenchError as error:
        if "still runs" not in str(error):
            raise
        return False
    assert len(gone["removed"]) == len(TOPICS) - len(BORROWED) + 1
    return True


async def _topics(settings: Mapping[str, str]) -> set[str]:
    """Topics that a log with these settings finds, none made."""
    found = set()
    try:
        async with kafka_log(loaded(settings), SystemClock(), make=False) as log:
            for topic in TOPICS:
                with suppress(LogError):
                    log.partitions(topic)
                    found.add(topic)
    except LogError:
        return set(BORROWED)  # no log is there any more
    return found
