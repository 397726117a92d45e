"""One example of every message. They tell one story: two muons in LS 3 of run 398600.

The bodies that other libraries encode (Arrow, zstd) are literal bytes, so that an example is the
same with every version of those.
"""

from typing import Final

from dqmstream.messages.booking import Activation
from dqmstream.messages.checkpoints import (
    AnalyserCheckpoint,
    FillerCheckpoint,
    FillerTenure,
    SourceCheckpoint,
)
from dqmstream.messages.configuration import ConfigurationVersion, RunSeen
from dqmstream.messages.display import DisplayLayer, DisplaySpot, EventDisplay
from dqmstream.messages.events import (
    LumisectionClose,
    LumisectionEnd,
    LumisectionOpen,
    RunClose,
    RunEnd,
    RunStart,
)
from dqmstream.messages.example_alarms import (
    ALARM_CHECKPOINT,
    ALARM_CONDITION,
    ALARM_STATE,
    ALARM_TRANSITION,
    DELIVERY,
    NOTIFIER_STANDING,
)
from dqmstream.messages.example_contents import BATCH, BOOKING, HISTOGRAM_SET
from dqmstream.messages.operations import (
    Command,
    Conditions,
    Dead,
    Heartbeat,
    LogLine,
    OpenLumisection,
)
from dqmstream.messages.quality import BadChannel, Outcome, QualityReport, QualityReports
from dqmstream.messages.references import (
    Exposed,
    Reference,
    ReferenceContents,
    RunWindow,
    Validity,
)
from dqmstream.messages.struct import Message
from dqmstream.messages.wire import CODEC

__all__ = ["EXAMPLES"]

_RUN: Final = 398600
_SET: Final = "5f2c7d10a94be386"
_LOG: Final = "log-2f6c"
_NOON: Final = 1_760_000_000_000_000_000

_RUN_START: Final = RunStart(
    run=_RUN,
    source="file",
    incarnation="c0ffee00c0ffee00",
    rereadable=True,
    partitions=4,
    first_lumisection=1,
    run_type="pp_run",
    expected=("file",),
    labels={"menu": ("collisions",)},
    started=_NOON,
)

_RUN_END: Final = RunEnd(
    run=_RUN,
    source="file",
    incarnation="c0ffee00c0ffee00",
    rereadable=True,
    partitions=4,
    last_lumisection=3,
)

_REPORT: Final = QualityReport(
    path="Muon/pt",
    qtname="pt_not_empty",
    algorithm="DeadChannel",
    outcome=Outcome.WARNING,
    qtresult=0.75,
    measured=1.0,
    limit="at most 0 dead bins",
    entries=3,
    references=("5f2c9a1b7d3e8046",),
    bad_channels=(BadChannel(bins=(2,), content=0.0, label="25 to 37.5 GeV"),),
    bad_count=1,
    message="1 of 4 bins is empty.",
    statistic=7.5,
    ndof=3.0,
    p_value=0.0576,
    adjusted=0.115,
)

_MESSAGES: Final[tuple[Message, ...]] = (
    Activation(set=_SET, workspaces=("Muon",), from_run=_RUN, who="filler-1", when=_NOON),
    ALARM_CHECKPOINT,
    ALARM_CONDITION,
    ALARM_STATE,
    ALARM_TRANSITION,
    BOOKING,
    Command(
        subject="alarm/quality:Muon/pt:pt_not_empty",
        action="acknowledge",
        who="shifter",
        why="known: power cut in sector 2",
        when=_NOON,
        arguments={"until": "398610"},
    ),
    Conditions(
        run=_RUN,
        lumisection=3,
        run_type="pp_run",
        fill=11200,
        beam_mode="STABLE BEAMS",
        luminosity=2.0e34,
        pileup=61.5,
        prescale_index=2,
        dcs={"DT": True, "RPC": False},
        prescale_name="2p0E34",
        delivered=0.466,
        recorded=0.451,
        beams_stable=True,
        physics=False,
        energy=6800.0,
    ),
    Dead(
        topic="dqm.events",
        partition=1,
        offset=17,
        reason="checksum",
        detail="body has CRC-32 1, headers say 2",
        headers=CODEC.encode(BATCH).headers,
        key=None,
        value=b"not Arrow",
    ),
    DELIVERY,
    BATCH,
    EventDisplay(
        run=_RUN,
        lumisection=3,
        event=1_234_567,
        orbit=700_001,
        bunch_crossing=1_237,
        time=_NOON,
        rule="path:HLT_*Mu*@0.2",
        why="passed HLT_DoubleMu8",
        paths=("HLT_DoubleMu8",),
        paths_passed=1,
        layers=(
            DisplayLayer(
                kind="muon",
                collection="muon",
                total=2,
                members={
                    "pt": (31.25, 17.5),
                    "eta": (0.5, -1.25),
                    "phi": (0.75, None),
                    "charge": (1, -1),
                },
            ),
        ),
        spot=DisplaySpot(x=0.17, y=-0.19, z=-0.5, width_x=0.015, width_y=0.017, sigma_z=6.5),
        heard=_NOON,
        made=_NOON,
    ),
    AnalyserCheckpoint(
        group=_SET,
        log=_LOG,
        epoch=0,
        offsets=(210, 208, 209, 211),
        state=b"\x01analyses",
    ),
    FillerCheckpoint(
        group=f"filler-{_SET}",
        partition=1,
        log=_LOG,
        epoch=1,
        offset=24,
        state=b"\x02(\xb5/\xfd \x079\x00\x00\x96\x80\x80\x90\x90\x00\x90",
        skip=(19,),
        why="record 19 ended the process three times",
    ),
    FillerTenure(
        group=f"filler-{_SET}", partition=1, owner="filler-1", epoch=1, offset=24, attempts=1
    ),
    Heartbeat(
        process="filler-1",
        service="filler",
        state="ready",
        when=_NOON,
        run=_RUN,
        lumisection=3,
        positions={"dqm.events/1": 24},
        counts={"events": 3, "refused": 1},
        memory=187_000_000,
        held={"Muon": 26_416},
        open=(
            OpenLumisection(
                run=_RUN,
                lumisection=3,
                segment=0,
                partition=1,
                since=_NOON - 9_000_000_000,
                awaiting=("file",),
            ),
        ),
        missing=("halo",),
        waits_for=("run 380000 file LS 4",),
        lines=(LogLine(when=_NOON - 4_000_000_000, level="warning", text="chunk refused LS=3"),),
    ),
    HISTOGRAM_SET,
    LumisectionClose(run=_RUN, lumisection=3, segment=0),
    LumisectionEnd(
        run=_RUN,
        source="file",
        incarnation="c0ffee00c0ffee00",
        rereadable=True,
        partitions=4,
        lumisection=3,
        chunks=2,
        seen=9,
        selected=8,
        dropped=0,
        notes={"truncated": 1},
    ),
    LumisectionOpen(run=_RUN, lowest=1, highest=3),
    NOTIFIER_STANDING,
    QualityReports(
        set=_SET,
        run=_RUN,
        lumisection=3,
        workspace="Muon",
        scope="lumisection",
        complete=False,
        versions=(20, 24, 19, 22),
        reports=(_REPORT,),
        made=_NOON,
        conditions="dcs.RPC=false pileup=61.5",
        first_lumisection=3,
        configuration="0b1c2d3e4f506172",
        code="0.1.0 8a9bacbdcedfe0f1",
        contents="1122334455667788",
        past=((1, "2233445566778899"), (2, "33445566778899aa")),
    ),
    ConfigurationVersion(
        kind="quality_tests",
        number=4,
        text="[[quality_test]]\nname = 'dead'\nalgorithm = 'DeadChannel'\npath = 'Muon/**'\n",
        hash="5f0c1d2e3a4b5c6d",
        who="expert",
        why="back to what was in force before the new thresholds",
        when=_NOON,
        restores=2,
        after_run=_RUN,
        starts=(24, 31),
        notes={"cost": "0.8 us an event"},
    ),
    RunSeen(run=_RUN, who="filler-1"),
    Reference(
        id="88b7df729f03782a",
        name="2025 pp",
        number=3,
        workspace="Muon",
        kind="lumisections",
        paths=("Muon/**",),
        rank=1,
        valid=Validity(
            run_types=("pp*",), beam_modes=("STABLE BEAMS",), first_run=398000, energies=(6800.0,)
        ),
        windows=(RunWindow(run=398500, set=_SET, lumisections=((10, 180), (190, 400))),),
        exposed=Exposed(lumisections=382, delivered=171.5, recorded=166.25, pileup=60.5),
        elements=1,
        labels={"energy": "6.8 TeV"},
        owner="muon experts",
        reason="certified, the menu in force since August",
        made=_NOON,
        expires=_NOON + 90 * 86_400 * 10**9,
        digest="0f5a1c7e9d3b4826aa10f9c4d27e6b58",
        size=12,
        parts=1,
        status="accepted",
        changed=_NOON,
        who="expert",
        why="looked at all plots",
    ),
    ReferenceContents(
        digest="0f5a1c7e9d3b4826aa10f9c4d27e6b58", part=0, parts=1, body=b"(\xb5/\xfd packed"
    ),
    RunClose(run=_RUN),
    _RUN_END,
    _RUN_START,
    SourceCheckpoint(
        source="file", run=_RUN, incarnation="c0ffee00c0ffee00", lumisection=3, ended=True
    ),
)

EXAMPLES: Final[dict[str, Message]] = {type(message).__name__: message for message in _MESSAGES}
"""Type name to example."""
