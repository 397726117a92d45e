"""Workspaces filled from the synthetic detector by the kernels, and what faults look like."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dqmstream.booking.columns import decode_batch, encode_batch
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.booking import Booking, Category
from dqmstream.sources.synthetic import (
    SyntheticConfig,
    SyntheticDetector,
    parse_fault,
)
from dqmstream.sources.synthetic.beam import filled_bunches
from dqmstream.sources.synthetic.bench import bench_batch, bench_booking
from dqmstream.sources.synthetic.pixel import CHARGE_MODE
from tests.read_out import READ_OUT

EVENTS = 4000
CHUNKS = 3

DIFFERENCES = {
    "pixel_comparison": (
        *(f"dead:pixel:layer{layer}/module{layer}" for layer in range(1, 5)),
        *(f"dead:pixel_new:layer{layer}/module{layer + 8}" for layer in range(1, 5)),
        "dead:pixel_disk:disk1/module5",
        "dead:pixel_new_disk:disk-2/module60",
    ),
    "l1t_emulator": tuple(
        f"dead:{side}{kind}:{address}"
        for kind, place in {
            "": "bit",
            "_jet": "iphi",
            "_eg": "iphi",
            "_tau": "iphi",
            "_muon": "iphi",
            "_sum": "type",
        }.items()
        for side, address in (("l1t", f"{place}2"), ("l1t_emulator", f"{place}3"))
    ),
    # What no other path accepts this one does: without it some events have no path.
    "hlt": ("dead:hlt:path1",),
}
"""What has to be broken so that every element has something to show."""

Filled = Callable[..., Contents]


def workspace(name: str) -> Booking:
    booking = importlib.import_module(f"dqmstream.workspaces.{name}").workspace
    assert isinstance(booking, Booking)
    return booking


def filled(name: str, *faults: str, lumisection: int = 1) -> Contents:
    """A workspace after three chunks of 4000 events."""
    config = SyntheticConfig(
        run=1,
        chunk_events=EVENTS,
        subsystems=READ_OUT[name],
        faults=tuple(map(parse_fault, faults)),
    )
    layout = Layout(workspace(name))
    filler, contents = WorkspaceFiller(layout), Contents.empty(layout)
    detector = SyntheticDetector(config)
    for number in range(CHUNKS):
        body = encode_batch(detector.chunk(lumisection, number).batch)
        columns = decode_batch(body, selected=EVENTS)
        filler.fill(contents, columns, source="synthetic", number=number)
    return contents


def cells(contents: Contents, path: str, plane: int = 0) -> Any:
    """One plane of an element as an array over its axes, flow included."""
    layout = contents.layout[path]
    start = layout.offset + plane * layout.cells
    return contents.cells[start : start + layout.cells].reshape(layout.extents)


def in_range(contents: Contents, path: str) -> Any:
    """Counts of an element without flow."""
    axes = contents.layout[path].element.axes  # type: ignore[union-attr]
    inner = [slice(None, -1) if isinstance(axis, Category) else slice(1, -1) for axis in axes]
    return cells(contents, path)[tuple(inner)]


@pytest.mark.parametrize("name", READ_OUT)
def test_every_element_has_entries_and_none_is_invalid(name: str) -> None:
    contents = filled(name, *DIFFERENCES.get(name, ()))
    assert contents.invalid == {}
    for element in contents.layout:
        path = element.element.path
        if not element.planes:
            assert contents.scalars[element.index].value > 0, path  # type: ignore[operator]
            continue
        entries = cells(contents, path).sum()
        assert in_range(contents, path).sum() > 0.99 * entries > 0, path
        assert contents.cells[element.nan] == contents.cells[element.outside] == 0, path


@pytest.mark.parametrize("name", ["pixel_comparison", "l1t_emulator"])
def test_healthy_sides_show_no_difference(name: str) -> None:
    """All events agree, all multiplicities lie on the diagonal, all else is empty."""
    contents = filled(name)
    assert contents.invalid == {}
    folder = {"pixel_comparison": "PixelComparison", "l1t_emulator": "L1TEmulator"}[name]
    for element in contents.layout:
        path = element.element.path
        if "/only_" in path:
            empty = contents.scalars[element.index].value if not element.planes else 0
            assert not empty, path
            assert not element.planes or not cells(contents, path).any(), path
        elif path.endswith("differing_events"):
            assert contents.scalars[element.index].value == 0, path
        elif path.endswith("/agreement"):
            assert in_range(contents, path).tolist() == [0, CHUNKS * EVENTS], path
        elif path.endswith("difference"):
            counts = in_range(contents, path)
            assert counts[len(counts) // 2] == CHUNKS * EVENTS, path
        elif path.endswith(("/multiplicity", "/clusters")):
            pairs = cells(contents, path)
            assert pairs.sum() == np.trace(pairs) == CHUNKS * EVENTS, path
    assert f"{folder}/events" in {element.element.path for element in contents.layout}


def test_both_pixel_chains_show_the_same_plots() -> None:
    """Element by element, under another folder."""
    present, new = filled("pixel"), filled("pixel_new")
    assert [e.element.path for e in new.layout] == [
        e.element.path.replace("Pixel/", "PixelNew/", 1) for e in present.layout
    ]
    assert np.array_equal(present.cells, new.cells)


def test_a_module_that_the_new_chain_loses_is_the_only_difference() -> None:
    contents = filled("pixel_comparison", "dead:pixel_new:layer1/module37")
    lost = in_range(contents, "PixelComparison/Layer1/only_present")
    assert np.flatnonzero(lost).tolist() == [37]
    whole = in_range(filled("pixel"), "Pixel/Layer1/occupancy")
    assert lost[37] == whole[37] > 0
    for path in ("Layer1/only_new", "Layer2/only_present", "Disks/only_present_modules"):
        assert not in_range(contents, f"PixelComparison/{path}").any()
    differ, agree = in_range(contents, "PixelComparison/agreement")
    assert 0 < differ <= lost.sum()
    assert differ + agree == CHUNKS * EVENTS


def test_towers_in_which_trigger_and_emulator_differ_are_named() -> None:
    contents = filled("l1t_emulator", "dead:l1t_emulator_jet:ieta5/iphi60")
    towers = in_range(contents, "L1TEmulator/Jets/only_data_towers")
    assert np.argwhere(towers).tolist() == [[33, 59]]
    assert not in_range(contents, "L1TEmulator/Jets/only_emulator_towers").any()
    differ, _ = in_range(contents, "L1TEmulator/Jets/agreement")
    assert 0 < differ <= towers.sum()
    scalar = contents.layout["L1TEmulator/Jets/differing_events"]
    assert contents.scalars[scalar.index].value == differ
    assert in_range(contents, "L1TEmulator/Taus/agreement").tolist() == [0, CHUNKS * EVENTS]


@pytest.mark.parametrize("name", READ_OUT)
def test_events_are_counted_once(name: str) -> None:
    contents = filled(name)
    (path,) = [e.element.path for e in contents.layout if e.element.path.endswith("/events")][:1]
    assert contents.scalars[contents.layout[path].index].value == CHUNKS * EVENTS


@pytest.mark.parametrize(
    ("name", "fault", "path", "bin_"),
    [
        ("pixel", "dead:pixel:layer1/module37", "Pixel/Layer1/occupancy", 37),
        ("pixel", "dead:pixel:layer1/module37", "Pixel/Layer1/occupancy_map", (5, 4)),
        ("pixel", "dead:pixel:layer4/module511", "Pixel/Layer4/occupancy", 511),
        ("ecal", "dead:ecal:supermodule12", "EcalBarrel/Occupancy/supermodules", 11),
        ("muon", "dead:dt:chamber17", "Muon/DT/occupancy", 17),
        ("muon", "dead:dt:wheel-2/station1/sector1", "Muon/DT/Map/station1", (0, 0)),
        ("muon", "dead:csc:chamber539", "Muon/CSC/occupancy", 539),
        ("muon", "dead:rpc:chamber0", "Muon/RPC/occupancy", 0),
        ("l1t", "dead:l1t:bit7", "L1T/Bits/counts", 7),
        ("bril", "dead:bril:channel5", "BRIL/Channels/occupancy", 5),
        ("pixel", "dead:pixel_disk:disk-1/module60", "Pixel/DiskMinus1/occupancy", 60),
        ("sistrip", "dead:sistrip:subdetector5/layer6/module7", "SiStrip/TOB/Layer6/occupancy", 7),
        ("sistrip", "dead:sistrip:subdetector6/layer-9/module3", "SiStrip/TEC/Minus9/occupancy", 3),
        (
            "hcal",
            "dead:hcal:subdetector1/ieta-4/iphi33/depth2",
            "Hcal/HB/Depth2/occupancy",
            (12, 32),
        ),
        ("dt", "dead:dt:wheel2/station4/sector12", "DT/WheelPlus2/segments", (11, 3)),
        (
            "gem",
            "dead:gem:endcap1/chamber36/layer2/vfat23",
            "GEM/PlusLayer2/vfats",
            (35, 23),
        ),
        ("l1t", "dead:l1t_muon:ieta1/iphi1", "L1T/Muons/towers", (29, 0)),
        ("hlt", "dead:hlt:path3", "HLT/Paths/counts", 3),
        (
            "ctpps",
            "dead:ctpps_timing:arm1/pot0/plane2/channel4",
            "CTPPS/Timing/Sector56Near/channels",
            (4, 2),
        ),
        ("ctpps", "dead:ctpps_pixel:arm0/pot1/plane5", "CTPPS/Tracking/Sector45Far/planes", 5),
        ("castor", "dead:castor:sector16/module1", "Castor/occupancy", (0, 15)),
    ],
)
def test_what_is_dead_is_an_empty_bin_among_filled_ones(
    name: str, fault: str, path: str, bin_: int | tuple[int, int]
) -> None:
    healthy, broken = (in_range(filled(name, *faults), path) for faults in ((), (fault,)))
    assert healthy[bin_] > 0
    assert broken[bin_] == 0
    assert healthy.sum() - broken.sum() == healthy[bin_]
    assert np.count_nonzero(healthy != broken) == 1


@pytest.mark.parametrize(
    ("name", "fault", "path", "bin_"),
    [
        ("pixel", "hot:pixel:layer2/module5*30", "Pixel/Layer2/occupancy", 5),
        ("ecal", "hot:ecal:ieta10/iphi200*50", "EcalBarrel/Occupancy/crystals", (95, 199)),
        ("ecal", "hot:ecal:ieta-85/iphi1*50", "EcalBarrel/Occupancy/crystals", (0, 0)),
        ("muon", "hot:rpc:chamber300*10", "Muon/RPC/occupancy", 300),
        ("l1t", "hot:l1t_jet:ieta-28/iphi72*30", "L1T/Jets/towers", (0, 71)),
        ("bril", "hot:bril:channel20*5", "BRIL/Channels/occupancy", 20),
        ("pixel", "hot:pixel_disk:disk3/module0*20", "Pixel/DiskPlus3/occupancy", 0),
        (
            "sistrip",
            "hot:sistrip:subdetector3/layer1/module9*20",
            "SiStrip/TIB/Layer1/occupancy",
            9,
        ),
        ("gem", "hot:gem:endcap-1/chamber1/layer1/vfat0*20", "GEM/MinusLayer1/vfats", (0, 0)),
    ],
)
def test_what_is_hot_is_a_bin_above_all_others(
    name: str, fault: str, path: str, bin_: int | tuple[int, int]
) -> None:
    counts = in_range(filled(name, fault), path)
    others = counts.copy()
    others[bin_] = 0
    assert counts[bin_] > 2 * others.max()


def test_supermodules_are_named_as_they_are_numbered() -> None:
    axis = workspace("ecal").elements[7].axes[0]  # type: ignore[union-attr]
    assert axis.labels[11] == "EB+12"  # type: ignore[union-attr]
    contents = filled("ecal", "dead:ecal:supermodule12", "dead:ecal:supermodule36")
    towers = in_range(contents, "EcalBarrel/Occupancy/towers")
    assert towers[17:, 44:48].sum() == 0
    assert towers[:17, 68:].sum() == 0
    assert np.count_nonzero(towers.sum(axis=0)) == 72


@pytest.mark.parametrize(
    ("path", "mode"),
    [("SiStrip/TIB/sn_on_track", 18), ("SiStrip/TOB/sn_on_track", 22)],
)
def test_signal_over_noise_peaks_where_the_shifter_is_told(path: str, mode: float) -> None:
    assert in_range(filled("sistrip"), path).argmax() == pytest.approx(mode, abs=1.5)


def test_prescale_columns_share_out_the_paths_and_no_event_is_without_one() -> None:
    contents = filled("hlt")
    assert contents.scalars[contents.layout["HLT/without_path"].index].value == 0
    counts = in_range(contents, "HLT/Paths/by_prescale")
    assert np.array_equal(counts[:, 0], in_range(contents, "HLT/Paths/counts"))
    assert in_range(contents, "HLT/prescale_index").tolist() == [CHUNKS * EVENTS] + 7 * [0]


def test_the_charge_peaks_at_its_most_probable_value() -> None:
    counts = in_range(filled("pixel"), "Pixel/Layer1/charge")
    assert counts.argmax() == pytest.approx(CHARGE_MODE, abs=1.5)


def test_hits_by_bunch_show_the_filling_scheme() -> None:
    hits = in_range(filled("bril"), "BRIL/Bunches/hits")
    bunches = np.flatnonzero(hits) + 1
    assert set(bunches) <= set(filled_bunches())
    assert len(bunches) > 0.98 * len(filled_bunches())


def test_all_elements_of_the_bench_booking_have_entries() -> None:
    layout = Layout(bench_booking())
    contents = Contents.empty(layout)
    for variant in ("500B", "2kB"):
        body = encode_batch(bench_batch(seed=1, number=0, events=1000, variant=variant))
        columns = decode_batch(body, selected=1000)
        WorkspaceFiller(layout).fill(contents, columns, source="bench", number=0)
    assert contents.invalid == {}
    for element in layout:
        if element.planes:
            assert in_range(contents, element.element.path).sum() > 0, element.element.path
        else:
            assert contents.scalars[element.index].value == 2 * 6 * 1000
