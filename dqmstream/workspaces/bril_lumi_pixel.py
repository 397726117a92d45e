"""Pixel cluster counting in each layer and disk by itself, beside that of all."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, profile, regular
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.elements import TREND

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the BRIL expert on duty."
_PARTS: Final = {
    **{f"B{layer}": f"barrel layer {layer + 1}" for layer in (1, 2, 3)},
    **{
        f"F{disk}p{panel}": f"forward disk {disk}, panel {panel}"
        for panel in (1, 2)
        for disk in (1, 2, 3)
    },
}
_LUMI: Final = regular(125, 0, 25, label="luminosity of a bunch, in the units of the file")
_ALL: Final = regular(50, 0, 25, label="luminosity of a bunch by all layers and disks")


def _parts() -> Iterator[Element]:
    for part, title in _PARTS.items():
        yield histogram(
            f"BRILPixel/value/{part}",
            _LUMI,
            fill=f"pcc{part}",
            title=f"Luminosity by clusters in {title}",
            description=f"As the others: lower if modules are off. {_CALL}",
            draw=TREND,
        )
        yield profile(
            f"BRILPixel/share/{part}",
            _ALL,
            fill="pcc",
            value=f"pcc{part} / pcc",
            value_range=(-100, 100),
            select="pcc > 0.5",
            title=f"{part} over all, by luminosity",
            description=f"Flat, at 1: a slope is a part that is not linear. {_CALL}",
            draw=Draw(style="points", efficiency=True, per_lumisection=True),
        )


workspace = Workspace(
    "bril_lumi_pixel",
    "Pixel cluster counting in each layer and disk by itself.",
    _parts(),
)
