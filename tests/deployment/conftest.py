"""The system of the compose file, run for real: its commands and its settings, on a real Kafka."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from playback.broker.ports import free_port
from tests.deployment.files import DOCKER, image_environment, our_services

PLOT = "Pixel/clusters"
_PATIENCE = 240.0
_PROGRAM = Path(sys.executable).parent / "dqmstream"


@dataclass
class Service:
    """One container's process: what it was started with, where it answers, what it wrote."""

    name: str
    command: list[str]
    environment: dict[str, str]
    metrics: int
    log: Path
    process: subprocess.Popen[bytes]
    families: list[Metric] = field(default_factory=list)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of an answer at the port of the metrics; 0 while nobody listens."""
        return get(f"http://127.0.0.1:{self.metrics}{path}")

    def is_ready(self) -> bool:
        """Whether it says so."""
        return self.get("/readyz")[0] == 200

    def scrape(self) -> None:
        """Keep what it exposes now."""
        status, text = self.get("/metrics")
        if status == 200:
            self.families = list(text_string_to_metric_families(text))

    def lines(self) -> list[str]:
        """What it has written to standard error."""
        return self.log.read_text().splitlines()

    def total(self, sample: str) -> float:
        """Sum over all label values of one sample's name, as scraped last."""
        return sum(s.value for one in self.families for s in one.samples if s.name == sample)


@dataclass(frozen=True)
class Deployment:
    """All services of the compose file, one process each, after a short run."""

    services: dict[str, Service]
    page: str


def get(url: str) -> tuple[int, str]:
    """Status and body of an answer; 0 while nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except (OSError, http.client.HTTPException):  # who ends may end in the middle of an answer
        return 0, ""


def wait_until(fact: Callable[[], Any], what: str, services: dict[str, Service]) -> None:
    """Wait for a fact; a service that ends meanwhile, or a fact that never comes, fails."""
    deadline = time.monotonic() + _PATIENCE
    while not fact():
        for one in services.values():
            if one.process.poll() not in {None, 0}:
                pytest.fail(f"{one.name} ended while waiting for {what}:\n" + one.log.read_text())
        if time.monotonic() > deadline:
            written = "\n".join(line for one in services.values() for line in one.lines()[-5:])
            pytest.fail(f"no {what} within {_PATIENCE:.0f} s\n{written}")
        time.sleep(0.1)


def _start(name: str, kafka: str, prefix: str, folder: Path) -> Service:
    """A container without a container: the image's variables under those of the compose file.

    Only what names a place is changed: addresses, ports, folders, and the store, which is SQLite.
    """
    service = our_services()[name]
    given = image_environment() | {k: str(v) for k, v in service["environment"].items()}
    given.pop("DQMSTREAM_STORE_PASSWORD_FILE", None)
    if "DQMSTREAM_STORE" in given:
        given["DQMSTREAM_STORE"] = f"sqlite:///{folder / 'store.sqlite'}"
    given |= {
        "DQMSTREAM_KAFKA": kafka,
        "DQMSTREAM_KAFKA_PREFIX": prefix,
        "DQMSTREAM_DATA": str(folder / "data"),
        "DQMSTREAM_NUMBA_CACHE": str(folder / "kernels"),
        "DQMSTREAM_HOST": "127.0.0.1",
        "DQMSTREAM_PORT": str(free_port()),
        "DQMSTREAM_METRICS_HOST": "127.0.0.1",
        "DQMSTREAM_METRICS_PORT": str(free_port()),
    }
    if name == "notifier":
        # The file that is mounted, where it is.
        given["DQMSTREAM_NOTIFICATIONS"] = str(DOCKER / "notify" / "notifications.toml")
    log = folder / f"{name}.log"
    others = {k: v for k, v in os.environ.items() if not k.startswith("DQMSTREAM_")}
    command = list(service["command"])
    if name == "producer":
        # The same command; the last of an option counts: a short run, in a hurry.
        command += ["--lumisections", "6", "--seconds", "2", "--rate", "200"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [_PROGRAM, *command], env=others | given, stdout=subprocess.DEVNULL, stderr=file
        )
    return Service(
        name=name,
        command=list(service["command"]),
        environment=given,
        metrics=int(given["DQMSTREAM_METRICS_PORT"]),
        log=log,
        process=process,
    )


@pytest.fixture(scope="session")
def deployment(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Every service as the compose file starts it; a short run has passed through them."""
    folder, prefix = tmp_path_factory.mktemp("deployment"), f"t{uuid4().hex[:12]}-"
    services: dict[str, Service] = {}
    with contextlib.ExitStack() as stack:
        # The producer last: the others have to be there before it can be seen to arrive.
        for name in sorted(our_services(), key=lambda name: name == "producer"):
            services[name] = one = _start(name, kafka, prefix, folder)
            stack.callback(one.process.wait)
            stack.callback(one.process.kill)
            if name != "producer":
                wait_until(one.is_ready, f"ready {name}", services)
            if name == "gateway":
                page = f"http://127.0.0.1:{one.environment['DQMSTREAM_PORT']}"
                stack.enter_context(_viewer(page))
        _watch_the_run(services)
        yield Deployment(services=services, page=page)


@contextlib.contextmanager
def _viewer(page: str) -> Iterator[None]:
    """Somebody who looks at a plot, and asks for a page now and then."""
    assert get(f"{page}/api/v1/runs")[0] == 200
    stream = f"{page.replace('http', 'ws')}/api/v1/stream"
    # A gateway that is slow to answer on a busy machine has lost nobody.
    with connect(stream, open_timeout=120, ping_timeout=None) as client:
        client.send(json.dumps({"type": "subscribe", "id": "plot", "paths": [PLOT]}))
        reader = threading.Thread(target=_look, args=(client,))
        reader.start()
        try:
            yield
        finally:
            client.close()
            reader.join()


def _look(client: ClientConnection) -> None:
    """Take what comes, until one of the two goes away."""
    with contextlib.suppress(ConnectionClosed, OSError):
        for _ in client:
            pass


def _watch_the_run(services: dict[str, Service]) -> None:
    """Scrape all services until the producer is done and its run is judged and stored."""

    def done() -> bool:
        for one in services.values():
            one.scrape()
        return (
            services["producer"].process.poll() == 0
            and services["comparator"].total("dqm_comparator_lumisection") >= 6
            and services["recorder"].total("dqm_recorder_lumisection") >= 6
            and services["gateway"].total("dqm_gateway_lumisection") >= 6
        )

    wait_until(done, "run of six LSs in the store and on the page", services)
    # Those that were scraped first were so before the last one was done.
    for one in services.values():
        one.scrape()


def stop(service: Service) -> int:
    """Ask a service to stop, as an engine does; its exit status."""
    service.process.send_signal(signal.SIGTERM)
    return service.process.wait(timeout=_PATIENCE)


def parsed(line: str) -> dict[str, Any] | None:
    """A log line's fields; None if it is no JSON object."""
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
