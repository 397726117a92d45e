"""The tests of the release on the synthetic detector: faults are found, good runs stay green."""

from collections.abc import Callable

import pytest

from dqmstream.messages.quality import Outcome, QualityReport
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import Scope, default_tests
from dqmstream.quality.summary import JUDGED
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.faults import parse_fault
from dqmstream.workspaces import (
    beam_spot,
    bril,
    castor,
    csc,
    ctpps,
    ctpps_status,
    dcs_luminosity,
    dqm_stream,
    dt,
    ecal,
    event_info,
    fed,
    gem,
    hcal,
    hlt,
    l1t,
    l1t_emulator,
    muon,
    pixel,
    pixel_comparison,
    pixel_new,
    rpc,
    scouting,
    scouting_egamma,
    scouting_jet,
    scouting_muon,
    sistrip,
    tracking,
    vertex,
)
from tests.judged import SCOPES, Judge

WORKSPACES = tuple(
    module.workspace
    for module in (
        bril,
        castor,
        csc,
        ctpps,
        dt,
        ecal,
        gem,
        hcal,
        hlt,
        l1t,
        l1t_emulator,
        muon,
        pixel,
        pixel_comparison,
        pixel_new,
        rpc,
        sistrip,
    )
)
OF_CONTENTS = tuple(
    module.workspace
    for module in (
        beam_spot,
        ctpps_status,
        dcs_luminosity,
        event_info,
        fed,
        scouting,
        scouting_egamma,
        scouting_jet,
        scouting_muon,
        tracking,
        vertex,
    )
)
"""Of the contents of CMS events: see workspaces/test_contents.py."""
GROWING = {"strip dead modules": 3, "gem dead chips": 4} | {
    test.name: 6 if test.algorithm == "RateChange" else 4
    for test in default_tests()
    if test.algorithm in {"RateChange", "LevelShift"}
}
"""Tests that have enough entries, or LSs before, from that LS on."""
RATE = 500.0

Reports = list[tuple[int, Scope, QualityReport]]
Play = Callable[[SyntheticConfig], Reports]


@pytest.fixture(scope="module")
def play() -> Play:
    """Fill a run and judge each LS of it, and the run so far."""
    judge = Judge(WORKSPACES, default_tests())

    def reports(config: SyntheticConfig) -> Reports:
        return [
            (one.lumisection, scope, report)
            for one in judge.lumisections(config)
            for scope, report in one.reports
        ]

    return reports


def not_good(reports: Reports) -> Reports:
    """Reports that are not GOOD, but for those that only lack entries yet."""
    return [
        (lumisection, scope, report)
        for lumisection, scope, report in reports
        if report.outcome is not Outcome.GOOD
        and (
            report.outcome is not Outcome.INSUFFICIENT
            or lumisection >= GROWING.get(report.qtname, 0)
        )
    ]


def test_every_test_of_the_file_matches_something_it_can_judge() -> None:
    compiled = compile_tests(default_tests(), (*WORKSPACES, dqm_stream.workspace, *OF_CONTENTS))
    assert compiled.unmatched == ()
    refused = [
        (test.declared.name, layout.element.path, why)
        for workspace in compiled.workspaces.values()
        for test in workspace.tests
        for layout, why in test.refused
    ]
    assert refused == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_without_faults_has_no_false_alarm(play: Play, seed: int) -> None:
    """Every test judges in every LS, or once the run has enough of them, and finds GOOD."""
    reports = play(
        SyntheticConfig(run=seed, seed=seed, lumisections=5, rate=RATE, chunk_events=2000)
    )
    assert {scope for _, scope, _ in reports} == set(SCOPES)
    assert not_good(reports) == []


@pytest.mark.parametrize("seed", [4, 5])
def test_few_events_make_results_insufficient_and_never_bad(play: Play, seed: int) -> None:
    reports = play(SyntheticConfig(run=seed, seed=seed, lumisections=8, rate=10, chunk_events=250))
    outcomes = {report.outcome for _, _, report in reports}
    assert outcomes == {Outcome.GOOD, Outcome.INSUFFICIENT}


FAULTS = {
    "dead:pixel:layer1/module37@5-": ("Pixel/Layer1/occupancy", (37,)),
    "hot:pixel:layer2/module5*10@5-": ("Pixel/Layer2/occupancy", (5,)),
    "dead:ecal:supermodule12@5-": ("EcalBarrel/Occupancy/supermodules", (11,)),
    "hot:ecal:ieta-10/iphi200*50@5-": ("EcalBarrel/Occupancy/crystals", (75, 199)),
    "dead:csc:chamber17@5-": ("Muon/CSC/occupancy", (17,)),
    "hot:rpc:chamber5*10@5-": ("Muon/RPC/occupancy", (5,)),
    "hot:l1t:bit4*20@5-": ("L1T/Bits/counts", (4,)),
    "hot:l1t_jet:ieta5/iphi60*50@5-": ("L1T/Jets/towers", (33, 59)),
    "dead:bril:channel0@5-": ("BRIL/Channels/occupancy", (0,)),
    "hot:bril:channel40*10@5-": ("BRIL/Channels/occupancy", (40,)),
    "dead:pixel_disk:disk2/module7@5-": ("Pixel/DiskPlus2/occupancy", (7,)),
    "dead:pixel_new:layer2/module30@5-": ("PixelNew/Layer2/occupancy", (30,)),
    "hot:sistrip:subdetector5/layer3/module100*20@5-": ("SiStrip/TOB/Layer3/occupancy", (100,)),
    "dead:hcal:subdetector1/iphi5@5-": ("Hcal/HB/phi", (4,)),
    "dead:gem:endcap1/chamber9@5-": ("GEM/PlusLayer1/occupancy", (8,)),
    "dead:ctpps_pixel:arm1/pot1/plane3@5-": ("CTPPS/Tracking/Sector56Far/planes", (3,)),
    "dead:ctpps_timing:arm0/pot0/plane1/channel2@5-": (
        "CTPPS/Timing/Sector45Near/channels",
        (2, 1),
    ),
    "dead:castor:sector3/module5@5-": ("Castor/occupancy", (4, 2)),
}


def test_dead_modules_and_hot_channels_are_bad_from_their_first_lumisection(play: Play) -> None:
    """Faults from LS 5 on: each names its bin, and before them nothing is wrong."""
    config = SyntheticConfig(
        run=6,
        seed=6,
        lumisections=6,
        rate=RATE,
        chunk_events=2000,
        faults=tuple(map(parse_fault, FAULTS)),
    )
    reports = play(config)
    assert not_good([one for one in reports if one[0] < 5]) == []
    for lumisection in (5, 6):
        found = {
            (report.path, one.bins)
            for number, scope, report in reports
            if (number, scope, report.outcome) == (lumisection, "lumisection", Outcome.BAD)
            for one in report.bad_channels
        }
        assert set(FAULTS.values()) <= found


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (
            "dead:pixel_new:layer1/module37@2-",
            {
                "PixelComparison/agreement": "pixel chains agree",
                "PixelNew/Layer1/occupancy": "new pixel chain dead modules",
            },
        ),
        (
            "dead:l1t_emulator_jet:iphi7@2-",
            {
                "L1TEmulator/agreement": "l1t agrees with its emulator",
                "L1TEmulator/Jets/agreement": "l1t agrees with its emulator",
            },
        ),
    ],
)
def test_two_sides_that_differ_are_bad_and_nothing_else_is(
    play: Play, fault: str, found: dict[str, str]
) -> None:
    config = SyntheticConfig(
        run=8, seed=8, lumisections=2, rate=RATE, chunk_events=2000, faults=(parse_fault(fault),)
    )
    bad = {
        (lumisection, report.path): report.qtname
        for lumisection, scope, report in play(config)
        if report.outcome is Outcome.BAD and scope == "lumisection"
    }
    assert bad == {(2, path): name for path, name in found.items()}


def test_an_alarm_names_no_channel_that_is_not_broken(play: Play) -> None:
    """Of the occupancies only the bins at fault are listed, in either scope."""
    faults = ("dead:pixel:layer3/module100@2-", "dead:pixel_new:layer3/module100@2-")
    config = SyntheticConfig(
        run=7,
        seed=7,
        lumisections=4,
        rate=RATE,
        chunk_events=2000,
        faults=tuple(map(parse_fault, faults)),
    )
    alarms = {
        (report.path, report.qtname, tuple(one.bins for one in report.bad_channels))
        for _, _, report in play(config)
        if report.outcome in JUDGED - {Outcome.GOOD}
    }
    assert alarms == {
        ("Pixel/Layer3/occupancy", "pixel dead modules", ((100,),)),
        ("Pixel/Layer3/occupancy_map", "pixel dead regions", ((4, 12),)),
        ("PixelNew/Layer3/occupancy", "new pixel chain dead modules", ((100,),)),
    }


def test_modules_side_by_side_are_dead_though_each_has_too_few_entries_to_say_so(
    play: Play,
) -> None:
    """What the test of regions adds: a tenth of the usual rate, four modules of 512 in one LS."""
    dead = [f"dead:pixel:layer4/module{number}@2-" for number in (100, 101, 108, 109)]
    config = SyntheticConfig(
        run=9,
        seed=9,
        lumisections=2,
        rate=50.0,
        chunk_events=2000,
        faults=tuple(map(parse_fault, dead)),
    )
    bad = {
        (lumisection, report.qtname, tuple(sorted(one.bins for one in report.bad_channels)))
        for lumisection, scope, report in play(config)
        if report.outcome is Outcome.BAD and scope == "lumisection" and report.path[:6] == "Pixel/"
    }
    assert bad == {(2, "pixel dead regions", ((4, 12), (4, 13), (5, 12), (5, 13)))}
