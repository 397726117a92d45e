"""Luminosity of each bunch as several luminometers measure it, and how they agree.

Columns are those of BRIL's trees `lumi`: a row is one bunch crossing `bx` over a second or so, with
what each luminometer says of it, in the units of the file, all the same: `pcc` (clusters in the
pixel detector), `hfoc` and `hfet` (forward calorimeter: occupancy, transverse energy), `bcm` (beam
condition monitor) and `plt` (pixel luminosity telescope).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.elements import TREND

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the BRIL expert on duty."
_POINTS: Final = Draw(style="points")

_METERS: Final = {
    "pcc": "pixel cluster counting",
    "hfoc": "HF occupancy",
    "hfet": "HF transverse energy",
    "bcm": "beam condition monitor",
    "plt": "pixel luminosity telescope",
}
_BUNCH: Final = integer(1, 3565, label="bunch crossing")
_LUMI: Final = regular(250, 0, 25, label="luminosity of a bunch, in the units of the file")
_COARSE: Final = regular(50, 0, 25, label="luminosity of a bunch by HF occupancy")
_RATIO: Final = regular(200, 0, 2, label="ratio")
_RANGE: Final = (-10.0, 1000.0)
"""Far beyond what is sane: an outlier must show in the means, not be left out of them."""
_FILLED: Final = 0.5
"""Luminosity below which a ratio is that of two backgrounds."""


def _all() -> Iterator[Element]:
    yield scalar(
        "BRILLumi/rows",
        "1",
        combine="sum",
        title="Measurements",
        description="Steady over lumisections: filled bunches times readings. Zero: no data.",
        draw=TREND,
    )
    yield histogram(
        "BRILLumi/bunches",
        _BUNCH,
        fill="bx",
        title="Measurements by bunch crossing",
        description=f"The filling scheme: each filled bunch alike, the others empty. {_CALL}",
    )


def _meter(name: str, title: str) -> Iterator[Element]:
    yield histogram(
        f"BRILLumi/{name}/value",
        _LUMI,
        fill=name,
        title=f"Luminosity by {title}",
        description="One peak that moves slowly left during the fill, or with the separation in "
        f"a scan; entries beyond the others are a fault of the luminometer. {_CALL}",
        draw=TREND,
    )
    yield profile(
        f"BRILLumi/{name}/by_bunch",
        _BUNCH,
        fill="bx",
        value=name,
        value_range=_RANGE,
        title=f"Mean luminosity by {title}, by bunch crossing",
        description=f"Trains alike; the first bunch of a train may lie apart. {_CALL}",
        draw=_POINTS,
    )
    yield scalar(
        f"BRILLumi/{name}/highest",
        name,
        combine="max",
        title=f"Highest luminosity by {title}",
        description="Near those of the other luminometers: several times more is a fault.",
        draw=TREND,
    )
    yield scalar(
        f"BRILLumi/{name}/lowest",
        name,
        combine="min",
        title=f"Lowest luminosity by {title}",
        description="Not below 0: less is a wrong background subtraction.",
        draw=TREND,
    )


def _ratio(above: str, below: str) -> Iterator[Element]:
    name, title = f"{above}_to_{below}", f"{above} / {below}"
    both = f"{above} > 0 and {below} > {_FILLED}"
    yield histogram(
        f"BRILLumi/Ratio/{name}",
        _RATIO,
        fill=f"{above} / {below}",
        select=both,
        title=f"Ratio {title}",
        description=f"One narrow peak near 1 that stays where it is. {_CALL}",
        draw=TREND,
    )
    yield profile(
        f"BRILLumi/Ratio/{name}_by_bunch",
        _BUNCH,
        fill="bx",
        value=f"{above} / {below}",
        value_range=_RANGE,
        select=both,
        title=f"Mean ratio {title} by bunch crossing",
        description=f"Flat: a slope along a train is afterglow in one of them. {_CALL}",
        draw=Draw(style="points", efficiency=True),
    )
    yield profile(
        f"BRILLumi/Ratio/{name}_by_luminosity",
        _COARSE,
        fill="hfoc",
        value=f"{above} / {below}",
        value_range=_RANGE,
        select=both,
        title=f"Mean ratio {title} by luminosity",
        description=f"Flat: a slope is a luminometer that is not linear. {_CALL}",
        draw=Draw(style="points", efficiency=True),
    )


def _ratios() -> Iterator[Element]:
    for above, below in ((name, "hfoc") for name in _METERS if name != "hfoc"):
        yield from _ratio(above, below)
    for above, below in pairwise(("pcc", "plt", "bcm")):
        yield from _ratio(above, below)


workspace = Workspace(
    "bril_lumi",
    "Luminosity of each bunch by five luminometers, and how they agree.",
    [
        *_all(),
        *(element for name, title in _METERS.items() for element in _meter(name, title)),
        *_ratios(),
    ],
)
