"""A program on another machine: events over HTTP, histograms back, and a gateway that dies."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dqmstream import Client, Producer
from dqmstream.client import GatewayUnavailableError
from dqmstream.errors import ConfigurationError, LogUnavailableError
from dqmstream.producing import ProducerSettings
from playback.broker.ports import free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

WORKSPACE = """
workspace = "my_detector"
description = "What the shifter should know."

[[elements]]
kind = "histogram"
path = "MyDetector/charge"
fill = "hit.charge"
axes = [{ type = "regular", bins = 40, lower = 0, upper = 40, label = "charge" }]
"""
LUMISECTIONS = 12
CHUNKS = 5
QUICK = ProducerSettings(retry_first=0.05, retry_most=0.5)


@dataclass
class System:
    """A whole system that can be killed and started again in the same folder."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "services.cli", "run", "--port", str(self.port)]
        command += ["--data", str(self.folder / "data")]
        command += ["--workspaces", str(self.folder / "my.toml")]
        with (self.folder / "out").open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out)

    def end(self, how: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(150)


@pytest.fixture
def token(tmp_path: Path) -> str:
    """Made by the command, as an expert would."""
    command = [sys.executable, "-m", "services.cli", "token", "new", "--role", "producer"]
    command += ["--name", "me", "--source", "mine", "--data", str(tmp_path / "data")]
    made = subprocess.run(command, capture_output=True, text=True, timeout=150, check=True)
    return made.stdout.split()[-1]


@pytest.fixture
def system(tmp_path: Path, token: str) -> Iterator[System]:
    """Started when the token is there: of one that is made later it knows within a second."""
    (tmp_path / "my.toml").write_text(WORKSPACE)
    system = System(tmp_path, free_port())
    system.start()
    try:
        yield system
    finally:
        system.end(signal.SIGTERM)


def charges(lumisection: int, chunk: int) -> list[np.ndarray]:
    rng = np.random.default_rng([lumisection, chunk])
    return [rng.normal(20, 6, size) for size in rng.integers(0, 4, 50)]


def send(system: System, token: str, *, kill_in: int | None) -> int:
    """Send a run that can be read again; kill the system in an LS, and start it again."""
    producer = Producer(system.url, "mine", token=token, settings=QUICK)
    with producer.run(3, reads="these charges") as run:
        first = run.resumes_after + 1
        for lumisection in range(first, LUMISECTIONS + 1):
            for chunk in range(CHUNKS):
                charge = charges(lumisection, chunk)
                run.send(lumisection, {"event": np.arange(50), "hit": {"charge": charge}})
                if (lumisection, chunk) == (kill_in, 2):
                    system.end(signal.SIGKILL)
                    system.start()
            run.end_lumisection(lumisection)
    return first


def until_there(system: System) -> None:
    """Wait until the gateway answers; the test's time-out is the limit."""
    with Client(system.url) as client:
        while True:
            try:
                client.get("elements")
            except GatewayUnavailableError:
                assert system.process is not None
                assert system.process.poll() is None, (system.folder / "out").read_text()
                time.sleep(0.1)
                continue
            return


def test_a_program_outlives_the_gateway(system: System, token: str) -> None:
    """Killed in the middle and started again: nothing is lost, and nothing is there twice."""
    until_there(system)
    assert send(system, token, kill_in=6) == 1
    assert send(system, token, kill_in=None) == LUMISECTIONS + 1
    edges = np.linspace(0, 40, 41)
    with Client(system.url) as client:
        for element in client.follow("MyDetector/charge", window="run"):
            if element.last == LUMISECTIONS and element.closed:
                break
        series = client.series("MyDetector/charge", run=3)
        assert series.lumisections.tolist() == list(range(1, LUMISECTIONS + 1))
        for lumisection, row in enumerate(series.values(), 1):
            sent = np.concatenate([np.concatenate(charges(lumisection, n)) for n in range(CHUNKS)])
            np.testing.assert_array_equal(row, np.histogram(sent, edges)[0])
        account = client.get("runs/3")["accounting"]
        assert account["seen"] == account["selected"] == LUMISECTIONS * CHUNKS * 50
        assert account["dropped"] == account["late_events"] == 0
        assert account["refused"] == {}


def test_without_the_right_token_nothing_begins(system: System, token: str) -> None:
    until_there(system)
    for name, given in (("mine", "wrong"), ("another", token)):
        producer = Producer(system.url, name, token=given)
        with (
            pytest.raises(ConfigurationError, match=r"40[13]") as refused,
            producer.run(1) as run,
        ):
            run.send(1, {"event": [1]})
        assert given not in str(refused.value)


def test_no_gateway_is_said_at_the_start(token: str) -> None:
    producer = Producer(f"http://127.0.0.1:{free_port()}", "mine", token=token)
    with pytest.raises(LogUnavailableError, match="Connect"), producer.run(1):
        raise AssertionError


def test_lines_of_json_from_a_shell(system: System, token: str) -> None:
    """What the documentation says of HTTP, with nothing but curl."""
    until_there(system)
    base = f"{system.url}/api/v1/ingest/runs/4/sources/mine/life-1"

    def put(path: str, body: str, kind: str = "application/json") -> dict[str, object]:
        command = ["curl", "-sS", "-X", "PUT", f"{base}{path}", "-H", f"content-type: {kind}"]
        command += ["-H", f"authorization: Bearer {token}", "--data-binary", body]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    put("", "{}")
    lines = (
        '{"columns": {"hit": {"charge": "float32"}}}\n{"hit": [{"charge": 12.5}]}\n{"hit": []}\n'
    )
    chunk = put("/lumisections/1/chunks/0", lines, "application/x-ndjson")
    assert chunk["selected"] == 2
    put("/lumisections/1/end", '{"chunks": 1, "seen": 2, "selected": 2}')
    put("/end", '{"last_lumisection": 1}')
    with Client(system.url) as client:
        for element in client.follow("MyDetector/charge", run=None, window="run"):
            if element.closed and element.run == 4:
                break
        assert element.counts()[12] == element.entries == 1
