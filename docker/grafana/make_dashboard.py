"""Writes dashboards/dqmstream.json: `python docker/grafana/make_dashboard.py`.

Grafana wants some thirty lines for a plot of one; here is what matters of each: title, unit, and
what is drawn under which name.
"""

import json
from pathlib import Path
from typing import Any, Final

TARGET: Final = Path(__file__).parent / "dashboards" / "dqmstream.json"
_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
_COLUMNS: Final = 3
_WIDTH: Final = 24 // _COLUMNS
_HEIGHT: Final = 7

# Row, and in it plots: title, unit, {legend: expression}.
ROWS: Final[dict[str, list[tuple[str, str, dict[str, str]]]]] = {
    "Flow": [
        (
            "Events per second",
            "short",
            {
                "sent": "sum(rate(dqm_producer_selected_events_total[1m]))",
                "filled": "sum(rate(dqm_filler_events_total[1m]))",
            },
        ),
        ("Records that wait", "short", {"{{job}}": "dqm:lag_records"}),
        (
            "Lumisection",
            "none",
            {
                "sent": "max(dqm_producer_lumisection)",
                "filled": "max(dqm_filler_lumisection)",
                "analysed": "max(dqm_analyser_lumisection)",
                "judged": "max(dqm_comparator_lumisection)",
                "stored": "max(dqm_recorder_lumisection)",
                "shown": "max(dqm_gateway_lumisection)",
            },
        ),
        (
            "Lag of the fillers by partition",
            "short",
            {"{{partition}}": "max by (partition) (dqm_filler_lag_records)"},
        ),
        (
            "Open lumisections, over all partitions",
            "short",
            {"open": "sum(dqm_filler_open_segments)"},
        ),
        (
            "Bytes to Kafka",
            "Bps",
            {"{{job}}": "sum by (job) (rate(dqm_kafka_acknowledged_bytes_total[1m]))"},
        ),
    ],
    "Latency": [
        (
            "From event to screen",
            "s",
            {"p50": "dqm:event_to_screen_seconds:p50", "p99": "dqm:event_to_screen_seconds:p99"},
        ),
        (
            "From event to closed lumisection",
            "s",
            {"p50": "dqm:event_to_closed_seconds:p50", "p99": "dqm:event_to_closed_seconds:p99"},
        ),
        ("All tests of a workspace, p99", "s", {"{{workspace}}": "dqm:judge_seconds:p99"}),
        ("A write to the store, p99", "s", {"write": "dqm:store_write_seconds:p99"}),
        (
            "Closing a lumisection, p99",
            "s",
            {
                "close": "histogram_quantile(0.99, "
                "sum by (le) (rate(dqm_filler_close_seconds_bucket[5m])))"
            },
        ),
        (
            "Age of the newest histograms",
            "s",
            {"{{instance}}": "dqm_gateway_data_age_seconds"},
        ),
    ],
    "Losses": [
        (
            "Events dropped at the sources",
            "short",
            {"dropped": "sum(increase(dqm_filler_dropped_events_total[5m]))"},
        ),
        (
            "Chunks that came late",
            "short",
            {"late": "sum(increase(dqm_filler_late_chunks_total[5m]))"},
        ),
        (
            "Sources that are missing",
            "short",
            {"missing": "max(dqm_filler_missing_sources)"},
        ),
        ("Records refused since the start", "short", {"{{job}}": "dqm:refused_records"}),
        (
            "Sent again, and recognised",
            "short",
            {
                "sent again": "sum(increase(dqm_producer_resent_chunks_total[5m]))",
                "recognised": "sum(increase(dqm_filler_duplicates_total[5m]))",
            },
        ),
        (
            "Expired before they were stored; tries that failed",
            "short",
            {
                "expired": "sum(increase(dqm_recorder_expired_total[5m]))",
                "failed": "sum(increase(dqm_recorder_failures_total[5m]))",
            },
        ),
    ],
    "Quality": [
        (
            "Reports per second by outcome",
            "short",
            {"{{outcome}}": "sum by (outcome) (rate(dqm_comparator_reports_total[2m]))"},
        ),
        (
            "Lumisections closed, by why",
            "short",
            {"{{why}}": "sum by (why) (increase(dqm_filler_closed_segments_total[5m]))"},
        ),
        ("Tests that crashed since the start", "short", {"crashed": "dqm:crashed_tests"}),
    ],
    "Alarms and notifications": [
        (
            "Alarms by what is displayed",
            "short",
            {"{{state}}": 'sum by (state) (dqm_alarms_states{state!="normal"})'},
        ),
        (
            "Steps of alarms in 5 minutes",
            "short",
            {
                "{{event}}": "sum by (event) (increase(dqm_alarms_transitions_total[5m])) > 0",
                "flood": "max(dqm_alarms_flood)",
            },
        ),
        (
            "Records that alarms and notifications are behind",
            "short",
            {
                "alarms": "sum(dqm_alarms_lag_records)",
                "notifier": "sum(dqm_notifier_lag_records)",
            },
        ),
        (
            "Notifications in 5 minutes, by receiver",
            "short",
            {
                f"{{{{receiver}}}} {words}": "sum by (receiver) "
                f"(increase(dqm_notifier_{what}_total[5m]))"
                for words, what in (
                    ("took", "delivered"),
                    ("did not", "failed"),
                    ("given up", "dead"),
                )
            },
        ),
        (
            "Notifications that wait, and receivers that fail",
            "short",
            {
                "{{receiver}}": "max by (receiver) (dqm_notifier_pending)",
                "receivers that fail": "max(dqm_notifier_failing_receivers)",
            },
        ),
        (
            "From a step to its receiver, p99",
            "s",
            {"told": "dqm:telling_seconds:p99"},
        ),
        (
            "Versions in force",
            "none",
            {
                "alarm rules": "max(dqm_alarms_rules_version)",
                "receivers and subscriptions": "max(dqm_notifier_routes_version)",
            },
        ),
    ],
    "Analyses and single events": [
        (
            "An analysed lumisection, p99",
            "s",
            {
                "after its newest events": "dqm:event_to_analysed_seconds:p99",
                "analysing it": "dqm:analysis_seconds:p99",
            },
        ),
        ("Lumisections failed since the start", "short", {"{{workspace}}": "dqm:failed_analyses"}),
        (
            "Lumisections given in part since the start",
            "short",
            {"{{workspace}}": "sum by (workspace) (dqm_analyser_thinned_total)"},
        ),
        (
            "Lumisections held, over all partitions",
            "short",
            {"{{instance}}": "dqm_analyser_held_segments"},
        ),
        (
            "Events shown per second",
            "short",
            {"{{rule}}": "sum by (rule) (rate(dqm_display_events_total[2m]))"},
        ),
        (
            "Conditions found in events, lumisections per second",
            "short",
            {"found": "sum(rate(dqm_analyser_conditions_total[5m]))"},
        ),
    ],
    "Posted workspaces": [
        (
            "Events filled per second, by generation",
            "short",
            {"{{generation}}": "sum by (generation) (rate(dqm_posted_events_total[1m]))"},
        ),
        (
            "Records that wait, by generation",
            "short",
            {"{{generation}}": "sum by (generation) (dqm_posted_lag_records)"},
        ),
        (
            "Processor time of filling, share of one core",
            "percentunit",
            {"{{workspace}}": "sum by (workspace) (rate(dqm_posted_fill_seconds_total[1m]))"},
        ),
        (
            "Contents by workspace",
            "bytes",
            {"{{workspace}}": "max by (workspace) (dqm_posted_buffer_bytes)"},
        ),
        (
            "Records refused since the start",
            "short",
            {"{{reason}}": "sum by (reason) (dqm_posted_refused_total)"},
        ),
        (
            "Groups begun anew, generations not read, in 5 minutes",
            "short",
            {
                "begun anew": "sum(increase(dqm_posted_restarts_total[5m]))",
                "not read": "sum(increase(dqm_posted_unreadable_total[5m]))",
            },
        ),
    ],
    "Clients": [
        ("Open streams", "short", {"{{instance}}": "dqm_gateway_clients"}),
        (
            "Updates that wait for clients",
            "short",
            {
                "all": "sum(dqm_gateway_queued_updates)",
                "slowest": "max(dqm_gateway_queued_updates_max)",
            },
        ),
        (
            "Bytes to clients",
            "Bps",
            {"{{instance}}": "rate(dqm_gateway_stream_bytes_total[1m])"},
        ),
        ("Plots that are watched", "short", {"{{instance}}": "dqm_gateway_channels"}),
        (
            "Requests per second by status",
            "short",
            {"{{status}}": "sum by (status) (rate(dqm_gateway_requests_total[1m]))"},
        ),
        (
            "Look at what has changed, p99",
            "s",
            {
                "look": "histogram_quantile(0.99, "
                "sum by (le) (rate(dqm_gateway_look_seconds_bucket[2m])))"
            },
        ),
    ],
    "Memory and processes": [
        (
            "Resident memory",
            "bytes",
            {"{{job}} {{instance}}": 'process_resident_memory_bytes{job!=""}'},
        ),
        (
            "Contents by workspace",
            "bytes",
            {"{{job}} {{workspace}}": "dqm:workspace_bytes"},
        ),
        (
            "CPU",
            "percentunit",
            {"{{job}} {{instance}}": "rate(process_cpu_seconds_total[1m])"},
        ),
        (
            "Services by state",
            "short",
            {"{{service}} {{state}}": "max by (service, state) (dqm_gateway_services) > 0"},
        ),
        (
            "Age of the last heartbeat",
            "s",
            {"{{service}} {{instance}}": "dqm_process_heartbeat_age_seconds"},
        ),
        (
            "Buffer of the producers",
            "bytes",
            {"{{instance}}": "dqm_producer_buffer_bytes"},
        ),
    ],
}


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, plots in ROWS.items():
        panels.append(_row(title, top, identity=len(panels) + 1))
        top += 1
        for number, (name, unit, queries) in enumerate(plots):
            place = {
                "x": number % _COLUMNS * _WIDTH,
                "y": top + number // _COLUMNS * _HEIGHT,
                "w": _WIDTH,
                "h": _HEIGHT,
            }
            panels.append(_plot(name, unit, queries, place, identity=len(panels) + 1))
        top += -(-len(plots) // _COLUMNS) * _HEIGHT
    return {
        "uid": "dqmstream",
        "title": "dqmstream",
        "tags": ["dqm"],
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "graphTooltip": 1,
        "schemaVersion": 41,
        "annotations": {"list": [_alerts()]},
        "panels": panels,
    }


def _row(title: str, top: int, identity: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": 24, "h": 1}
    return {"id": identity, "type": "row", "title": title, "gridPos": place, "panels": []}


def _plot(
    title: str, unit: str, queries: dict[str, str], place: dict[str, int], identity: int
) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + i), "datasource": _SOURCE, "legendFormat": legend, "expr": text}
        for i, (legend, text) in enumerate(queries.items())
    ]
    return {
        "id": identity,
        "type": "timeseries",
        "title": title,
        "gridPos": place,
        "datasource": _SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list"}, "tooltip": {"mode": "multi"}},
    }


def _alerts() -> dict[str, Any]:
    """Marks on every plot where an alert fires."""
    return {
        "name": "Alerts",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{alertname=~"Dqm.*",alertstate="firing"}',
        "titleFormat": "{{alertname}}",
    }


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(dashboard(), indent=1) + "\n")
