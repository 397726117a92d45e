"""Resistive plate chambers: strips, cluster size and crossing, layer by layer.

What `muon` shows of all chambers together is shown here in depth.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import EFFICIENCY, MAP, SPECTRUM, beginning

__all__ = ["workspace"]

_FOLDER: Final = "RPC"
_CALL: Final = "Otherwise call the RPC expert on duty."
_SECTOR: Final = integer(1, 13, label="sector")
_WHEEL: Final = integer(-2, 3, label="wheel")
_LAYER: Final = integer(1, 7, label="layer")
_STRIP: Final = integer(1, 97, label="strip")


def _layer(layer: int) -> Iterator[Element]:
    folder, select = f"{_FOLDER}/Layer{layer}", f"rpc.layer == {layer}"
    yield histogram(
        f"{folder}/strips",
        _STRIP,
        fill="rpc.strip",
        select=select,
        title=f"Layer {layer}: clusters by strip, all chambers together",
        description=f"Flat within the statistics. {_CALL}",
    )
    yield histogram(
        f"{folder}/size",
        integer(1, 21, label="strips in the cluster"),
        fill="rpc.size",
        select=select,
        title=f"Layer {layer}: cluster size",
        description="Halves from bin to bin; mean about 2. Larger clusters: too high a voltage, or "
        f"the weather. {_CALL}",
        draw=SPECTRUM,
    )
    yield profile(
        f"{folder}/size_by_sector",
        _SECTOR,
        _WHEEL,
        fill=("rpc.sector", "rpc.wheel"),
        value="rpc.size",
        value_range=(0, 256),
        select=select,
        title=f"Layer {layer}: mean cluster size",
        description=f"One colour, at 2. {_CALL}",
        draw=MAP,
    )


def _summary() -> Iterator[Element]:
    yield from beginning(_FOLDER, "rpc", "layer", "clusters", most=25, call=_CALL)
    yield histogram(
        f"{_FOLDER}/bx",
        integer(-2, 3, label="crossing, relative to the event's"),
        fill="rpc.bx",
        title="Crossing of clusters",
        description=f"98 % in bin 0; others early or late are a wrong delay. {_CALL}",
        draw=SPECTRUM,
    )
    yield profile(
        f"{_FOLDER}/in_time_by_chamber",
        integer(0, 360, label="chamber"),
        fill="rpc.chamber",
        value="where(rpc.bx == 0, 1, 0)",
        value_range=(0, 1),
        title="Fraction of clusters in the right crossing, by chamber",
        description=f"Flat at 0.98. {_CALL}",
        draw=EFFICIENCY,
    )
    yield histogram(
        f"{_FOLDER}/layers",
        _LAYER,
        _WHEEL,
        fill=("rpc.layer", "rpc.wheel"),
        title="Clusters by layer and wheel",
        description=f"One colour. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        f"{_FOLDER}/strips_by_layer",
        _STRIP,
        _LAYER,
        fill=("rpc.strip", "rpc.layer"),
        title="Clusters by strip and layer",
        description=f"One colour: a dark stripe is a front-end board of many chambers. {_CALL}",
        draw=MAP,
    )


workspace = Workspace(
    "rpc",
    "Resistive plate chambers: strips, cluster size and crossing, layer by layer.",
    [*_summary(), *(one for layer in range(1, 7) for one in _layer(layer))],
)
