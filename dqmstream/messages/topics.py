"""The topics of the log: names, partitioning and how long records are kept."""

from dataclasses import dataclass
from typing import Final

__all__ = [
    "ALARMS",
    "ALARM_STATE",
    "BOOKINGS",
    "CHECKPOINTS",
    "COMMANDS",
    "CONDITIONS",
    "CONFIGURATION",
    "DELIVERIES",
    "DISPLAYS",
    "EVENTS",
    "HEARTBEATS",
    "HISTOGRAMS",
    "QUALITY",
    "REFERENCES",
    "TOPICS",
    "Topic",
    "dead_topic",
]

BOOKINGS: Final = "dqm.bookings"
EVENTS: Final = "dqm.events"
CHECKPOINTS: Final = "dqm.checkpoints"
HISTOGRAMS: Final = "dqm.histograms"
CONDITIONS: Final = "dqm.conditions"
QUALITY: Final = "dqm.quality"
REFERENCES: Final = "dqm.references"
CONFIGURATION: Final = "dqm.configuration"
ALARMS: Final = "dqm.alarms"
ALARM_STATE: Final = "dqm.alarm-state"
COMMANDS: Final = "dqm.commands"
HEARTBEATS: Final = "dqm.heartbeats"
DISPLAYS: Final = "dqm.displays"
DELIVERIES: Final = "dqm.deliveries"

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """One topic: `keyed_by` is what its record key (and so its partition) is made of.

    `retention` is in seconds, None keeps for ever; `wide` topics have the configured number of
    partitions, the others one.
    """

    name: str
    messages: tuple[str, ...]
    keyed_by: str
    retention: float | None
    compacted: bool = False
    wide: bool = False
    description: str


def dead_topic(topic: str) -> str:
    """Where records of `topic` go that nobody can use."""
    return f"{topic}.dead"


_LIVE: Final = (
    Topic(
        name=BOOKINGS,
        messages=("Booking", "Activation"),
        keyed_by="set and workspace",
        retention=None,
        compacted=True,
        description="What each workspace of each set declares; which set readers show.",
    ),
    Topic(
        name=EVENTS,
        messages=(
            "EventBatch",
            "RunStart",
            "LumisectionEnd",
            "RunEnd",
            "LumisectionOpen",
            "LumisectionClose",
            "RunClose",
        ),
        keyed_by="source and chunk number, set explicitly",
        retention=6 * _HOUR,
        wide=True,
        description="Events in columns, and in band the control records between them.",
    ),
    Topic(
        name=CHECKPOINTS,
        messages=("AnalyserCheckpoint", "FillerCheckpoint", "FillerTenure", "SourceCheckpoint"),
        keyed_by="group, partition and epoch; group and partition; group; or source and run",
        retention=None,
        compacted=True,
        description=(
            "Where fillers, analysers and sources stand, with the state before it; who owns what."
        ),
    ),
    Topic(
        name=HISTOGRAMS,
        messages=("HistogramSet",),
        keyed_by="workspace",
        retention=3 * _DAY,
        wide=True,
        description="Whole contents of one workspace for one (run, LS, segment, partition).",
    ),
    Topic(
        name=CONDITIONS,
        messages=("Conditions", "RunStart", "RunEnd"),
        keyed_by="run",
        retention=7 * _DAY,
        description=(
            "Run type, fill, beam mode, luminosity, pile-up, prescale, DCS bits per LS; and a copy "
            "of each source's RunStart and RunEnd, for readers that need no events."
        ),
    ),
    Topic(
        name=QUALITY,
        messages=("QualityReports",),
        keyed_by="workspace",
        retention=7 * _DAY,
        description="What the comparator says of each MonitorElement, per LS and per run.",
    ),
    Topic(
        name=REFERENCES,
        messages=("Reference", "ReferenceContents"),
        keyed_by="version; or digest and part of contents",
        retention=None,
        compacted=True,
        description="What MonitorElements are compared with: versions, and their contents.",
    ),
    Topic(
        name=CONFIGURATION,
        messages=("ConfigurationVersion", "RunSeen"),
        keyed_by="kind, number, hash, of layouts and workspaces moment; or run, who met it, when",
        retention=None,
        compacted=True,
        description="Versions of quality tests, of alarm rules, of who is told of alarms, of "
        "workspaces, and of each layout: the last of each is in force, those before it stay. For "
        "workspaces it says besides which runs had begun.",
    ),
    Topic(
        name=ALARMS,
        messages=("AlarmTransition",),
        keyed_by="alarm",
        retention=None,
        description="Each step of each alarm: who, why, when.",
    ),
    Topic(
        name=ALARM_STATE,
        messages=("AlarmState", "AlarmCheckpoint"),
        keyed_by="alarm; or group",
        retention=None,
        compacted=True,
        description="Where each alarm stands, and how far the service of alarms has read.",
    ),
    Topic(
        name=COMMANDS,
        messages=("Command",),
        keyed_by="subject",
        retention=None,
        description="What people decided: who, why, when.",
    ),
    Topic(
        name=HEARTBEATS,
        messages=("Heartbeat", "AlarmCondition"),
        keyed_by="process; or subject",
        retention=6 * _HOUR,
        description="What each process does, how far it is, and what it says is wrong with it.",
    ),
    Topic(
        name=DISPLAYS,
        messages=("EventDisplay",),
        keyed_by="run",
        retention=2 * _HOUR,
        description="Single events, picked to be looked at.",
    ),
    Topic(
        name=DELIVERIES,
        messages=("Delivery", "NotifierStanding"),
        keyed_by="delivery, or `standing`",
        retention=None,
        compacted=True,
        description="What became of each notification of an alarm; how far the notifier is.",
    ),
)

TOPICS: Final[dict[str, Topic]] = {topic.name: topic for topic in _LIVE} | {
    dead_topic(topic.name): Topic(
        name=dead_topic(topic.name),
        messages=("Dead",),
        keyed_by="topic, partition and offset",
        retention=7 * _DAY,
        description=f"Records of {topic.name} that could not be used, whole, with the reason.",
    )
    for topic in _LIVE
}
