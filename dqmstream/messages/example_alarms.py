"""The examples of alarms, and of telling of them. See `dqmstream.messages.examples`."""

from typing import Final

from dqmstream.messages.alarms import (
    AlarmCheckpoint,
    AlarmCondition,
    AlarmState,
    AlarmTransition,
    JudgedLumisection,
    JudgedWorkspace,
    ProcessSeen,
    Shelf,
)
from dqmstream.messages.notifications import (
    Delivery,
    NotifierStanding,
    ReceiverStanding,
    SubscriptionStanding,
)

__all__ = [
    "ALARM_CHECKPOINT",
    "ALARM_CONDITION",
    "ALARM_STATE",
    "ALARM_TRANSITION",
    "DELIVERY",
    "NOTIFIER_STANDING",
]

_RUN: Final = 398600
_LOG: Final = "log-2f6c"
_NOON: Final = 1_760_000_000_000_000_000

ALARM_CHECKPOINT: Final = AlarmCheckpoint(
    group="alarms",
    log=_LOG,
    step=8,
    positions={"dqm.quality/0": 71, "dqm.commands/0": 2, "dqm.heartbeats/0": 412},
    told=3,
    when=_NOON,
    processes=(
        ProcessSeen(
            process="filler-1",
            service="filler",
            first=_NOON - 60_000_000_000,
            last=_NOON,
            missing=("halo",),
            positions={"dqm.events/1": 24},
            events=3,
        ),
    ),
    workspaces=(
        JudgedWorkspace(
            workspace="Muon",
            scope="lumisection",
            run=_RUN,
            lumisection=3,
            when=_NOON,
            runs=(_RUN,),
        ),
    ),
    run=_RUN,
    run_type="pp_run",
    sources=("file",),
    ends={"filler dqm.events/1": (24, _NOON)},
    events=(3, _NOON),
    rules=2,
)

ALARM_CONDITION: Final = AlarmCondition(
    subject="channel/mattermost",
    active=True,
    why="no answer 5 times in a row",
    process="notifier-1",
    service="notifier",
    when=_NOON,
    meaning="Nobody is told of alarms by this channel.",
)

ALARM_STATE: Final = AlarmState(
    alarm="quality:Muon/pt:pt_not_empty",
    state="shelved",
    flags=("latched",),
    since=_NOON,
    run=_RUN,
    lumisection=3,
    number=3,
    step=8,
    workspace="Muon",
    path="Muon/pt",
    qtname="pt_not_empty",
    scope="lumisection",
    run_type="pp_run",
    life="acknowledged",
    level="BAD",
    now="BAD",
    judged=(
        JudgedLumisection(run=_RUN, lumisection=2, level="BAD"),
        JudgedLumisection(run=_RUN, lumisection=3, level="BAD"),
    ),
    raises=(_NOON,),
    shelf=Shelf(
        until=_NOON + 3_600_000_000_000,
        who="shifter",
        why="known: power cut in sector 2",
        when=_NOON,
    ),
    why="1 of 4 bins is empty.",
    through={"dqm.quality/0": 71, "dqm.commands/0": 2},
)

ALARM_TRANSITION: Final = AlarmTransition(
    alarm="quality:Muon/pt:pt_not_empty",
    before="normal",
    after="raised",
    who="alarms",
    why="1 of 4 bins is empty.",
    when=_NOON,
    run=_RUN,
    lumisection=3,
    number=1,
    event="raised",
    life="raised",
    level="BAD",
    workspace="Muon",
    path="Muon/pt",
    qtname="pt_not_empty",
    run_type="pp_run",
    flags=("latched",),
    cause="dqm.quality/0@70",
    meaning="A sector sends no muons.",
    action="Look at the power of the sector; ring the expert if it is on.",
    contact="muon on-call, 16 5000",
)

DELIVERY: Final = Delivery(
    key="quality:Muon/pt:pt_not_empty#1@muon experts",
    subscription="muon experts",
    state="pending",
    step=AlarmTransition(
        alarm="quality:Muon/pt:pt_not_empty",
        before="normal",
        after="raised",
        who="alarms",
        why="1 of 4 bins is empty.",
        when=_NOON,
        run=_RUN,
        lumisection=3,
        number=1,
        event="raised",
    ),
    position=41,
    since=_NOON,
    due=_NOON + 2_000_000_000,
    when=_NOON + 1_000_000_000,
    attempts=1,
    problem="HTTP 500",
)

NOTIFIER_STANDING: Final = NotifierStanding(
    alarms=42,
    commands=3,
    when=_NOON,
    receivers=(
        ReceiverStanding(
            name="mattermost",
            kind="apprise",
            address="mmosts://...",
            pending=1,
            failing_since=_NOON,
            problem="HTTP 500",
        ),
    ),
    subscriptions=(
        SubscriptionStanding(
            name="muon experts",
            receiver="mattermost",
            declared={"workspaces": "Muon", "severity": "medium"},
            enabled=True,
            origin="version",
            whole='{"name":"muon experts","receiver":"mattermost","workspaces":["Muon"]}',
        ),
    ),
    routes=3,
)
