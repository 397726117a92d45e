"""A run comes while all processes are replaced by those of another release, one after another, and
then back: nothing is lost, nothing is counted twice, and whoever looks on goes on looking."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

import dqmstream
from dqmstream.client import Client
from dqmstream.client.errors import GatewayUnavailableError
from dqmstream.clock import SystemClock
from dqmstream.histograms.element import MonitorElement
from dqmstream.messages.topics import ALARMS
from dqmstream.store.database import Database
from dqmstream.store.schema import standing
from dqmstream.store.store import Store
from dqmstream.transport.compacted import read_to_end
from playback.bench.deployment import Deployment
from playback.bench.program import command, environment, finished
from playback.broker.ports import free_port
from services.log import open_log
from services.settings import Settings
from tests.balancer import Balancer, balanced
from tests.integration.test_kafka import contents_in_log, contents_in_store, get, loaded, wait_for
from tests.wheels import another_release

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PATIENCE = 240
LENGTH = 60
SYNTHETIC = ["--lumisections", str(LENGTH), "--rate", "15", "--seconds", "8", "--seed", "5"]
SOURCE = [*SYNTHETIC, "--no-faults"]
PATH = "Pixel/clusters_per_event"
NEXT = "9.9.0"
NEW_TEST = "pixel clusters, as of the next release"
DECLARED = f"""
[[quality_test]]
name = "{NEW_TEST}"
algorithm = "MeanWithinExpected"
workspace = "pixel"
path = "{PATH}"
parameters = {{ xmin = 0.0, xmax = 80.0 }}
"""
FLICKERING = f"""
[[quality_test]]
name = "bad in about every second LS"
algorithm = "MeanWithinExpected"
workspace = "pixel"
path = "{PATH}"
parameters = {{{{ xmin = {{median}}, xmax = 80.0, cmssw_compatible = true }}}}

[quality_test.alarm]
bad = 1
of = 1
good = 1
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None
older_releases = "record"


def upgrade():
    op.create_table("of_the_next_release", sa.Column("run", sa.BigInteger(), primary_key=True))


def lost(connection):
    yield from ()


def downgrade():
    op.drop_table("of_the_next_release")
"""
SERVICE_RESTART = 1012
LONGEST_DRAIN = "300"
"""Seconds: gateways go on until the test has seen what it waits for, and tells them again."""


class Watcher(threading.Thread):
    """A program that follows the stream through the balancer, and connects again whenever its
    gateway tells it to."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self._address = address
        self.looks = False
        self.told: list[int | None] = []
        """Close codes, None for a connection that was not closed but lost."""
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            try:
                with Client(self._address) as client:
                    for _ in self._look(client):
                        self.looks = True
                        if self.over.is_set():
                            return
            except GatewayUnavailableError as error:
                self.looks = False
                closed = error.__cause__
                frame = closed.rcvd if isinstance(closed, ConnectionClosed) else None
                self.told.append(None if frame is None else frame.code)

    def _look(self, client: Client) -> Iterator[object]:
        raise NotImplementedError


class PlotWatcher(Watcher):
    """Follows one plot over the run."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.entries: list[int] = []

    def _look(self, client: Client) -> Iterator[object]:
        for element in client.follow(PATH, window="run"):
            self.entries.append(element.entries)
            yield element


class ShiftWatcher(Watcher):
    """What a shifter sees: LSs with their verdicts, and steps of alarms."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.lumisections: set[int] = set()
        self.judged: dict[int, Any] = {}
        self.steps: set[int] = set()
        self.holes: list[list[int]] = []
        """LSs that were shown where one in between was not."""

    def _look(self, client: Client) -> Iterator[object]:
        for channel in client.boards("strip", "steps"):
            if "/steps/" in channel.name:
                self.steps |= {int(step) for step in channel.rows}
            else:
                numbers = sorted(map(int, channel.rows))
                if numbers != list(range(1, len(numbers) + 1)):
                    self.holes.append(numbers)
                self.lumisections |= {n for n in numbers if channel.rows[str(n)]["closed"]}
                self.judged |= {
                    n: channel.rows[str(n)]["worst"]
                    for n in numbers
                    if channel.rows[str(n)]["outcomes"]
                }
            yield channel


class Asker(threading.Thread):
    """A program that asks again and again over connections that it keeps."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self._address = address
        self.answers = 0
        self.failures: list[str] = []
        self.over = threading.Event()

    def run(self) -> None:
        with httpx.Client(base_url=self._address, timeout=PATIENCE) as client:
            while not self.over.wait(0.1):
                try:
                    client.get("/api/v1/runs").raise_for_status()
                except httpx.HTTPError as error:
                    self.failures.append(f"{type(error).__name__}: {error}")
                self.answers += 1


class Around:
    """Who looks on, from now on."""

    def __init__(self, balancer: Balancer) -> None:
        self.balancer = balancer
        self.plot = PlotWatcher(balancer.address)
        self.shift = ShiftWatcher(balancer.address)
        self.asker = Asker(balancer.address)
        for one in (self.plot, self.shift, self.asker):
            one.start()

    @property
    def looks_on(self) -> bool:
        return self.plot.looks and self.shift.looks

    def end(self) -> None:
        for one in (self.plot, self.shift, self.asker):
            one.over.set()
        self.asker.join(PATIENCE)


class Rollout:
    """Processes of one release are replaced by those of another, while programs look on."""

    def __init__(self, system: Deployment) -> None:
        self.system = system
        self.ports: dict[str, int] = {}
        """Of the gateways there are, by name."""

    def address(self, gateway: str) -> str:
        return f"http://127.0.0.1:{self.ports[gateway]}"

    def version(self, gateway: str) -> str:
        return str(get(self.address(gateway), "openapi.json")["info"]["version"])

    def becomes(self, python: Path | None, settings: Mapping[str, str]) -> None:
        """What is started from now on."""
        self.system.python, self.system.settings = python, settings

    def start(self, **services: str) -> None:
        """Those that share their work work before others go."""
        for name, service in services.items():
            if service == "serve":
                self.ports[name] = free_port()
                self.system.start(name, service, port=str(self.ports[name]))
            else:
                self.system.start(name, service)
        self.system.wait(*services)

    def end(self, *names: str) -> None:
        for name in names:
            assert self.system.end(name) == 0

    def anew(self, **services: str) -> None:
        """Those that work alone go on where they stood."""
        self.end(*services)
        self.start(**services)

    def replace(self, old: str, new: str, around: Around) -> None:
        """A gateway that stands beside another goes, once the next one is there."""
        balancer, asker = around.balancer, around.asker
        balancer.ports.append(self.ports[new])
        wait_for("the next is sent work", lambda: self.ports[new] in balancer.ready)
        leaving = self.ports.pop(old)
        os.kill(self.system.pid(old), signal.SIGTERM)
        wait_for("this one is not", lambda: leaving not in balancer.ready)
        # By now nobody is sent there, and who kept a connection is told that it was the last.
        answers = asker.answers
        wait_for("answers come from others", lambda: asker.answers > answers + 3)
        self.end(old)
        wait_for("whoever was on it looks on", lambda: around.looks_on)


def _steps(settings: Mapping[str, str]) -> set[int]:
    """Of alarms in the log, by offset."""
    return asyncio.run(_steps_in_log(loaded(settings)))


async def _steps_in_log(settings: Settings) -> set[int]:
    async with open_log(settings, SystemClock()) as log:
        return {record.offset async for record in read_to_end(log, ALARMS)}


def _median(settings: Mapping[str, str]) -> float:
    """Of the means of a plot in each LS: below it about half of them are."""
    with Store(loaded(settings).store_url) as store:
        (of_set,) = store.sets(1)
        found = [store.contents(of_set, 1, "pixel", [n]) for n in range(1, LENGTH + 1)]
    return float(np.median([MonitorElement.at(one.contents, PATH).mean() for one in found]))


def _entries(settings: Mapping[str, str]) -> int:
    """Of the plot, over all that is stored of the run."""
    with Store(loaded(settings).store_url) as store:
        (of_set,) = store.sets(1)
        whole = store.contents(of_set, 1, "pixel").contents
    return MonitorElement.at(whole, PATH).entries


def _judged(address: str) -> set[int]:
    """LSs of which there is a report of the quality test that is new."""
    rows = get(address, "runs/1/reports", path=PATH, lumisections=f"1-{LENGTH}", limit=5000)
    return {row["lumisection"] for row in rows["reports"] if row["qtname"] == NEW_TEST}


def _worst(address: str) -> dict[int, Any]:
    """What a gateway shows of each LS."""
    rows = get(address, "runs/1/lumisections", limit=LENGTH)["lumisections"]
    return {row["lumisection"]: row["worst"] for row in rows}


def _schema(settings: Mapping[str, str]) -> str | None:
    database = Database(loaded(settings).store_url, writing=False)
    try:
        with database.transaction() as connection:
            return standing(connection)
    finally:
        database.close()


def _stored(settings: Mapping[str, str]) -> int:
    """How many LSs."""
    with Store(loaded(settings).store_url) as store:
        return len(store.lumisections(1).items)


@contextmanager
def _system(settings: Mapping[str, str]) -> Iterator[Rollout]:
    """Two gateways, and whatever they show."""
    rollout = Rollout(Deployment(settings))
    try:
        rollout.start(
            comparator="compare",
            recorder="record",
            alarms="alert",
            **{"filler": "fill", "gateway a": "serve", "gateway b": "serve"},
        )
        yield rollout
    finally:
        for gateway in rollout.ports:
            rollout.system.kill(gateway)  # each would answer on for minutes
        rollout.system.stop()


@dataclass(frozen=True, kw_only=True)
class Releases:
    """This one and the next: Python of that, schemas of both, settings of both; and what the run
    comes to."""

    python: Path
    schema: str
    newer: str
    settings: Mapping[str, str]
    next_settings: Mapping[str, str]
    truth: Mapping[tuple[int, int, str], str]


@pytest.fixture
def releases(kafka: str, kafka_prefix: str, tmp_path: Path) -> Releases:
    """The next has one quality test more, and a store of a newer schema, with which this one can go
    on."""
    alone = {"data": str(tmp_path / "alone"), "port": "0", "workspaces": "pixel"}
    finished(["demo", *SOURCE, "--speed", "0", "--exit", "--json"], alone, timeout=PATIENCE)
    truth = contents_in_store(alone, 1)
    assert len(truth) == LENGTH
    schema = _schema(alone)
    assert schema is not None
    newer = f"{int(schema) + 1:04}"
    file = f"dqmstream/store/migrations/versions/{newer}_next.py"
    text = MIGRATION.format(revision=newer, before=schema)
    tests = FLICKERING.format(median=_median(alone))
    (tmp_path / "tests.toml").write_text(tests)
    (tmp_path / "next.toml").write_text(tests + DECLARED)
    settings = {
        "kafka": kafka,
        "kafka_prefix": kafka_prefix,
        "data": str(tmp_path / "data"),
        "workspaces": "pixel",
        "partitions": "3",
        "quality_tests": str(tmp_path / "tests.toml"),
        "drain_seconds": LONGEST_DRAIN,
    }
    return Releases(
        python=another_release(tmp_path / "other", NEXT, {file: text}),
        schema=schema,
        newer=newer,
        settings=settings,
        next_settings={**settings, "quality_tests": str(tmp_path / "next.toml")},
        truth=truth,
    )


def _there(rollout: Rollout, around: Around, releases: Releases) -> None:
    """All processes become the next release."""
    settings = releases.settings
    rollout.becomes(releases.python, releases.next_settings)
    rollout.start(**{"next filler": "fill", "gateway c": "serve", "gateway d": "serve"})
    assert _schema(settings) == releases.newer, "the first of them brought it up by itself"
    stored = _stored(settings)
    wait_for("the older recorder goes on with it", lambda: _stored(settings) > stored)
    rollout.end("filler")
    rollout.anew(recorder="record", comparator="compare", alarms="alert")
    rollout.replace("gateway a", "gateway c", around)
    rollout.replace("gateway b", "gateway d", around)
    assert {rollout.version(one) for one in rollout.ports} == {NEXT}


def _and_back(rollout: Rollout, around: Around, releases: Releases) -> None:
    """The older gateways and recorder start on the newer schema, which goes last."""
    rollout.becomes(None, releases.settings)
    rollout.start(**{"filler": "fill", "gateway a": "serve", "gateway b": "serve"})
    rollout.end("next filler")
    rollout.replace("gateway c", "gateway a", around)
    rollout.replace("gateway d", "gateway b", around)
    rollout.anew(recorder="record", comparator="compare", alarms="alert")
    assert {rollout.version(one) for one in rollout.ports} == {dqmstream.__version__}
    assert _schema(releases.settings) == releases.newer
    migrate = ["store", "migrate", "--to", releases.schema, "--json"]
    done = finished(migrate, releases.settings, timeout=PATIENCE, python=releases.python)
    assert (done["before"], done["after"], done["lost"]) == (releases.newer, releases.schema, [])


def _nothing_was_missed(around: Around, settings: Mapping[str, str], gateways: list[str]) -> None:
    plot, shift, asker = around.plot, around.shift, around.asker
    expected = _entries(settings)
    wait_for("the plot is whole", lambda: plot.entries[-1] == expected)
    every = set(range(1, LENGTH + 1))
    wait_for("all LSs were seen", lambda: shift.lumisections == every)
    wait_for("all are judged", lambda: shift.judged.keys() == every)
    wait_for("all steps of alarms were seen", lambda: shift.steps == _steps(settings))
    assert len(shift.steps) > 10
    assert {"BAD", "GOOD"} <= set(shift.judged.values())
    for gateway in gateways:
        wait_for(f"{gateway} shows the same", lambda at=gateway: _worst(at) == shift.judged)
    around.end()
    assert (asker.failures, around.balancer.refused, shift.holes) == ([], 0, [])
    for watcher in (plot, shift):
        assert len(watcher.told) >= 2, "each had to leave its gateway, there and back"
        assert set(watcher.told) == {SERVICE_RESTART}


def test_a_run_is_whole_and_seen_while_all_processes_become_another_release_and_are_rolled_back(
    releases: Releases,
) -> None:
    """Two gateways stand behind a balancer: no question fails, and no LS, verdict or step of an
    alarm is missed."""
    settings = releases.settings
    produce = ["produce", "--synthetic", *SOURCE, "--json"]
    with (
        _system(settings) as rollout,
        balanced(*rollout.ports.values()) as balancer,
        subprocess.Popen(
            command([*produce, "--speed", "1"]),
            env=environment(settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as producer,
    ):
        around = Around(balancer)
        wait_for("LS 1 is judged", lambda: bool(around.plot.entries and around.shift.judged))
        _there(rollout, around, releases)
        address = rollout.address("gateway d")
        wait_for("the new quality test speaks", lambda: bool(_judged(address)))
        _and_back(rollout, around, releases)
        assert producer.poll() is None, "events came all the while"
        # The rest comes as fast as it goes: a source goes on where it was stopped.
        producer.terminate()
        producer.wait(PATIENCE)
        rest = finished([*produce, "--speed", "0"], settings, timeout=PATIENCE)["sent"]
        assert [(one["lumisection"], one["dropped"]) for one in rest] == [(LENGTH, 0)]
        wait_for("all is stored", lambda: contents_in_store(settings, 1) == releases.truth)
        judged = _judged(balancer.address)
        assert judged, "what the newer release found stays"
        assert not {1, LENGTH} & judged, "before and after it nobody knew of its quality test"
        _nothing_was_missed(around, settings, [rollout.address(one) for one in rollout.ports])
    assert contents_in_log(settings) == releases.truth
    assert _schema(settings) == releases.schema
