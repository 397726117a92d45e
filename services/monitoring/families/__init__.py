"""Which metrics there are: name, kind, labels, meaning, and the field of a progress they come from.

`docs/metrics.md` lists the same; a test compares them. Labels have few values, whatever runs come:
runs and LSs are values of gauges, never labels.
"""

from typing import Final, Literal, TypeAlias

from services.monitoring.families.alarming import ALARMS
from services.monitoring.families.family import Family
from services.monitoring.families.folding import ANALYSER, FILLER
from services.monitoring.families.judging import COMPARATOR, DISPLAY, RECORDER
from services.monitoring.families.posted import POSTED
from services.monitoring.families.sending import LOG_FAMILIES, PRODUCER, WATCHER
from services.monitoring.families.telling import NOTIFIER

__all__ = ["FAMILIES", "LOG_FAMILIES", "Family", "Service"]

Service: TypeAlias = Literal[
    "filler",
    "posted",
    "analyser",
    "comparator",
    "recorder",
    "producer",
    "watcher",
    "display",
    "notifier",
    "alarms",
]

FAMILIES: Final[dict[Service, tuple[Family, ...]]] = {
    "filler": FILLER,
    "posted": POSTED,
    "analyser": ANALYSER,
    "comparator": COMPARATOR,
    "recorder": RECORDER,
    "producer": PRODUCER,
    "watcher": WATCHER,
    "display": DISPLAY,
    "notifier": NOTIFIER,
    "alarms": ALARMS,
}
