"""A broker that goes away: processes say that they are not ready, wait, and go on; none ends."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from playback.bench.program import command, environment
from playback.broker import Cluster
from playback.broker.ports import free_port
from tests.integration.test_kafka import closed, contents_in_log, page, wait_for

LENGTH = 5
"""LSs that are waited for behind those before the outage."""


@dataclass(frozen=True)
class Running:
    """A process, and where it tells of its health."""

    process: "subprocess.Popen[bytes]"
    errors: Path
    health: str

    def is_ready(self) -> bool:
        """What it says itself; a process that has ended fails the test."""
        assert self.process.poll() is None, self.errors.read_text()
        return _answers(f"{self.health}/readyz")

    def is_alive(self) -> bool:
        """Whether it counts as one that nobody need restart."""
        return _answers(f"{self.health}/healthz")


def _answers(url: str) -> bool:
    try:
        page(url)
    except OSError:  # 503 too
        return False
    return True


@contextmanager
def started(folder: Path, settings: Mapping[str, str], *names: str) -> Iterator[dict[str, Running]]:
    """Services as processes; killed at the end, if they still run."""
    running = {}
    try:
        for name in names:
            port = free_port()
            errors = folder / f"{name}.err"
            with errors.open("wb") as stream:
                process = subprocess.Popen(
                    command([name]),
                    env=environment({**settings, "metrics_port": str(port)}),
                    stdout=subprocess.DEVNULL,
                    stderr=stream,
                )
            running[name] = Running(process, errors, f"http://127.0.0.1:{port}")
        yield running
    finally:
        for one in running.values():
            one.process.kill()
            one.process.wait()


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_processes_outlive_a_broker_and_stop_in_order_without_one(
    tmp_path: Path, kafka_prefix: str
) -> None:
    """All is filled once it is back, nothing twice; SIGTERM meanwhile ends with status 0."""
    with Cluster.start(tmp_path / "brokers") as cluster:
        settings = {
            "kafka": cluster.bootstrap,
            "kafka_prefix": kafka_prefix,
            "data": str(tmp_path / "data"),
            "port": str(free_port()),
            "workspaces": "pixel",
            # However long the broker takes to come back, no LS is closed meanwhile.
            "lumisection_timeout": "300",
        }
        address = f"http://127.0.0.1:{settings['port']}"
        services = ("fill", "compare", "record", "serve")
        # It does not end before it is told to: the broker goes away in the middle of it.
        source = ["--synthetic", "--seconds", "2", "--rate", "50", "--lumisections", "5000"]
        with started(tmp_path, settings, *services) as running:
            wait_for("all are ready", lambda: all(one.is_ready() for one in running.values()))
            with subprocess.Popen(
                command(["produce", *source, "--json"]),
                env=environment(settings),
                stdout=subprocess.PIPE,
            ) as producer:
                try:
                    wait_for("events are shown", lambda: len(closed(address, 1)) > 0)
                    wanted = set(range(1, max(closed(address, 1)) + LENGTH + 1))
                    cluster.brokers[0].stop()
                    wait_for(
                        "none is ready", lambda: not any(r.is_ready() for r in running.values())
                    )
                    assert all(one.is_alive() for one in running.values())
                    assert producer.poll() is None
                    cluster.brokers[0].start()
                    wait_for(
                        "all are ready", lambda: all(one.is_ready() for one in running.values())
                    )
                    wait_for("all is shown", lambda: closed(address, 1) >= wanted)
                    producer.terminate()
                    producer.communicate(timeout=240)
                    assert producer.returncode == 0
                finally:
                    producer.kill()
            contents = contents_in_log(settings, max(wanted))
            assert {lumisection for _, lumisection, _ in contents} == wanted
            cluster.brokers[0].kill()
            for one in running.values():
                one.process.terminate()
            for name, one in running.items():
                assert one.process.wait(240) == 0, (name, one.errors.read_text())
