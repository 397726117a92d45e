"""GEM: occupancy of the VFAT chips of GE1/1, cluster size and timing."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import EFFICIENCY, MAP, SPECTRUM, beginning

__all__ = ["workspace"]

_FOLDER: Final = "GEM"
_CALL: Final = "Otherwise call the GEM expert on duty."
_CHAMBER: Final = integer(1, 37, label="chamber")
_LAYERS: Final = {
    f"GE{'+' if endcap > 0 else '-'}1/1 layer {layer}": (
        f"{'Plus' if endcap > 0 else 'Minus'}Layer{layer}",
        f"gem.endcap == {endcap} and gem.layer == {layer}",
    )
    for endcap in (-1, 1)
    for layer in (1, 2)
}
"""Title to folder and selection."""


def _summary() -> Iterator[Element]:
    yield from beginning(_FOLDER, "gem", "vfat", "clusters", most=25, call=_CALL)
    yield histogram(
        f"{_FOLDER}/bx",
        integer(-2, 3, label="crossing, relative to the event's"),
        fill="gem.bx",
        title="Crossing of clusters",
        description=f"90 % in bin 0; a shifted peak is a wrong latency. {_CALL}",
        draw=SPECTRUM,
    )


def _layer(title: str, name: str, select: str) -> Iterator[Element]:
    folder = f"{_FOLDER}/{name}"
    yield histogram(
        f"{folder}/occupancy",
        _CHAMBER,
        fill="gem.chamber",
        select=select,
        title=f"{title}: clusters by chamber",
        description=f"Flat within the statistics: an empty bin is a dead chamber. {_CALL}",
    )
    yield histogram(
        f"{folder}/vfats",
        _CHAMBER,
        integer(0, 24, label="VFAT chip"),
        fill=("gem.chamber", "gem.vfat"),
        select=select,
        title=f"{title}: clusters by VFAT chip",
        description="One colour. A white field is a dead chip, a white column a chamber without "
        f"voltage, a bright field a noisy chip. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        f"{folder}/strips",
        integer(0, 384, label="strip"),
        integer(1, 9, label="partition in eta"),
        fill=("gem.strip", "gem.ieta"),
        select=select,
        title=f"{title}: clusters by strip, all chambers together",
        description=f"One colour. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        f"{folder}/size",
        integer(1, 21, label="strips in the cluster"),
        fill="gem.size",
        select=select,
        title=f"{title}: cluster size",
        description=f"Halves from bin to bin; mean about 2. {_CALL}",
        draw=SPECTRUM,
    )
    yield profile(
        f"{folder}/in_time_by_chamber",
        _CHAMBER,
        fill="gem.chamber",
        value="where(gem.bx == 0, 1, 0)",
        value_range=(0, 1),
        select=select,
        title=f"{title}: fraction of clusters in the right crossing, by chamber",
        description=f"Flat at 0.9: a low chamber has a wrong latency. {_CALL}",
        draw=EFFICIENCY,
    )


workspace = Workspace(
    "gem",
    "GEM: dead and noisy VFAT chips of GE1/1, cluster size, crossing.",
    [*_summary(), *(one for title, rest in _LAYERS.items() for one in _layer(title, *rest))],
)
