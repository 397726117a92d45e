"""What a running system says of itself: metrics, health, log lines, status; on both logs."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from playback.broker.ports import free_port
from services.status.statuses import StatusReport
from tests.ecs_lines import check

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("dqmstream"))
PATIENCE = 240.0
_ELSEWHERE = ("dqm_watcher", "dqm_analyser", "dqm_notifier")


class System:
    """A `dqmstream demo` that runs, and where it answers."""

    def __init__(self, environment: Mapping[str, str], port: int, metrics_port: int) -> None:
        self.environment = environment
        self.url = f"http://127.0.0.1:{port}"
        self.metrics_url = f"http://127.0.0.1:{metrics_port}"

    def metrics(self) -> dict[str, tuple[str, str, float]]:
        """Name as on the page to type, meaning, and sum of the samples."""
        found = {}
        for family in text_string_to_metric_families(fetch(f"{self.metrics_url}/metrics")):
            name = family.name + ("_total" if family.type == "counter" else "")
            total = sum(sample.value for sample in family.samples if sample.name == name)
            if not name.endswith("_created"):
                found[name] = (family.type, family.documentation, total)
        return found

    def status(self, *more: str) -> StatusReport:
        done = subprocess.run(
            [COMMAND, "status", "--json", *more],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
        return StatusReport.model_validate_json(done.stdout)


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 our own
        return answer.read().decode()


def until(what: Callable[[], Any], why: str) -> None:
    """Wait until something is true; not to be answered yet is as good as false, by the program
    too."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if what():
                return
        except (OSError, subprocess.CalledProcessError):
            pass
        time.sleep(0.2)
    pytest.fail(why)


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[System]:
    """A demo until the block ends; all it has logged is checked then."""
    port, metrics_port = free_port(), free_port()
    values = {
        "data": str(folder / "data"),
        "port": str(port),
        "metrics_port": str(metrics_port),
        "log_format": "json",
        "log_level": "info",
    }
    names = {f"DQMSTREAM_{name.upper()}": value for name, value in (values | settings).items()}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DQMSTREAM_")} | names
    log = folder / "log.jsonl"
    arguments = ["--lumisections", "500", "--seconds", "2", "--rate", "100"]
    with log.open("w") as errors:
        demo = subprocess.Popen(
            [COMMAND, "demo", *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=errors
        )
    try:
        yield System(environment, port, metrics_port)
    finally:
        demo.send_signal(signal.SIGINT)
        status = demo.wait(PATIENCE)
    lines = log.read_text().splitlines()
    assert status == 0, lines
    assert lines, "a demo at level info says something"
    for line in lines:
        check(json.loads(line))


def page() -> dict[str, tuple[str, str]]:
    """Name to type and meaning, as documented; a demo has no watcher, analyser or notifier."""
    found = {}
    for line in (ROOT / "docs" / "metrics.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[0].startswith("`"):
            found[cells[0].strip("`")] = (cells[1], cells[4])
    return {name: each for name, each in found.items() if not name.startswith(_ELSEWHERE)}


def check_running(system: System, documented: dict[str, tuple[str, str]], *status: str) -> None:
    until(lambda: fetch(f"{system.metrics_url}/readyz"), "the process does not become ready")
    closed = "dqm_recorder_closed_sets_total"
    until(lambda: system.metrics()[closed][2] > 0, "no lumisection reaches the store")
    assert json.loads(fetch(f"{system.metrics_url}/healthz"))["alive"] is True

    # A gauge of something that is not known yet, as the newest LS of the gateway, is not shown.
    until(lambda: system.metrics().keys() >= documented.keys(), "not all documented metrics appear")
    metrics = system.metrics()
    assert metrics.keys() == documented.keys()
    for name, (kind, text) in documented.items():
        if name.startswith("dqm_"):
            assert metrics[name][:2] == (kind, text)
    counted = ("filler_events", "producer_selected_events", "comparator_reports")
    for total in (f"dqm_{name}_total" for name in counted):
        until(lambda name=total: system.metrics()[name][2] > 0, f"{total} stays 0")  # type: ignore[misc]
    by_gateway = fetch(f"{system.url}/metrics")
    lint = [str(ROOT / "scripts" / "promtool"), "check", "metrics"]
    linted = subprocess.run(lint, input=by_gateway, capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stderr) == (0, "")
    assert "dqm_gateway_clients" in by_gateway
    assert "dqm_filler_events_total" in by_gateway

    # By heartbeats, which are a moment old, and late where there is much else to do.
    reports: list[StatusReport] = []

    def is_well() -> bool:
        reports.append(system.status(*status))
        return reports[-1].problems == () and all(
            service.state == "ready" for service in reports[-1].services
        )

    until(is_well, "not all services say that they are ready and well")
    told = reports[-1]
    names = {service.service for service in told.services}
    assert names == {
        "filler-0",
        "posted",
        "comparator",
        "display",
        "recorder",
        "gateway",
        "producer",
        "conditions",
        "alarms",
    }
    assert all(service.memory > 0 for service in told.services)
    assert {each.topic for each in told.positions} >= {"dqm.events", "dqm.histograms"}


def test_a_system_on_the_embedded_log(tmp_path: Path) -> None:
    documented = {name: each for name, each in page().items() if not name.startswith("dqm_kafka")}
    with running(tmp_path) as system:
        check_running(system, documented)


def test_a_system_on_kafka(tmp_path: Path, kafka: str, kafka_prefix: str) -> None:
    with running(tmp_path, kafka=kafka, kafka_prefix=kafka_prefix) as system:
        check_running(system, page())
        assert system.metrics()["dqm_kafka_acknowledged_messages_total"][2] > 0

        def is_the_same() -> bool:
            # The log tells the same as the gateway: nobody need run for a status.
            return system.status("--url", system.url).log == system.status().log

        until(is_the_same, "the gateway tells of another log")

    def has_stopped() -> bool:
        # A service has a moment for its last word: where a busy broker does not take it in time,
        # its silence tells it a little later.
        told = system.status()
        states = {service.state for service in told.services}
        is_silent = "stopping" in states and states <= {"stopping", "stale"}
        return is_silent and "no filler is ready" in told.problems

    until(has_stopped, "services that have ended are not told of as stopped")


def test_where_no_log_was_made_status_says_so_and_makes_none(kafka: str, kafka_prefix: str) -> None:
    names = {"DQMSTREAM_KAFKA": kafka, "DQMSTREAM_KAFKA_PREFIX": kafka_prefix}
    for _ in range(2):
        done = subprocess.run(
            [COMMAND, "status", "--once"],
            env=os.environ | names,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 1
        assert "no log has been made here" in done.stderr


def test_without_anything_running_status_says_so(tmp_path: Path) -> None:
    environment = os.environ | {"DQMSTREAM_PORT": str(free_port())}
    done = subprocess.run(
        [COMMAND, "status", "--once"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    assert "no gateway answers" in done.stderr
