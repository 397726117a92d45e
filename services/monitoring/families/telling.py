"""Metrics of the notifier."""

from typing import Final

from services.monitoring.families.family import PLACE, Family

__all__ = ["NOTIFIER"]

_BY_RECEIVER: Final = ("receiver",)

NOTIFIER: Final = (
    Family("dqm_notifier_records", "counter", "Records of dqm.alarms read.", "records"),
    Family(
        "dqm_notifier_delivered",
        "counter",
        "Notifications that a receiver took.",
        "delivered",
        _BY_RECEIVER,
    ),
    Family(
        "dqm_notifier_failed",
        "counter",
        "Tries that failed, or of which the answer is not known.",
        "failed",
        _BY_RECEIVER,
    ),
    Family(
        "dqm_notifier_dead",
        "counter",
        "Deliveries that were given up.",
        "dead",
        _BY_RECEIVER,
    ),
    Family(
        "dqm_notifier_pending",
        "gauge",
        "Deliveries that wait.",
        "pending",
        _BY_RECEIVER,
    ),
    Family(
        "dqm_notifier_failing_receivers",
        "gauge",
        "Receivers that fail for longer than they may, or for which too much waits.",
        "failing",
    ),
    Family(
        "dqm_notifier_telling_seconds",
        "histogram",
        "From a step of an alarm to its delivery, waits and quiet hours included.",
        "telling",
    ),
    Family(
        "dqm_notifier_refused",
        "counter",
        "Records put on the dead topic, by reason.",
        "refused",
        ("reason",),
    ),
    Family(
        "dqm_notifier_routes_version",
        "gauge",
        "Version of receivers and subscriptions in force; 0 if none was ever activated.",
        "routes",
    ),
    Family(
        "dqm_notifier_lag_records",
        "gauge",
        "Offsets between what is in the ledger and the end of the partition, when last looked at.",
        "lag",
        PLACE,
    ),
)
