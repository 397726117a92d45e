"""Scraping, rules, alerts and dashboard, by promtool and against what services really expose."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.monitoring.families import FAMILIES
from tests.deployment.conftest import Deployment
from tests.deployment.files import COMPOSE, DOCKER, ROOT, load, made, our_services, settings_of
from tests.deployment.promql import labels_in, metrics_in

_PROMETHEUS = DOCKER / "prometheus"
_DASHBOARD = DOCKER / "grafana" / "dashboards" / "dqmstream.json"
_RULE_TESTS = Path(__file__).parent / "alerts.test.yaml"
# Prometheus' own, and what scraping adds.
_GIVEN_SERIES = {"up", "ALERTS"}
_GIVEN_LABELS = {"job", "instance", "le", "alertname", "alertstate"}


def _promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "promtool", *arguments], capture_output=True, text=True, check=False
    )


def _rules(name: str) -> list[dict[str, Any]]:
    return [rule for group in load(_PROMETHEUS / name)["groups"] for rule in group["rules"]]


_RECORDED = {rule["record"]: rule["expr"] for rule in _rules("recording.yaml")}
_ALERTS = {rule["alert"]: rule for rule in _rules("alerts.yaml")}


def _dashboard_expressions() -> Iterator[str]:
    document = json.loads(_DASHBOARD.read_text())
    for panel in document["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    yield from (one["expr"] for one in document["annotations"]["list"])


def _expressions() -> list[str]:
    alerts = [rule["expr"] for rule in _ALERTS.values()]
    return [*_RECORDED.values(), *alerts, *_dashboard_expressions()]


def test_prometheus_takes_its_configuration() -> None:
    done = _promtool("check", "config", _PROMETHEUS / "prometheus.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("SUCCESS") >= 3


@pytest.mark.timeout(300)  # promtool computes for half a minute of one processor
def test_the_rules_do_what_their_tests_say() -> None:
    done = _promtool("test", "rules", _RULE_TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)  # promtool computes for half a minute of one processor
def test_a_rule_that_is_wrong_fails_its_test(tmp_path: Path) -> None:
    for name in ("recording.yaml", "alerts.yaml"):
        (tmp_path / name).write_text(
            (_PROMETHEUS / name)
            .read_text()
            .replace("dqm:lag_records > 1000", "dqm:lag_records > 1")
        )
    tests = _RULE_TESTS.read_text().replace("../../docker/prometheus/", f"{tmp_path}/")
    (tmp_path / "alerts.test.yaml").write_text(tests)
    done = _promtool("test", "rules", tmp_path / "alerts.test.yaml")
    assert done.returncode != 0
    assert "DqmLag" in done.stdout + done.stderr


@pytest.mark.parametrize("name", _ALERTS)
def test_an_alert_is_tried_both_quiet_and_firing(name: str) -> None:
    expression = f'ALERTS{{alertname="{name}",alertstate="firing"}}'
    found = [
        bool(one["exp_samples"])
        for test in load(_RULE_TESTS)["tests"]
        for one in test.get("promql_expr_test", [])
        if one["expr"] == expression
    ]
    assert set(found) == {True, False}


@pytest.mark.parametrize("name", _ALERTS)
def test_an_alert_says_what_it_means_and_how_bad_it_is(name: str) -> None:
    rule = _ALERTS[name]
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")


def test_the_memory_alerts_follow_the_limits_of_the_containers() -> None:
    expression = _ALERTS["DqmProcessLarge"]["expr"]
    units = {"m": 1024**2, "g": 1024**3}
    limits: dict[str, float] = {}
    for jobs, factors in re.findall(r'job=~"([^"]+)"\} > ([\d.* ]+)', expression):
        value = 1.0
        for factor in factors.split("*"):
            value *= float(factor)
        limits |= dict.fromkeys(jobs.split("|"), value)
    for name, service in our_services().items():
        allowed = service["mem_limit"]
        assert limits[name] == pytest.approx(0.9 * float(allowed[:-1]) * units[allowed[-1]])


def test_every_service_is_scraped_where_it_serves_its_metrics(tmp_path: Path) -> None:
    jobs = {job["job_name"]: job for job in load(_PROMETHEUS / "prometheus.yaml")["scrape_configs"]}
    assert set(jobs) == set(our_services())
    for name, job in jobs.items():
        (found,) = job["dns_sd_configs"]
        settings = settings_of(our_services()[name]["environment"], tmp_path)
        assert (found["names"], found["type"]) == ([name], "A")
        assert found["port"] == settings.metrics_port


def test_the_dashboard_is_the_one_that_its_script_writes() -> None:
    assert _DASHBOARD.read_text() == made(DOCKER / "grafana" / "make_dashboard.py")


def test_the_dashboard_reads_a_source_that_is_provisioned_and_is_found() -> None:
    sources = load(DOCKER / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    known = {one["uid"] for one in sources}
    document = json.loads(_DASHBOARD.read_text())
    plots = [panel for panel in document["panels"] if panel["type"] != "row"]
    assert {plot["datasource"]["uid"] for plot in plots} <= known
    identities = [panel["id"] for panel in document["panels"]]
    assert len(set(identities)) == len(identities)
    (provider,) = load(DOCKER / "grafana/provisioning/dashboards/dqmstream.yaml")["providers"]
    grafana = load(COMPOSE)["services"]["grafana"]
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in grafana["volumes"]}
    folder = DOCKER / mounted[provider["options"]["path"]]
    assert (folder / _DASHBOARD.name) == _DASHBOARD
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert home.name == _DASHBOARD.name


def test_every_recorded_series_is_used_and_every_one_that_is_used_is_recorded() -> None:
    used = {name for text in _expressions() for name in metrics_in(text) if ":" in name}
    assert used == set(_RECORDED)


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_every_metric_that_is_asked_for_is_exposed_by_a_running_service(
    deployment: Deployment,
) -> None:
    """And has the labels that are asked for; a misspelt name would be an alert that never comes."""
    exposed: dict[str, set[str]] = {}
    for service in deployment.services.values():
        for family in service.families:
            suffixes = {
                "counter": ("_total",),
                "histogram": ("_bucket", "_sum", "_count"),
            }.get(family.type, ("",))
            for suffix in suffixes:
                exposed.setdefault(family.name + suffix, set())
            for sample in family.samples:
                exposed.setdefault(sample.name, set()).update(sample.labels)
    # A watcher is no part of the deployment; that it exposes its families is tested beside them.
    for declared in FAMILIES["watcher"]:
        exposed[declared.name + ("_total" if declared.kind == "counter" else "")] = set()
    # A family whose labels have had no value yet has no sample to show them by.
    for families in FAMILIES.values():
        for declared in families:
            for name in (declared.name, f"{declared.name}_total", f"{declared.name}_bucket"):
                if name in exposed:
                    exposed[name] |= set(declared.labels)
    for text in _expressions():
        asked = {name for name in metrics_in(text) if ":" not in name} - _GIVEN_SERIES
        assert asked <= set(exposed), text
        read = asked | {
            name for one in metrics_in(text) & set(_RECORDED) for name in metrics_in(_RECORDED[one])
        }
        labels = set().union(*(exposed.get(name, set()) for name in read)) | _GIVEN_LABELS
        assert labels_in(text) <= labels, text


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_a_short_run_moves_what_the_dashboard_shows_of_its_flow(deployment: Deployment) -> None:
    """Names are not enough: these count something while a run passes."""
    services = deployment.services
    assert services["producer"].total("dqm_producer_selected_events_total") > 0
    assert services["filler"].total("dqm_filler_events_total") == 6 * 2 * 200
    assert services["filler"].total("dqm_filler_event_to_closed_seconds_count") > 0
    assert services["comparator"].total("dqm_comparator_judge_seconds_count") > 0
    assert services["recorder"].total("dqm_recorder_closed_sets_total") > 0
    assert services["gateway"].total("dqm_gateway_held_bytes") > 0
    assert services["gateway"].total("dqm_gateway_clients") == 1
    assert services["gateway"].total("dqm_gateway_event_to_screen_seconds_count") > 0
    for service in services.values():
        assert service.total("process_resident_memory_bytes") > 0
        assert service.total("dqm_kafka_acknowledged_bytes_total") > 0


def test_no_name_of_ours_escapes_the_check() -> None:
    """The reader of expressions knows what it reads."""
    text = (
        'max by (job) (sum by (job, instance) (a_b{state="stale"})) or rate(c:d[5m] offset 10m) * 0'
    )
    assert metrics_in(text) == {"a_b", "c:d"}
    assert labels_in(text) == {"job", "instance", "state"}
    assert metrics_in("summ(x)") == {"summ", "x"}
    assert os.access(ROOT / "scripts" / "promtool", os.X_OK)
