"""Pixel: the new readout chain against the present one, event by event and cluster by cluster.

Both chains see the same sensors, so every difference is a fault of one of them. `only present` are
clusters that the new chain lost or changed, `only new` those it made up or changed.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, category, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import (
    BUNCHES,
    EFFICIENCY,
    MAP,
    TIME_IN_LS,
    TREND,
    number_of_events,
)
from dqmstream.workspaces.pixel import CHAIN, LADDERS
from dqmstream.workspaces.pixel_new import NEW_CHAIN

__all__ = ["workspace"]

_FOLDER: Final = "PixelComparison"
_CALL: Final = "Otherwise call the pixel readout expert on duty."
_EMPTY: Final = "Empty when both chains agree."
_DIFFERS: Final = "count(pixel_mismatch) + count(pixel_disk_mismatch) > 0"
_AGREES: Final = f"where({_DIFFERS}, 0, 1)"
_SIDES: Final = {"present": -1, "new": 1}
"""Which chain alone has a cluster, and `side` of it."""
_PARTS: Final = (
    ("Barrel", CHAIN.barrel, NEW_CHAIN.barrel, "pixel_mismatch"),
    ("Disks", CHAIN.disks, NEW_CHAIN.disks, "pixel_disk_mismatch"),
)
_DISK: Final = category([-3, -2, -1, 1, 2, 3], label="disk, by its side in z")


def _events() -> Iterator[Element]:
    yield number_of_events(_FOLDER)
    yield scalar(
        f"{_FOLDER}/differing_events",
        _DIFFERS,
        combine="sum",
        title="Events in which the chains differ",
        description=f"None. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{_FOLDER}/agreement",
        integer(0, 2, labels=["differ", "agree"], label="both chains"),
        fill=_AGREES,
        title="Events in which the chains agree",
        description=f"All events agree, cluster by cluster. {_CALL}",
    )
    yield profile(
        f"{_FOLDER}/agreement_by_bunch_crossing",
        BUNCHES,
        fill="bunch_crossing",
        value=_AGREES,
        value_range=(0, 1),
        title="Fraction of events that agree, by bunch crossing",
        description=f"1 in all filled bunches; less at the start of trains: buffers. {_CALL}",
        draw=EFFICIENCY,
    )
    yield profile(
        f"{_FOLDER}/agreement_in_time",
        TIME_IN_LS,
        fill="time * 1e-9",
        value=_AGREES,
        value_range=(0, 1),
        title="Fraction of events that agree, by time in the lumisection",
        description=f"Flat at 1. {_CALL}",
        draw=EFFICIENCY,
    )
    yield profile(
        f"{_FOLDER}/agreement_by_clusters",
        integer(0, 120, label="clusters of the present chain in an event"),
        fill="count(pixel) + count(pixel_disk)",
        value=_AGREES,
        value_range=(0, 1),
        title="Fraction of events that agree, by number of clusters",
        description=f"Flat at 1: a fall to the right is a chain that overflows. {_CALL}",
        draw=EFFICIENCY,
    )


def _part(name: str, present: str, new: str, mismatch: str) -> Iterator[Element]:
    folder = f"{_FOLDER}/{name}"
    for chain, side in _SIDES.items():
        yield scalar(
            f"{folder}/only_{chain}",
            f"count({mismatch}.side == {side})",
            combine="sum",
            title=f"{name}: clusters that only the {chain} chain has",
            description=f"None. {_CALL}",
            draw=TREND,
        )
    yield histogram(
        f"{folder}/clusters",
        integer(0, 80, label="clusters in an event, present chain"),
        integer(0, 80, label="clusters in an event, new chain"),
        fill=(f"count({present})", f"count({new})"),
        title=f"{name}: clusters per event of both chains",
        description=f"The diagonal alone. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        f"{folder}/difference",
        integer(-20, 21, label="clusters in an event, new minus present chain"),
        fill=f"count({new}) - count({present})",
        title=f"{name}: difference of clusters per event",
        description=f"All in bin 0. {_CALL}",
    )
    yield histogram(
        f"{folder}/charge_difference",
        regular(101, -50.5, 50.5, label="charge of an event, new minus present", unit="ke"),
        fill=f"sum({new}.charge) - sum({present}.charge)",
        title=f"{name}: difference of the charge of an event",
        description=f"All in the bin at 0: a shift is a difference of gains. {_CALL}",
    )
    for chain, side in _SIDES.items():
        yield histogram(
            f"{folder}/only_{chain}_charge",
            regular(100, 0, 100, label="cluster charge", unit="ke"),
            fill=f"{mismatch}.charge",
            select=f"{mismatch}.side == {side}",
            title=f"{name}: charge of clusters that only the {chain} chain has",
            description=f"{_EMPTY} Only low charges: different thresholds. {_CALL}",
        )
    yield histogram(
        f"{folder}/row_col",
        regular(52, 0, 416, label="column"),
        regular(40, 0, 160, label="row"),
        fill=(f"{mismatch}.col", f"{mismatch}.row"),
        title=f"{name}: clusters that only one chain has, in a module",
        description=f"{_EMPTY} A rectangle is a readout chip. {_CALL}",
        draw=MAP,
    )


def _modules() -> Iterator[Element]:
    for layer, ladders in LADDERS.items():
        yield histogram(
            f"{_FOLDER}/Layer{layer}/difference",
            integer(-10, 11, label="clusters in an event, new minus present chain"),
            fill=f"count(pixel_new.layer == {layer}) - count(pixel.layer == {layer})",
            title=f"Layer {layer}: difference of clusters per event",
            description=f"All in bin 0. {_CALL}",
        )
        for chain, side in _SIDES.items():
            yield histogram(
                f"{_FOLDER}/Layer{layer}/only_{chain}",
                integer(0, 8 * ladders, label="module"),
                fill="pixel_mismatch.module",
                select=f"pixel_mismatch.layer == {layer} and pixel_mismatch.side == {side}",
                title=f"Layer {layer}: clusters that only the {chain} chain has, by module",
                description=f"{_EMPTY} One bin is a module, several in a row a fibre. {_CALL}",
            )
    for chain, side in _SIDES.items():
        yield histogram(
            f"{_FOLDER}/Disks/only_{chain}_modules",
            _DISK,
            integer(0, 112, label="module"),
            fill=("pixel_disk_mismatch.disk", "pixel_disk_mismatch.module"),
            select=f"pixel_disk_mismatch.side == {side}",
            title=f"Disks: clusters that only the {chain} chain has, by module",
            description=f"{_EMPTY} {_CALL}",
            draw=MAP,
        )


workspace = Workspace(
    "pixel_comparison",
    "Pixel: the new readout chain against the present one, cluster by cluster.",
    [*_events(), *(one for part in _PARTS for one in _part(*part)), *_modules()],
)
