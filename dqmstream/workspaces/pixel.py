"""Pixel: occupancy of modules, cluster charge and size; layer by layer and disk by disk.

The same elements are booked for each of two readout chains: `Pixel/...` for the present one and
`PixelNew/...` for the new one (`pixel_new.py`). What differs is in `pixel_comparison.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dqmstream.booking import Workspace, category, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import (
    BUNCHES,
    MAP,
    SPECTRUM,
    TIME_IN_LS,
    TREND,
    number_of_events,
)

__all__ = ["CHAIN", "LADDERS", "Chain", "chain_elements", "workspace"]

_CALL: Final = "Otherwise call the pixel expert on duty."
LADDERS: Final = {1: 12, 2: 28, 3: 44, 4: 64}
"""Ladders of each layer, of 8 modules each."""

_DISKS: Final = {-3: "Minus3", -2: "Minus2", -1: "Minus1", 1: "Plus1", 2: "Plus2", 3: "Plus3"}
"""Disks by their numbers, and how their folders end."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A readout chain: its folder, and its collections of the barrel and of the disks."""

    folder: str
    barrel: str
    disks: str


CHAIN: Final = Chain("Pixel", "pixel", "pixel_disk")
"""The present readout chain."""


def _summary(chain: Chain) -> Iterator[Element]:
    pixel = chain.barrel
    yield number_of_events(chain.folder)
    yield scalar(
        f"{chain.folder}/clusters",
        f"count({pixel})",
        combine="sum",
        title="Clusters",
        description=f"Falls slowly with the luminosity, without steps. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{chain.folder}/clusters_per_event",
        integer(0, 80, label="clusters in an event"),
        fill=f"count({pixel})",
        title="Clusters per event",
        description="One peak that moves left as pile-up falls. A second peak near 0 means that "
        f"part of the detector does not read out. {_CALL}",
    )
    yield histogram(
        f"{chain.folder}/clusters_by_layer",
        integer(1, 5, labels=["L1", "L2", "L3", "L4"], label="layer"),
        fill=f"{pixel}.layer",
        title="Clusters by layer",
        description=f"Four layers alike. {_CALL}",
    )
    yield profile(
        f"{chain.folder}/charge_by_layer",
        integer(1, 5, labels=["L1", "L2", "L3", "L4"], label="layer"),
        fill=f"{pixel}.layer",
        value=f"{pixel}.charge",
        value_range=(0, 200),
        title="Mean cluster charge by layer",
        description=f"About 25 ke in all layers; less means radiation damage or low bias. {_CALL}",
    )
    yield profile(
        f"{chain.folder}/size_by_layer",
        integer(1, 5, labels=["L1", "L2", "L3", "L4"], label="layer"),
        fill=f"{pixel}.layer",
        value=f"{pixel}.size",
        value_range=(0, 256),
        title="Mean cluster size by layer",
        description=f"About 3 pixels in all layers. {_CALL}",
    )
    yield profile(
        f"{chain.folder}/clusters_by_bunch_crossing",
        BUNCHES,
        fill="bunch_crossing",
        value=f"count({pixel})",
        value_range=(0, 1000),
        title="Mean clusters by bunch crossing",
        description="Filled bunches alike, gaps between trains empty. Clusters in the gap at the "
        f"end: noise or a wrong phase. {_CALL}",
    )
    yield histogram(
        f"{chain.folder}/clusters_in_time",
        TIME_IN_LS,
        fill="time * 1e-9",
        select=f"{pixel}.layer > 0",
        title="Clusters by time in the lumisection",
        description=f"Flat: a hole means that readout stopped and came back. {_CALL}",
    )


def _layer(chain: Chain, layer: int) -> Iterator[Element]:
    pixel = chain.barrel
    folder, ladders, select = (
        f"{chain.folder}/Layer{layer}",
        LADDERS[layer],
        f"{pixel}.layer == {layer}",
    )
    module = integer(0, 8 * ladders, label="module")
    ring, ladder = integer(0, 8, label="module along z"), integer(0, ladders, label="ladder")
    yield histogram(
        f"{folder}/occupancy",
        module,
        fill=f"{pixel}.module",
        select=select,
        title=f"Layer {layer}: clusters by module",
        description="Flat within the statistics. An empty bin is a dead module, one high above "
        f"its neighbours a noisy one. {_CALL}",
    )
    yield histogram(
        f"{folder}/occupancy_map",
        ring,
        ladder,
        fill=(f"{pixel}.module % 8", f"{pixel}.module // 8"),
        select=select,
        title=f"Layer {layer}: clusters by place of the module",
        description="One colour. Dead modules in a row share a power supply or a fibre: say so "
        f"when you call. {_CALL}",
        draw=MAP,
    )
    yield profile(
        f"{folder}/charge_by_module",
        module,
        fill=f"{pixel}.module",
        value=f"{pixel}.charge",
        value_range=(0, 200),
        select=select,
        title=f"Layer {layer}: mean cluster charge by module",
        description=f"About 25 ke in all modules. {_CALL}",
    )
    yield histogram(
        f"{folder}/charge",
        regular(100, 0, 100, label="cluster charge", unit="ke"),
        fill=f"{pixel}.charge",
        select=select,
        title=f"Layer {layer}: cluster charge",
        description="One peak at 22 ke with a tail to the right. A peak further left means low "
        f"bias or wrong gains. {_CALL}",
    )
    yield histogram(
        f"{folder}/size",
        integer(1, 31, label="pixels in the cluster"),
        fill=f"{pixel}.size",
        select=select,
        title=f"Layer {layer}: cluster size",
        description=f"Falls by a third from bin to bin; mean about 3. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        f"{folder}/row_col",
        regular(52, 0, 416, label="column"),
        regular(40, 0, 160, label="row"),
        fill=(f"{pixel}.col", f"{pixel}.row"),
        select=select,
        title=f"Layer {layer}: clusters in a module, all modules together",
        description="One colour. A rectangle that differs is a readout chip with a wrong "
        f"setting in many modules. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        f"{folder}/z_phi",
        regular(56, -28, 28, label="z", unit="cm"),
        regular(64, -3.1416, 3.1416, label="phi", unit="rad"),
        fill=(f"{pixel}.z", f"{pixel}.phi"),
        select=select,
        title=f"Layer {layer}: clusters in the detector",
        description=f"One colour but for the bins at the ends. {_CALL}",
        draw=MAP,
    )


def _disks(chain: Chain) -> Iterator[Element]:
    hits = chain.disks
    disk = category(
        _DISKS, labels=[f"D{number:+}" for number in _DISKS], label="disk, by its side in z"
    )
    yield histogram(
        f"{chain.folder}/Disks/clusters_per_event",
        integer(0, 60, label="clusters in an event"),
        fill=f"count({hits})",
        title="Disks: clusters per event",
        description=f"One peak that moves left as pile-up falls. {_CALL}",
    )
    yield histogram(
        f"{chain.folder}/Disks/clusters_by_disk",
        disk,
        fill=f"{hits}.disk",
        title="Clusters by disk",
        description=f"Six disks alike. {_CALL}",
    )
    for number, name in _DISKS.items():
        yield from _disk(chain, number, f"{chain.folder}/Disk{name}")


def _disk(chain: Chain, disk: int, folder: str) -> Iterator[Element]:
    hits, select, title = chain.disks, f"{chain.disks}.disk == {disk}", f"Disk {disk:+}"
    yield histogram(
        f"{folder}/occupancy",
        integer(0, 112, label="module"),
        fill=f"{hits}.module",
        select=select,
        title=f"{title}: clusters by module",
        description="Flat within the statistics. An empty bin is a dead module, one high above "
        f"its neighbours a noisy one. {_CALL}",
    )
    yield histogram(
        f"{folder}/charge",
        regular(100, 0, 100, label="cluster charge", unit="ke"),
        fill=f"{hits}.charge",
        select=select,
        title=f"{title}: cluster charge",
        description="One peak at 22 ke with a tail to the right. A peak further left means low "
        f"bias or wrong gains. {_CALL}",
    )
    yield histogram(
        f"{folder}/position",
        regular(68, -17, 17, label="x", unit="cm"),
        regular(68, -17, 17, label="y", unit="cm"),
        fill=(f"{hits}.x", f"{hits}.y"),
        select=select,
        title=f"{title}: clusters in the detector",
        description="Two rings of blades without holes. A white blade is dead; several in a row "
        f"share a power supply. {_CALL}",
        draw=MAP,
    )


def chain_elements(chain: Chain) -> Iterator[Element]:
    """All elements of one readout chain."""
    yield from _summary(chain)
    for layer in LADDERS:
        yield from _layer(chain, layer)
    yield from _disks(chain)


workspace = Workspace(
    "pixel",
    "Pixel barrel and disks: dead and noisy modules, cluster charge and size.",
    chain_elements(CHAIN),
)
