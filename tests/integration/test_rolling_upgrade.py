"""Fillers and the gateway are replaced one by one while events come: nothing is lost, nothing is
counted twice, and whoever looks at a plot goes on looking."""

import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from dqmstream.client import Client
from dqmstream.client.errors import GatewayError
from playback.bench.deployment import Deployment, deployed
from playback.bench.program import command, environment, finished
from tests.integration.test_kafka import contents_in_log, contents_in_store, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PATIENCE = 120
LENGTH = 60
SYNTHETIC = ["--lumisections", str(LENGTH), "--rate", "60", "--seconds", "2", "--seed", "5"]
SOURCE = [*SYNTHETIC, "--no-faults"]
PATH = "Pixel/clusters_per_event"


class Watcher(threading.Thread):
    """A program that follows a plot of the run, and connects again whenever its gateway goes."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self._address = address
        self.connections = 0
        self.entries: list[int] = []
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            try:
                with Client(self._address) as client:
                    for number, element in enumerate(client.follow(PATH, window="run")):
                        self.connections += number == 0
                        self.entries.append(element.entries)
                        if self.done.is_set():
                            break
            except GatewayError:
                self.done.wait(0.2)


def _replaced(system: Deployment, old: str, new: str, *arguments: str, **settings: str) -> None:
    """The new one works before the old one goes, which ends in order."""
    system.start(new, *arguments, **settings)
    system.wait(new)
    assert system.end(old) == 0


def test_fillers_and_the_gateway_are_replaced_while_a_run_comes(
    kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    """As a new release of the same set takes over: same group, other processes."""
    alone = {"data": str(tmp_path / "alone"), "port": "0", "workspaces": "pixel"}
    finished(["demo", *SOURCE, "--speed", "0", "--exit", "--json"], alone, timeout=PATIENCE)
    truth = contents_in_store(alone, 1)
    assert len(truth) == LENGTH
    settings: Mapping[str, str] = {
        "kafka": kafka,
        "kafka_prefix": kafka_prefix,
        "data": str(tmp_path / "data"),
        "workspaces": "pixel",
        "partitions": "3",
    }
    produce = ["produce", "--synthetic", *SOURCE, "--json"]
    with deployed(settings, fillers=2) as system:
        watcher = Watcher(system.address)
        with subprocess.Popen(
            command([*produce, "--speed", "1"]),
            env=environment(settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as producer:
            watcher.start()
            wait_for("the plot is seen", lambda: bool(watcher.entries))
            _replaced(system, "filler 0", "filler 2", "fill")
            _replaced(system, "filler 1", "filler 3", "fill", publish_interval="0.5")
            before = watcher.connections
            port = system.address.rpartition(":")[2]
            assert system.end("gateway") == 0
            system.start("gateway", "serve", port=port)
            system.wait("gateway")
            wait_for("the plot is seen again", lambda: watcher.connections > before)
            seen = len(watcher.entries)
            wait_for("the plot goes on", lambda: len(watcher.entries) > seen + 1)
            assert producer.poll() is None, "events came all the while"
            # The rest comes as fast as it goes: a source goes on where it was stopped.
            producer.terminate()
        rest = finished([*produce, "--speed", "0"], settings, timeout=PATIENCE)["sent"]
        assert [(one["lumisection"], one["dropped"]) for one in rest] == [(LENGTH, 0)]
        wait_for("all is stored", lambda: contents_in_store(settings, 1) == truth)
        with Client(system.address) as client:
            expected = client.element(PATH, run=1).entries
        wait_for("the plot is whole", lambda: watcher.entries[-1] == expected)
        watcher.done.set()
    assert contents_in_log(settings) == truth
    watcher.join(PATIENCE)
