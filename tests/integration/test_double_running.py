"""A candidate beside production on one Kafka: it reads the same events, and nothing it does, or
fails to do, changes a bit of what production says."""

import asyncio
import json
import signal
import socket
import subprocess
import threading
import time
import urllib.error
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
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

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PATIENCE = 240
LENGTH = 3
WORKSPACES = "pixel"
SOURCE = ["--lumisections", str(LENGTH), "--rate", "40", "--speed", "0", "--no-faults"]
EXTRA = """
workspace = "extra"
description = "What only the candidate has."

[[elements]]
kind = "histogram"
path = "Extra/charge"
axes = [{ type = "regular", bins = 20, lower = 0, upper = 100 }]
fill = "pixel.charge"
"""
RUN = 1


@dataclass(frozen=True, slots=True)
class Beside:
    """Production, and what its settings become for the candidate v2."""

    settings: Mapping[str, str]
    candidate: Mapping[str, str]
    system: Deployment
    truth: Hashes
    """Of the run on the embedded log, with no candidate anywhere."""

    def deploy(self, *arguments: str) -> Any:
        return finished(["deploy", *arguments, "--json"], self.candidate, timeout=PATIENCE)

    def has_stored(self, settings: Mapping[str, str]) -> bool:
        return contents_in_store(settings, RUN) == self.truth


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
        alone = {"data": str(folder / "alone"), "port": "0", "workspaces": WORKSPACES}
        finished(["demo", *SOURCE, "--exit", "--json"], alone, timeout=PATIENCE)
        truth = contents_in_store(alone, RUN)
        yield Beside(settings, candidate, system, truth)


@contextmanager
def candidate(beside: Beside, folder: Path) -> Iterator[tuple[str, int]]:
    """The candidate as a process: the address of its page, and its id. Stopped at the end."""
    name = beside.candidate["candidate"]
    beside.deploy("plan", name, "--why", "the charge, more coarsely")
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            command(["deploy", "candidate", name, "--port", "0"]),
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
            process.communicate(timeout=240)
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


@contextmanager
def dying_again_and_again(beside: Beside) -> Iterator[list[int]]:
    """A further filler of the candidate that is killed, or frozen and then killed, as soon as it
    fills, over and over; the statuses it has ended with."""
    deaths: list[int] = []
    done = threading.Event()

    def crash() -> None:
        while not done.is_set():
            with subprocess.Popen(
                command(["fill"]),
                env=environment(beside.candidate),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            ) as process:
                assert process.stdout is not None
                process.stdout.readline()  # it is in its group, and fills
                if len(deaths) % 2:
                    process.send_signal(signal.SIGSTOP)  # a zombie for a while
                    time.sleep(1.0)
                process.kill()
                deaths.append(process.wait())

    looping = threading.Thread(target=crash)
    looping.start()
    try:
        yield deaths
    finally:
        done.set()
        looping.join()


def test_a_candidate_that_dies_again_and_again_changes_no_bit_of_production(
    beside: Beside, tmp_path: Path
) -> None:
    """Nor does it write anything there; what it says itself is exact all the same."""
    assert len(beside.truth) == LENGTH
    with candidate(beside, tmp_path) as (page, pid):
        with dying_again_and_again(beside) as deaths:
            wait_for("it has died once", lambda: bool(deaths))
            produce = ["produce", "--synthetic", *SOURCE, "--json"]
            finished(produce, beside.settings, timeout=PATIENCE)
            wait_for("production has stored all", lambda: beside.has_stored(beside.settings))
            wait_for("it has died twice", lambda: len(deaths) > 1)
        assert set(deaths) == {-signal.SIGKILL}
        assert contents_in_log(beside.settings) == beside.truth
        wait_for("the candidate has stored all", lambda: beside.has_stored(beside.candidate))
        wait_for("its page shows all", lambda: len(closed(page, RUN)) == LENGTH)
        address = beside.system.address
        wait_for("production shows all", lambda: len(closed(address, RUN)) == LENGTH)
        for topic, writers in asyncio.run(_writers(beside.settings)).items():
            assert any(name for name in writers), topic
            assert not any(name.startswith(f"{socket.gethostname()}-{pid}") for name in writers)
            assert "extra" not in writers
        asked = ["deploy", "compare", "v2", "--run", str(RUN), "--json"]
        found = finished(asked, {"url": beside.system.address}, timeout=PATIENCE)
        assert set(found["counts"]) == {"same", "only in the candidate"}
        assert found["counts"]["only in the candidate"] == 1
        assert get(page, "deployments")["candidate"] == "v2"
        (told,) = get(beside.system.address, "deployments")["deployments"]
        assert (told["name"], told["state"], told["url"]) == ("v2", "running", page)
        assert "added: `extra`" in get(beside.system.address, "deployments/v2/summary")["summary"]
        _is_relayed(beside.system.address, page, found["counts"])
        with pytest.raises(BenchError, match="candidate v2 still runs: "):
            beside.deploy("drop", "v2", "--why", "too early")
    status, detail = refused(beside.system.address, f"deployments/v2/runs/{RUN}/elements")
    assert status == 502
    assert detail.startswith("candidate v2 does not answer: ")
    assert len(closed(beside.system.address, RUN)) == LENGTH


def _is_relayed(production: str, page: str, counts: Mapping[str, int]) -> None:
    """Production's gateway hands on what the candidate's says, and compares as the command does."""
    asked = {"path": "Extra/charge", "lumisections": f"1-{LENGTH}"}
    theirs = get(page, f"runs/{RUN}/contents", **asked)
    assert theirs["contents"][0]["totals"]["entries"] > 0
    assert get(production, f"deployments/v2/runs/{RUN}/contents", **asked) == theirs
    booked = get(page, "elements", run=RUN)
    relayed = get(production, f"deployments/v2/runs/{RUN}/elements")
    assert relayed["elements"] == booked["elements"]

    def is_judged_and_told() -> bool:
        """Perhaps it is judged anew between two questions."""
        reports = get(page, f"runs/{RUN}/reports", scope="run")["reports"]
        relayed = get(production, f"deployments/v2/runs/{RUN}/reports", scope="run")["reports"]
        is_last = bool(reports) and {one["lumisection"] for one in reports} == {LENGTH}
        return is_last and relayed == reports

    wait_for("both tell the same of how the run was judged", is_judged_and_told)
    found = get(production, "deployments/v2/compare", run=RUN, limit=1)
    assert (found["counts"], found["lumisections"]) == (counts, f"1-{LENGTH}")
    assert [(one["path"], one["says"]) for one in found["elements"]] == [
        ("Extra/charge", "only in the candidate")
    ]
    rest = get(production, "deployments/v2/compare", run=RUN, limit=1_000, after=found["after"])
    assert {one["says"] for one in rest["elements"]} == {"same"}
    assert len(rest["elements"]) == counts["same"]


def refused(address: str, route: str, **query: object) -> tuple[int, str]:
    """The status and the sentence of a refusal."""
    with pytest.raises(urllib.error.HTTPError) as found:
        get(address, route, **query)
    return found.value.code, json.loads(found.value.read())["detail"]


def test_a_candidate_of_settings_that_do_not_fit_dies_at_its_start(beside: Beside) -> None:
    """With a sentence, and production's topics as they are."""
    broken = subprocess.run(
        command(["fill"]),
        env=environment({**beside.candidate, "partitions": "5"}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert broken.returncode == 1
    assert "dqm.events: partitions is 3 in the log, wanted 5" in broken.stderr


def test_a_candidate_that_is_dropped_takes_its_topics_along_and_no_others(beside: Beside) -> None:
    """The record says who and why; production goes on."""
    wait_for("its processes are forgotten", lambda: _dropped(beside))
    assert asyncio.run(_topics(beside.candidate)) == set(BORROWED)
    assert asyncio.run(_topics(beside.settings)) >= set(TOPICS)
    history = beside.deploy("history")
    assert [row["action"] for row in history] == ["plan", "run", "drop"]
    assert history[-1]["why"] == "seen enough"
    assert [one["run"] for one in get(beside.system.address, "runs")["runs"]] == [RUN]


def test_a_candidate_with_a_workspace_file_fills_it_in_the_run_that_goes_on(
    beside: Beside, tmp_path: Path
) -> None:
    """Also of the LSs that were closed before it was started: it begins with the log's events."""
    tonight = replace(beside, candidate={**beside.candidate, "candidate": "tonight"})
    run, address = RUN + 1, beside.system.address
    source = ["--lumisections", "500", "--rate", "20", "--speed", "10", "--no-faults"]
    producer = subprocess.Popen(
        command(["produce", "--synthetic", "--run", str(run), *source]),
        env=environment(beside.settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for("production has closed an LS", lambda: 1 in closed(address, run))
        with candidate(tonight, tmp_path) as (page, _):
            wait_for("the candidate has closed it, too", lambda: 1 in closed(page, run))
            assert producer.poll() is None, "the run goes on"
            own = get(page, f"runs/{run}/contents", path="Extra/charge", lumisections="1")
            assert own["contents"][0]["totals"]["entries"] > 0
            asked = ["deploy", "compare", "tonight", "--run", str(run), "--lumisections", "1"]
            found = finished([*asked, "--json"], {"url": address}, timeout=PATIENCE)
            assert set(found["counts"]) == {"same", "only in the candidate"}
            assert found["counts"]["only in the candidate"] == 1
    finally:
        producer.kill()
        producer.wait()


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
