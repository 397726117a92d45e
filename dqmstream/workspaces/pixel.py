"""Pixel barrel: occupancy of modules, cluster charge and size; layer by layer."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Draw, Element

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the pixel expert on duty."
_LADDERS: Final = {1: 12, 2: 28, 3: 44, 4: 64}
"""Ladders of each layer, of 8 modules each."""

_MAP: Final = Draw(style="map")
_TREND: Final = Draw(per_lumisection=True)


def _summary() -> Iterator[Element]:
    yield scalar(
        "Pixel/events",
        "1",
        combine="sum",
        title="Events",
        description="Steady over lumisections. Zero: no data reach this workspace; call the DQM "
        "operator.",
        draw=_TREND,
    )
    yield scalar(
        "Pixel/clusters",
        "count(pixel)",
        combine="sum",
        title="Clusters",
        description=f"Falls slowly with the luminosity, without steps. {_CALL}",
        draw=_TREND,
    )
    yield histogram(
        "Pixel/clusters_per_event",
        integer(0, 80, label="clusters in an event"),
        fill="count(pixel)",
        title="Clusters per event",
        description="One peak that moves left as pile-up falls. A second peak near 0 means that "
        f"part of the detector does not read out. {_CALL}",
    )
    yield histogram(
        "Pixel/clusters_by_layer",
        integer(1, 5, labels=["L1", "L2", "L3", "L4"], label="layer"),
        fill="pixel.layer",
        title="Clusters by layer",
        description=f"Four layers alike. {_CALL}",
    )
    yield profile(
        "Pixel/charge_by_layer",
        integer(1, 5, labels=["L1", "L2", "L3", "L4"], label="layer"),
        fill="pixel.layer",
        value="pixel.charge",
        value_range=(0, 200),
        title="Mean cluster charge by layer",
        description=f"About 25 ke in all layers; less means radiation damage or low bias. {_CALL}",
    )
    yield profile(
        "Pixel/size_by_layer",
        integer(1, 5, labels=["L1", "L2", "L3", "L4"], label="layer"),
        fill="pixel.layer",
        value="pixel.size",
        value_range=(0, 256),
        title="Mean cluster size by layer",
        description=f"About 3 pixels in all layers. {_CALL}",
    )
    yield profile(
        "Pixel/clusters_by_bunch_crossing",
        regular(594, 0.5, 3564.5, label="bunch crossing, in groups of 6"),
        fill="bunch_crossing",
        value="count(pixel)",
        value_range=(0, 1000),
        title="Mean clusters by bunch crossing",
        description="Filled bunches alike, gaps between trains empty. Clusters in the gap at the "
        f"end: noise or a wrong phase. {_CALL}",
    )
    yield histogram(
        "Pixel/clusters_in_time",
        regular(120, 0, 24, label="time since the start of the LS", unit="s"),
        fill="time * 1e-9",
        select="pixel.layer > 0",
        title="Clusters by time in the lumisection",
        description=f"Flat: a hole means that readout stopped and came back. {_CALL}",
    )


def _layer(layer: int) -> Iterator[Element]:
    folder, ladders, select = f"Pixel/Layer{layer}", _LADDERS[layer], f"pixel.layer == {layer}"
    module = integer(0, 8 * ladders, label="module")
    ring, ladder = integer(0, 8, label="module along z"), integer(0, ladders, label="ladder")
    yield histogram(
        f"{folder}/occupancy",
        module,
        fill="pixel.module",
        select=select,
        title=f"Layer {layer}: clusters by module",
        description="Flat within the statistics. An empty bin is a dead module, one high above "
        f"its neighbours a noisy one. {_CALL}",
    )
    yield histogram(
        f"{folder}/occupancy_map",
        ring,
        ladder,
        fill=("pixel.module % 8", "pixel.module // 8"),
        select=select,
        title=f"Layer {layer}: clusters by place of the module",
        description="One colour. Dead modules in a row share a power supply or a fibre: say so "
        f"when you call. {_CALL}",
        draw=_MAP,
    )
    yield profile(
        f"{folder}/charge_by_module",
        module,
        fill="pixel.module",
        value="pixel.charge",
        value_range=(0, 200),
        select=select,
        title=f"Layer {layer}: mean cluster charge by module",
        description=f"About 25 ke in all modules. {_CALL}",
    )
    yield histogram(
        f"{folder}/charge",
        regular(100, 0, 100, label="cluster charge", unit="ke"),
        fill="pixel.charge",
        select=select,
        title=f"Layer {layer}: cluster charge",
        description="One peak at 22 ke with a tail to the right. A peak further left means low "
        f"bias or wrong gains. {_CALL}",
    )
    yield histogram(
        f"{folder}/size",
        integer(1, 31, label="pixels in the cluster"),
        fill="pixel.size",
        select=select,
        title=f"Layer {layer}: cluster size",
        description=f"Falls by a third from bin to bin; mean about 3. {_CALL}",
        draw=Draw(log_y=True),
    )
    yield histogram(
        f"{folder}/row_col",
        regular(52, 0, 416, label="column"),
        regular(40, 0, 160, label="row"),
        fill=("pixel.col", "pixel.row"),
        select=select,
        title=f"Layer {layer}: clusters in a module, all modules together",
        description="One colour. A rectangle that differs is a readout chip with a wrong "
        f"setting in many modules. {_CALL}",
        draw=_MAP,
    )
    yield histogram(
        f"{folder}/z_phi",
        regular(56, -28, 28, label="z", unit="cm"),
        regular(64, -3.1416, 3.1416, label="phi", unit="rad"),
        fill=("pixel.z", "pixel.phi"),
        select=select,
        title=f"Layer {layer}: clusters in the detector",
        description=f"One colour but for the bins at the ends. {_CALL}",
        draw=_MAP,
    )


workspace = Workspace(
    "pixel",
    "Pixel barrel: dead and noisy modules, cluster charge and size.",
    [*_summary(), *(element for layer in _LADDERS for element in _layer(layer))],
)
