"""Metrics of the service of alarms."""

from typing import Final, get_args

from dqmstream.messages.alarms import AlarmEvent, Displayed
from services.monitoring.families.family import PLACE, Family

__all__ = ["ALARMS"]

ALARMS: Final = (
    Family("dqm_alarms_records", "counter", "Records read.", "records"),
    Family(
        "dqm_alarms_transitions",
        "counter",
        "Steps of alarms, by what happened.",
        "transitions",
        ("event",),
        known=get_args(AlarmEvent),
    ),
    Family(
        "dqm_alarms_states",
        "gauge",
        "Alarms that were ever raised, by what is displayed of them.",
        "states",
        ("state",),
        known=get_args(Displayed),
    ),
    Family(
        "dqm_alarms_disobeyed",
        "counter",
        "Commands about alarms that were not followed; the log says why.",
        "disobeyed",
    ),
    Family(
        "dqm_alarms_repeated",
        "counter",
        "Steps that a process before had made and not told, told after a restart.",
        "repeated",
    ),
    Family(
        "dqm_alarms_refused",
        "counter",
        "Records that could not be read, by reason.",
        "refused",
        ("reason",),
    ),
    Family(
        "dqm_alarms_leads",
        "gauge",
        "1 in the process that works, 0 in one that stands by.",
        "leads",
    ),
    Family("dqm_alarms_run", "newest", "Run that goes on.", "run"),
    Family(
        "dqm_alarms_flood",
        "gauge",
        "1 while there are more new alarms than anybody can look at, else 0.",
        "flood",
    ),
    Family(
        "dqm_alarms_rules_version",
        "gauge",
        "Version of the rules in force; 0 if none was ever activated.",
        "rules",
    ),
    Family(
        "dqm_alarms_lag_records",
        "gauge",
        "Offsets between what is taken and the end of the partition, when last looked at.",
        "lag",
        PLACE,
    ),
)
